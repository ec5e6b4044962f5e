"""The files that sweeper loads from an encoder's folder, and the digest that identifies them."""

from pathlib import Path

import pytest

from sweeper.data.encoder_folder import folder_digest, needed_files


def _fill(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return folder


@pytest.mark.parametrize(
    ("weights", "loaded"),
    [
        (["model.safetensors", "pytorch_model.bin", "tf_model.h5", "flax_model.msgpack"], ["model.safetensors"]),
        (["pytorch_model.bin", "onnx/model.onnx", "rust_model.ot"], ["pytorch_model.bin"]),
        (
            ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "pytorch_model.bin"],
            ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"],
        ),
        (["pytorch_model-00001-of-00001.bin", "training_args.bin"], ["pytorch_model-00001-of-00001.bin"]),
    ],
)
def test_one_kind_of_weights_is_loaded_beside_configuration_and_tokenizer(
    tmp_path: Path, weights: list[str], loaded: list[str]
) -> None:
    folder = _fill(tmp_path, "config.json", "vocab.txt", "spiece.model", *weights)
    assert [path.name for path in needed_files(folder)] == sorted(["config.json", "vocab.txt", "spiece.model", *loaded])


def test_files_that_are_not_loaded_do_not_change_the_digest(tmp_path: Path) -> None:
    folder = _fill(tmp_path, "config.json", "model.safetensors")
    before = folder_digest(folder)
    _fill(folder, ".git/index", ".gitattributes", ".cache/x.json", "README.md", "tf_model.h5")
    assert folder_digest(folder) == before
    (folder / "model.safetensors").write_text("other weights")
    assert folder_digest(folder) != before
