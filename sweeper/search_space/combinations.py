"""Combinations of values that no training can have: every key is right by itself, and together they are not."""

import itertools
import math
from collections.abc import Iterator, Mapping
from pathlib import Path

from sweeper.data.catalog import DATASETS
from sweeper.data.encoder_config import is_hub_name, max_tokens_of_folder, read_encoder_config
from sweeper.data.local_files import most_rows
from sweeper.errors import UnavailableError
from sweeper.home_folder import expand_home
from sweeper.search_space.document import KeyPath
from sweeper.search_space.hyperparameter_syntax import list_hint
from sweeper.search_space.issue import SpecIssue
from sweeper.search_space.space_values import largest_value, path_of, varies
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.config import Scalar, TrainConfig
from sweeper.training.peft_package import missing_peft_rule
from sweeper.training.registry import ENCODER_KINDS, LOSSES, encoder_kind
from sweeper.wording import quote_value

_MAX_SETTINGS = 100_000


def check_combinations(spec: SweepSpec) -> Iterator[SpecIssue]:
    """Yield the issues of a spec whose hyperparameters are valid one by one."""
    yield from _contrastive_loss_of_single_texts(spec)
    yield from _batches_of_one_class(spec)
    yield from _gradient_cache_of_single_batches(spec)
    yield from _adapters_of_other_trainings(spec)
    yield from _layers_of_encoders_from_scratch(spec)
    yield from _gpu_features_without_gpu(spec)
    yield from _varying_length_of_pairs(spec)
    yield from _too_few_batches(spec)
    for name in spec.encoders:
        if not encoder_kind(name).is_pretrained:
            continue
        rule = _encoder_rule(spec, name)
        if rule:
            yield SpecIssue(_path_of_encoder(spec, name), rule)


def _contrastive_loss_of_single_texts(spec: SweepSpec) -> Iterator[SpecIssue]:
    """A contrastive term compares a batch's texts. Two views of one text have no other text to be compared with.

    Prototypes are compared with a single text.
    """
    for values in _critical_values(spec, "loss", "batch_size", "memory", "gradient_cache", "accumulate"):
        loss = LOSSES.get(str(values["loss"]))
        if loss is None or loss.contrastive_term is None or loss.has_prototypes:
            continue
        has_others = values["memory"] or (values["gradient_cache"] and int(values["accumulate"]) > 1)
        if values["batch_size"] == 1 and not has_others:
            rule = f"a batch of one text has no other text for loss {values['loss']} to compare it with, got 1"
            yield SpecIssue(path_of(spec.space, "batch_size"), f"{rule}; use 2 or more")
            return


def _batches_of_one_class(spec: SweepSpec) -> Iterator[SpecIssue]:
    """A batch needs texts of two classes."""
    for values in _critical_values(spec, "texts_per_class", "batch_size"):
        each, size = int(values["texts_per_class"]), int(values["batch_size"])
        if each > 1 and 2 * each > size:
            rule = f"a batch of {size} texts has no room for two classes of {each} texts, got {each}"
            yield SpecIssue(path_of(spec.space, "texts_per_class"), f"{rule}; use at most half of batch_size")
            return


def _gradient_cache_of_single_batches(spec: SweepSpec) -> Iterator[SpecIssue]:
    """A gradient cache changes nothing in an update of one batch."""
    settings = list(_critical_values(spec, "gradient_cache", "accumulate"))
    cached = [values for values in settings if values["gradient_cache"]]
    if cached and all(values["accumulate"] == 1 for values in cached):
        rule = "compares the texts of all batches of an update, and accumulate is 1; set accumulate to 2 or more"
        yield SpecIssue(path_of(spec.space, "gradient_cache"), rule)


def _adapters_of_other_trainings(spec: SweepSpec) -> Iterator[SpecIssue]:
    """An adapter needs the package peft, and weights beside it that were trained before."""
    for values in _critical_values(spec, "lora", "reinit_layers", "encoder"):
        rank, encoder = int(values["lora"]), str(values["encoder"])
        rule = missing_peft_rule(rank)
        if values["reinit_layers"]:
            rule = f"layers with new weights would stay random (reinit_layers: {values['reinit_layers']}), got {rank}"
            rule = f"{rule}; leave one of them out"
        elif not encoder_kind(encoder).is_pretrained:
            rule = f"an adapter needs a pretrained encoder, and {encoder} is trained from scratch, got {rank}"
            rule = f"{rule}; leave lora out, or give it a `when` with the pretrained encoders"
        if rank and rule:
            yield SpecIssue(path_of(spec.space, "lora"), rule)
            return


