"""A search space that does not fit its data, encoders or machine is refused before any trial, with line and remedy."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sweeper.app.fit_checks import require_enough_batches, require_fitting_length, require_gpu_for_fp16
from sweeper.errors import UsageError
from sweeper.search_space import parser, yaml_file
from sweeper.search_space.sweep_spec import SweepSpec
from tests.support.search_spaces import small_spec


def message(check: Callable[[], None]) -> str:
    with pytest.raises(UsageError) as caught:
        check()
    assert caught.value.exit_code == 2
    return str(caught.value)


@pytest.mark.parametrize(
    ("sizes", "largest"),
    [([4, 8, 24], 24), ({"int": [8, 24]}, 24), ({"int": [8, 24], "step": 8}, 24), ([4, 8], 8)],
)
def test_every_batch_size_of_the_space_must_have_enough_batches(sizes: Any, largest: int) -> None:
    spec = small_spec(search={"batch_size": sizes}, training={"validations_per_epoch": 4})
    require_enough_batches(spec, 3 * largest + 1)
    says = (
        f"training.validations_per_epoch: an epoch of {3 * largest} texts has 3 batches at batch_size {largest}, got 4"
    )
    assert says in message(lambda: require_enough_batches(spec, 3 * largest))


def test_the_line_of_the_key_is_named(tmp_path: Path) -> None:
    file = tmp_path / "space.yaml"
    file.write_text("dataset: sst5\ncompare: {encoder: [gru]}\ntraining:\n  epochs: 1\n  validations_per_epoch: 9\n")
    spec = parser.parse_spec(yaml_file.load_yaml(file))
    assert message(lambda: require_enough_batches(spec, 32)).startswith(f"{file}:5: training.validations_per_epoch: ")
    spec = parser.parse_spec(yaml_file.load_yaml(file, ["training.max_length=99"]))
    says = "--set training.max_length=99: training.max_length: my/enc takes 64 tokens at most, got 99"
    assert message(lambda: require_fitting_length(spec, "my/enc", 64)).startswith(says)


def fp16_spec() -> SweepSpec:
    return small_spec(training={"precision": "fp16"}, resources={"gpu": 1})


def test_fp16_on_a_machine_without_a_gpu_is_refused() -> None:
    torch = pytest.importorskip("torch")
    if torch.cuda.device_count():
        pytest.skip("this machine has a GPU")
    assert "this machine has none" in message(lambda: require_gpu_for_fp16(fp16_spec(), is_remote=False))
    require_gpu_for_fp16(fp16_spec(), is_remote=True)
    require_gpu_for_fp16(small_spec(), is_remote=False)
