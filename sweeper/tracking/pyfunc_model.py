"""A text classifier that sweeper trained, as MLflow loads it. MLflow copies this file beside the model.

    mlflow.pyfunc.load_model(uri).predict(["a text", "another"])

returns a table with a column `label`, and a column `probability/NAME` for each class. A model with thresholds predicts
any number: its column `labels` has lists. If the model was trained on pairs of texts, each row of the input is a pair.
`model` has the encoder, tokenizer, classifier, class names and thresholds; `prediction.json` has the hyperparameters.

Predictions are computed as sweeper computed them when it scored the model: with texts of similar length in a batch, and
in the same precision. This file must not import sweeper, because it also runs where sweeper is not installed.
"""

import json
import os
import unicodedata
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

PADDING, UNKNOWN, FIRST_WORD = 0, 1, 2  # word numbers of rnn and gru
ZERO_WIDTH_SPACE = 0x200B
STOP_WORDS = """
a about above after again all also am an and any are as at be because been before being below between both but by can
could did do does doing down during each either few for from further had has have having he her here hers herself him
himself his how i if in into is it its itself just me more most my myself of off on once one only or other our ours
ourselves out over own s same she should so some such t than that the their theirs them themselves then there these they
this those through to too under until up us very was we were what when where which while who whom why will with would
you your yours yourself yourselves d ll m re ve
"""


class WordCharacters(dict[int, int | None]):
    """A table for str.translate. It keeps what belongs to words, drops format characters, and makes the rest spaces."""

    def __missing__(self, code: int) -> int | None:
        category = unicodedata.category(chr(code))
        if category[0] in "LMN":
            self[code] = code
        else:
            self[code] = None if category == "Cf" and code != ZERO_WIDTH_SPACE else ord(" ")
        return self[code]


class WordTokenizer:
    """Turns texts into word numbers for an rnn or a gru: lower case, letters, marks and digits, no stop words."""

    keeps_last_token = False

    def __init__(self, folder: Path) -> None:
        vocabulary = json.loads((folder / "vocabulary.json").read_text(encoding="utf-8"))
        self.numbers = {word: FIRST_WORD + k for k, word in enumerate(vocabulary)}
        self.stop_words, self.padding = frozenset(STOP_WORDS.split()), PADDING
        self.characters = WordCharacters()

    def __call__(self, texts: list[str], pairs: list[str] | None, max_tokens: int) -> tuple[list[list[int]], None]:
        """Return the numbers of each text, at most `max_tokens`. A text without words is one unknown word."""
        if pairs is not None:
            texts = [f"{first} {second}" for first, second in zip(texts, pairs, strict=True)]
        return [self._encode(text)[:max_tokens] or [UNKNOWN] for text in texts], None

    def _encode(self, text: str) -> list[int]:
        lower = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).lower())
        words = map(strip_leading_marks, lower.translate(self.characters).split())
        return [self.numbers.get(word, UNKNOWN) for word in words if word and word not in self.stop_words]


def strip_leading_marks(word: str) -> str:
    """Return a word from its first letter or number on. A mark before that belongs to a symbol, such as an emoji."""
    if word[0].isalnum():
        return word
    return word[next((k for k, character in enumerate(word) if character.isalnum()), len(word)) :]


class PretrainedTokenizer:
    """Turns texts into the tokens of a pretrained encoder."""

    keeps_last_token = True  # [SEP] stays when a text is truncated

    def __init__(self, folder: Path) -> None:
        from transformers import AutoTokenizer

        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.padding = int(self.tokenizer.pad_token_id)

    def __call__(
        self, texts: list[str], pairs: list[str] | None, max_tokens: int
    ) -> tuple[list[list[int]], list[list[int]] | None]:
        """Return the tokens of each text or pair, at most `max_tokens`; for pairs also the token types."""
        encoding = self.tokenizer(texts, pairs, truncation="longest_first", max_length=max_tokens)
        return encoding["input_ids"], encoding.get("token_type_ids") if pairs is not None else None


