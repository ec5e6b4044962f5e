"""Answers for the ACL Responsible NLP checklist, sections B and C, from the record of a sweep.

The questions are in our own words. Each answer is a draft: the authors know what the record does not.
"""

from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from sweeper.app import checklist_answers as answers
from sweeper.app.sweep_list import current_results
from sweeper.reporting.table.formats.latex import escape as escape_latex
from sweeper.storage.sweep_names import find_named_sweep
from sweeper.wording import escape_markdown

_LEFT_TO_AUTHORS = "For the authors to answer."


@dataclass(frozen=True)
class ChecklistAnswer:
    """The answer to one item, such as C1: the item's subject in our words, and the lines of the answer."""

    item: str
    subject: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Checklist:
    """The answers of a sweep, in the order of the checklist."""

    sweep: str
    answers: tuple[ChecklistAnswer, ...]

    def to_markdown(self) -> str:
        """Return the answers in Markdown: a heading for each item, and a list."""
        parts = [f"# Checklist for {escape_markdown(self.sweep)}"]
        for answer in self.answers:
            lines = "\n".join(f"- {escape_markdown(line)}" for line in answer.lines)
            parts.append(f"## {answer.item} {answer.subject}\n\n{lines}")
        return "\n\n".join(parts) + "\n"

    def to_latex(self) -> str:
        """Return the answers in LaTeX: a description list, which needs no package."""
        lines = [f"% Checklist for {self.sweep}", r"\begin{description}"]
        for answer in self.answers:
            text = " ".join(map(escape_latex, answer.lines))
            lines.append(rf"\item[{answer.item} {escape_latex(answer.subject)}] {text}")
        return "\n".join([*lines, r"\end{description}"]) + "\n"


def checklist(sweep: str | PathLike[str], *, sweeps: str | Path = "sweeps") -> Checklist:
    """Return answers for a reviewer's checklist, by the record of a sweep, finished or not.

    `sweep` is a folder, a name in the folder `sweeps`, or an opened sweep. What the record does not have is said to be
    unknown. Raises UsageError if there is no such sweep, RecordError if its record is damaged.
    """
    folder = find_named_sweep(sweep, Path(sweeps))
    spec = folder.read_spec()
    results = current_results(folder, spec)
    lines_by_item = {
        ("B1", "Data and encoders that are used"): answers.describe_sources(spec, results),
        ("B2", "Licences"): answers.describe_licences(folder, spec),
        ("B3", "Intended use"): [_LEFT_TO_AUTHORS],
        ("B4", "Personal and offensive content"): [_LEFT_TO_AUTHORS],
        ("B5", "Domains, languages, groups of people"): [_LEFT_TO_AUTHORS],
        ("B6", "Size of the data"): answers.describe_data(folder, spec),
        ("C1", "Parameters, cost and machines"): [
            *answers.describe_parameters(folder, spec),
            *answers.describe_cost(folder, results),
        ],
        ("C2", "Search and best values"): answers.describe_search(spec, results),
        ("C3", "Statistics of the scores"): answers.describe_statistics(results),
        ("C4", "Packages"): answers.describe_packages(folder),
    }
    items = (ChecklistAnswer(item, subject, tuple(lines)) for (item, subject), lines in lines_by_item.items())
    return Checklist(folder.name, tuple(items))
