"""Pairs in batches: the tokens that the tokenizer keeps at a training's max_length, whatever the sweep's longest is."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer as RustTokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import RobertaProcessing, TemplateProcessing
from transformers import BertJapaneseTokenizer, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from sweeper.data.rows import LabelledTexts
from sweeper.training.batching import collate
from sweeper.training.calibration import _select
from sweeper.training.tokenizer import Tokenizer

_WORDS = {word: k for k, word in enumerate(["<pad>", "<unk>", "<s>", "</s>", *"abcdefgh"])}
_LENGTHS = [
    (1, 1),
    (1, 40),
    (40, 1),
    (12, 12),
    (13, 12),
    (12, 13),
    (7, 30),
    (30, 7),
    (40, 40),
    (41, 40),
    (5, 6),
    (3, 0),
]


def bert_like(folder: Path) -> PreTrainedTokenizerBase:
    """Return a tokenizer in Rust with one special token between two texts, and token types."""
    pair = "<s> $A </s> $B:1 </s>:1"
    return _fast(TemplateProcessing("<s> $A </s>", pair, [("<s>", 2), ("</s>", 3)]), ["input_ids", "token_type_ids"])


def roberta_like(folder: Path) -> PreTrainedTokenizerBase:
    """Return a tokenizer in Rust with two special tokens between two texts, and no token types."""
    return _fast(RobertaProcessing(("</s>", 3), ("<s>", 2)), ["input_ids"])


def in_python(folder: Path) -> PreTrainedTokenizerBase:
    """Return a tokenizer in Python, which halves an odd number of tokens in its own way."""
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *"abcdefgh"]
    (folder / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    return BertJapaneseTokenizer(str(folder / "vocab.txt"), word_tokenizer_type="basic")


def _fast(processing: Any, names: list[str]) -> PreTrainedTokenizerBase:
    rust = RustTokenizer(WordLevel(_WORDS, unk_token="<unk>"))
    rust.pre_tokenizer, rust.post_processor = Whitespace(), processing
    return PreTrainedTokenizerFast(
        tokenizer_object=rust, cls_token="<s>", sep_token="</s>", pad_token="<pad>", unk_token="<unk>",
        model_input_names=names,
    )  # fmt: skip


def pairs() -> LabelledTexts:
    """Return pairs of all lengths, and one whose first text has a special token among its words."""
    generator = np.random.default_rng(0)
    lengths = [*_LENGTHS, *generator.integers(1, 30, (8, 2)).tolist()]
    texts = [[" ".join(generator.choice(list("abcdefgh"), length)) for length in both] for both in lengths]
    firsts, seconds = [*[first for first, _ in texts], "a </s> b"], [*[second for _, second in texts], "c d e f"]
    return LabelledTexts(firsts, np.arange(len(firsts)) % 3, seconds)


@pytest.mark.parametrize("kind", [bert_like, roberta_like, in_python])
@pytest.mark.parametrize("longest", [64, 21])
def test_a_batch_of_pairs_has_the_tokens_that_the_tokenizer_keeps(
    kind: Callable[[Path], PreTrainedTokenizerBase], longest: int, tmp_path: Path
) -> None:
    original = kind(tmp_path)
    original.save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "bert"}', encoding="utf-8")
    rows = pairs()
    split = Tokenizer(tmp_path, "tiny").tokenize_split(rows, longest)
    order = np.random.default_rng(1).permutation(len(rows))
    part = _select(split, order[:9])
    for max_length in (4, 5, 8, 19, 20, 21, 64):
        most = min(max_length, longest)
        kept = original(rows.texts, rows.pairs, truncation="longest_first", max_length=most)
        for batch in (collate(split, order, max_length, 0), collate(part, np.arange(9), max_length, 0)):
            for k, row in enumerate(order[: len(batch.labels)]):
                length = int(batch.mask[k].sum())
                assert batch.ids[k, :length].tolist() == kept["input_ids"][row], (max_length, row)
                if "token_type_ids" in kept:
                    assert batch.token_types is not None
                    assert batch.token_types[k, :length].tolist() == kept["token_type_ids"][row]


def test_single_texts_have_no_pairs(tmp_path: Path) -> None:
    roberta_like(tmp_path).save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "bert"}', encoding="utf-8")
    split = Tokenizer(tmp_path, "tiny").tokenize_split(replace(pairs(), pairs=None), 20)
    assert split.pairs is None
    assert collate(split, np.array([2]), 6, 0).ids.tolist() == [[2, *split.tokens[split.starts[2] + 1 :][:4], 3]]