def _layers_of_encoders_from_scratch(spec: SweepSpec) -> Iterator[SpecIssue]:
    """New weights in the last layers, and a learning rate for each layer, need an encoder that was trained before."""
    for name, unchanged in (("reinit_layers", 0), ("layer_decay", 1)):
        for values in _critical_values(spec, name, "encoder"):
            value, encoder = values[name], str(values["encoder"])
            if value != unchanged and not encoder_kind(encoder).is_pretrained:
                rule = f"needs a pretrained encoder, and {encoder} is trained from scratch, got {value}"
                remedy = f"leave {name} out, or give it a `when` with the pretrained encoders"
                yield SpecIssue(path_of(spec.space, name), f"{rule}; {remedy}")
                break


def _critical_values(spec: SweepSpec, *names: str) -> Iterator[Mapping[str, Scalar]]:
    """Yield the values of some hyperparameters in each combination; of a range, its ends."""
    defaults = {name: TrainConfig.model_fields[name].default for name in names}
    space = spec.space.critical_values()
    for setting in itertools.islice(space.enumerate_settings(space.with_ancestors(names), {}), _MAX_SETTINGS):
        yield {**defaults, **space.fixed, **setting}


def _too_few_batches(spec: SweepSpec) -> Iterator[SpecIssue]:
    if spec.validations_per_epoch == 1:
        return
    data = spec.dataset_spec
    sizes = [spec.limit.train, data.sizes[0] if data.sizes else None]
    sizes += [most_rows(Path(path)) for split, path in data.files.items() if split == "train"]
    known = [size for size in sizes if size is not None]
    rule = batches_rule(spec, min(known)) if known else None
    if rule:
        yield SpecIssue(("training", "validations_per_epoch"), rule)


def batches_rule(spec: SweepSpec, num_texts: int) -> str | None:
    """Return the rule that is broken if an epoch of some trial has fewer batches than validations, or None.

    `num_texts` is the number of texts in train, or one that it does not exceed.
    """
    size, validations = largest_value(spec.space, "batch_size"), spec.validations_per_epoch
    batches = math.ceil(num_texts / size)
    if batches >= validations:
        return None
    count = f"{batches} batch{'es' if batches != 1 else ''}"
    rule = f"an epoch of {num_texts:,} texts has {count} at batch_size {size}, got {validations}"
    return f"{rule}; ask for fewer validations, or use smaller batches"


def _gpu_features_without_gpu(spec: SweepSpec) -> Iterator[SpecIssue]:
    if spec.resources.gpu:
        return
    if "fp16" in spec.values_of("precision"):
        rule = "fp16 needs a GPU, but a trial gets none (resources.gpu: 0), got fp16"
        yield SpecIssue(path_of(spec.space, "precision"), f"{rule}; set resources.gpu, or use auto, bf16 or float32")
    if spec.resources.accelerator:
        rule = f"names a type of GPU, but a trial gets no GPU, got {spec.resources.accelerator}; set resources.gpu"
        yield SpecIssue(("resources", "accelerator"), rule)


def _varying_length_of_pairs(spec: SweepSpec) -> Iterator[SpecIssue]:
    is_known = not isinstance(spec.dataset, str) or spec.dataset in DATASETS
    if is_known and len(spec.dataset_spec.text) > 1 and varies(spec.space, "max_length"):
        rule = "cannot vary if rows are pairs, because both texts are cut alike; give one value"
        yield SpecIssue(path_of(spec.space, "max_length"), rule)


def _encoder_rule(spec: SweepSpec, name: str) -> str | None:
    """Return the rule that the name of a pretrained encoder breaks, as far as this machine can tell, or None."""
    folder = expand_home(name)
    try:
        if folder.is_dir():
            return _folder_rule(spec, name, folder)
        is_file = folder.is_file()
    except OSError:
        is_file = False
    if is_file:
        return f"is a file; name the folder of a model, got {quote_value(name)}"
    kind = name.lower()
    if kind in ENCODER_KINDS:
        return f"unknown encoder, got {name}" + (f"; did you mean {kind}?" if kind != name else "; name a model")
    if not is_hub_name(name):
        rule = "no such folder, and no name of the Hugging Face hub (OWNER/NAME)"
        return f"{rule}, got {quote_value(name)}; a folder is looked for in {Path.cwd()}{list_hint(name)}"
    return None


def _folder_rule(spec: SweepSpec, name: str, folder: Path) -> str | None:
    try:
        limit = max_tokens_of_folder(folder, read_encoder_config(folder, name))
    except UnavailableError as error:
        return str(error).removeprefix(f"encoder {name}: ")
    if limit is not None and spec.max_tokens > limit:
        return f"takes {limit} tokens at most, got max_length: {spec.max_tokens}; use a smaller max_length"
    return None


def _path_of_encoder(spec: SweepSpec, name: str) -> KeyPath:
    """Return the place of one encoder: its position where encoders are a plain list."""
    path = path_of(spec.space, "encoder")
    written = getattr(spec, str(path[0])).get("encoder")
    return (*path, written.index(name)) if isinstance(written, list) and len(written) > 1 else path