class ServedRecurrentEncoder(nn.Module):
    """Word embeddings and one layer of RNN or GRU over them, always in float32."""

    def __init__(self, settings: dict[str, Any]) -> None:
        super().__init__()
        self.size = FIRST_WORD + settings["vocabulary"]
        self.embedding = nn.Embedding(self.size, settings["embedding_size"], padding_idx=PADDING)
        layer = nn.GRU if settings["encoder"] == "gru" else nn.RNN
        self.layer = layer(settings["embedding_size"], settings["hidden_size"], batch_first=True)

    def forward(self, ids: Tensor) -> Tensor:
        """Return hidden states (B, L, D) for word numbers (B, L). Numbers beyond the vocabulary are unknown words."""
        with torch.autocast(ids.device.type, enabled=False):
            states: Tensor = self.layer(self.embedding(ids.where(ids < self.size, UNKNOWN)))[0]
        return states


def best_device() -> torch.device:
    """Return the GPU of an Apple chip, a GPU of CUDA or the CPU, the one that sweeper would train on here."""
    if torch.backends.mps.is_available() and os.environ.get("CUDA_VISIBLE_DEVICES") != "":
        return torch.device("mps")
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def auto_precision(device: str) -> str:
    """Return the precision that `auto` means on a kind of device, the same as in sweeper's trainings."""
    if device == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
    capabilities = torch.cpu.get_capabilities() if device == "cpu" else {}
    return "bf16" if capabilities.get("avx512_bf16") or capabilities.get("amx_bf16") else "float32"


