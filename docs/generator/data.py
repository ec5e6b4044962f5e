"""The pages of data sets, file formats and table formats."""

from docs.generator.choices import entry_table, plain_fields, registry
from docs.generator.markdown import code, page, table, value
from docs.generator.schema import field_table


def data() -> str:
    """Return the page of data sets and file formats."""
    from sweeper.search_space.custom_dataset import CustomDataset

    datasets = registry("data.catalog:DATASETS")
    rows = []
    for name, dataset in datasets.items():
        sizes = " / ".join(f"{size:,}" for size in dataset.sizes) if dataset.sizes else "as on its page"
        majority = "" if dataset.majority is None else f"{dataset.majority:.1%}"
        rows.append((code(name), dataset.description, str(len(dataset.class_names)), sizes, majority, dataset.licence))
    heads = ["name", "description", "classes", "train / validation / test", "majority class in test", "licence"]
    return page(
        "Data sets and file formats",
        "[The guide](../guides/own-data.md) explains how to use your own.",
        "## Data sets",
        "The names that `dataset` takes.",
        table(heads, rows),
        "## Your own data set",
        "The keys of `dataset` as a section.",
        field_table(CustomDataset),
        "## File formats",
        _file_formats(),
        "## How each data set is prepared",
        *(_preparation(name, dataset) for name, dataset in datasets.items()),
    )


def table_formats() -> str:
    """Return the page of the formats of `sweeper table`."""
    return page("Table formats", "The values of `sweeper table --format`.", _table_formats())


def _file_formats() -> str:
    return entry_table("data.local_files:FORMATS")


def _table_formats() -> str:
    return entry_table("reporting.table.formats:FORMATS", more=("suffix",))


def _preparation(name: str, dataset: object) -> str:
    hidden = {"name", "description", "licence", "sizes", "majority", "classes", "files"}
    rows = [(code(key), value(item)) for key, item in plain_fields(dataset) if key not in hidden]
    class_names = getattr(dataset, "class_names", ())
    return f"### {code(name)}\n\nClasses: {', '.join(class_names)}.\n\n" + table(["", ""], rows)