class ServedClassifier(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    """The model with the interface that MLflow calls."""

    def load_context(self, context: Any) -> None:
        """Load the model from the files beside it."""
        folder = Path(context.artifacts["model"])
        self.settings = json.loads(Path(context.artifacts["prediction"]).read_text(encoding="utf-8"))
        self.labels = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
        limits = folder / "thresholds.json" if self.settings.get("task") == "multi_label" else None
        self.thresholds = None if limits is None else json.loads(limits.read_text(encoding="utf-8"))
        self.device = best_device()
        self.is_recurrent = self.settings["encoder"] in ("rnn", "gru")
        tokenizer = WordTokenizer if self.is_recurrent else PretrainedTokenizer
        self.tokenizer: WordTokenizer | PretrainedTokenizer = tokenizer(folder / "encoder")
        self.encoder = self._load_encoder(folder / "encoder").to(self.device).eval()
        self.head = {name: part.to(self.device) for name, part in load_file(folder / "classifier.safetensors").items()}

    def _load_encoder(self, folder: Path) -> Any:
        if self.is_recurrent:
            encoder = ServedRecurrentEncoder(self.settings)
            encoder.load_state_dict(load_file(folder / "recurrent.safetensors"))
            return encoder
        from transformers import AutoModel
        from transformers.utils import logging

        logging.disable_progress_bar()
        return AutoModel.from_pretrained(folder, dtype=torch.float32)

    def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> pd.DataFrame:
        """Return the labels and the probabilities of each text. MLflow turns lists of texts or pairs into a table."""
        frame = pd.DataFrame(model_input)
        columns = [frame.iloc[:, k].astype(str).tolist() for k in range(self.settings["texts"])]
        probabilities = self.predict_probabilities(columns[0], columns[1] if len(columns) > 1 else None)
        table = pd.DataFrame(probabilities, columns=[f"probability/{label}" for label in self.labels])
        table.insert(0, *self.name_labels(probabilities))
        return table

    def name_labels(self, probabilities: np.ndarray) -> tuple[str, list[Any]]:
        """Return a column for probabilities (N, C), with its name: `label`, or `labels` that reach their thresholds."""
        if self.thresholds is None:
            return "label", [self.labels[k] for k in probabilities.argmax(axis=1)]
        limits = np.array([self.thresholds[label] for label in self.labels])
        return "labels", [[self.labels[k] for k in np.flatnonzero(row)] for row in probabilities >= limits]

    @torch.no_grad()
    def predict_probabilities(self, texts: list[str], pairs: list[str] | None, say: Any = lambda _: None) -> np.ndarray:
        """Return the probability of each class for each text (N, C), in float32. `say` gets the number done so far."""
        probabilities = np.empty((len(texts), len(self.labels)), dtype=np.float32)
        if not texts:
            return probabilities
        ids, types = self.tokenizer(texts, pairs, self.settings["max_tokens"])
        by_length, size = sorted(range(len(ids)), key=lambda k: -len(ids[k])), max(64, self.settings["batch_size"])
        if pairs is not None:  # of these, the longer text is truncated
            ids, types = self.tokenizer(texts, pairs, self.settings["max_length"])
        for start in range(0, len(by_length), size):
            rows = by_length[start : start + size]
            batch = self._pad([ids[k] for k in rows], self.tokenizer.padding)  # (B, L)
            batch_types = None if types is None else self._pad([types[k] for k in rows], 0)  # (B, L)
            mask = self._pad([[1] * len(ids[k]) for k in rows], 0)  # (B, L)
            with self._autocast():
                raw = self._logits(batch, mask, batch_types).float()  # (B, C)
            probabilities[rows] = (raw.softmax(dim=-1) if self.thresholds is None else raw.sigmoid()).cpu().numpy()
            say(start + len(rows))
        return probabilities

    def _pad(self, lists: list[list[int]], padding: int) -> Tensor:
        """Return lists as one tensor (B, L), each truncated to the model's length."""
        truncated = [self._truncate(numbers, self.settings["max_length"]) for numbers in lists]
        width = max(map(len, truncated))
        rows = [[*numbers, *[padding] * (width - len(numbers))] for numbers in truncated]
        return torch.tensor(rows, device=self.device)

    def _truncate(self, numbers: list[int], length: int) -> list[int]:
        keeps_last = len(numbers) > length and self.tokenizer.keeps_last_token
        return [*numbers[: length - 1], numbers[-1]] if keeps_last else numbers[:length]

    def _autocast(self) -> Any:
        """Return the context for the precision of the training; without a GPU of CUDA, fp16 becomes float32."""
        precision, device = self.settings["precision"], self.device.type
        if precision == "auto":
            precision = auto_precision(device)
        if precision == "float32" or (precision == "fp16" and device != "cuda"):
            return nullcontext()
        return torch.autocast(device, torch.bfloat16 if precision == "bf16" else torch.float16)

    def _logits(self, ids: Tensor, mask: Tensor, types: Tensor | None) -> Tensor:
        """Return logits (B, C) for token numbers, their mask and, for pairs, their types, (B, L) each."""
        if self.is_recurrent:
            hidden = self.encoder(ids)
        else:
            token_types = {} if types is None else {"token_type_ids": types}
            hidden = self.encoder(input_ids=ids, attention_mask=mask, **token_types).last_hidden_state
        features = self._pool(hidden, mask)
        if "hidden.weight" in self.head:
            features = functional.linear(features, self.head["hidden.weight"], self.head["hidden.bias"]).relu()
        return functional.linear(features, self.head["output.weight"], self.head["output.bias"])

    def _pool(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """Return one vector per text, (B, F) from (B, L, D), with the pooling of the training."""
        pooling, last = self.settings["pooling"], mask.sum(dim=1) - 1
        if pooling == "flatten":
            flat = (hidden * mask[:, :, None]).flatten(1)
            return functional.pad(flat, (0, self.settings["max_length"] * hidden.shape[-1] - flat.shape[1]))
        if pooling == "mean":
            words = mask if self.is_recurrent else _mask_ends(mask, last)
            return (hidden * words[:, :, None]).sum(dim=1) / words.sum(dim=1, keepdim=True)
        return hidden[torch.arange(len(hidden), device=hidden.device), last] if self.is_recurrent else hidden[:, 0]


def _mask_ends(mask: Tensor, last: Tensor) -> Tensor:
    """Return the mask (B, L) without first and last tokens. A text that has no others keeps them."""
    inner = mask.clone()
    inner[:, 0] = 0
    inner.scatter_(1, last[:, None], 0)
    return torch.where(inner.any(dim=1, keepdim=True), inner, mask)


mlflow.models.set_model(ServedClassifier())
