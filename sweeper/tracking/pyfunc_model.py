"""A text classifier that sweeper trained, as MLflow loads it. This file goes with the model, and needs no sweeper.

    mlflow.pyfunc.load_model(uri).predict(["a text", "another"])

gives a table with a column `label` and a column `probability/NAME` for each class. Where the model was trained on pairs
of texts, each row of the input is a pair. Beside this file there are `model`, the encoder with its tokenizer, the
classifier's weights and the names of the classes, and `prediction.json`, the knobs that a prediction needs. It computes
as sweeper did when it scored the model: texts of similar length in a batch, and in bf16 where the processor has it.
"""

import json
import re
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

PADDING, UNKNOWN, SPECIAL = 0, 1, 2  # of rnn and gru: the first word has the number SPECIAL
WORD = re.compile(r"[^\W_]+")
STOP_WORDS = """
a about above after again all also am an and any are as at be because been before being below between both but by can
could did do does doing down during each either few for from further had has have having he her here hers herself him
himself his how i if in into is it its itself just me more most my myself of off on once one only or other our ours
ourselves out over own s same she should so some such t than that the their theirs them themselves then there these they
this those through to too under until up us very was we were what when where which while who whom why will with would
you your yours yourself yourselves d ll m re ve
"""


class Words:
    """Texts to word numbers, for an rnn or a gru: lower case, letters and digits, no stop words."""

    closed = False

    def __init__(self, folder: Path) -> None:
        listed = json.loads((folder / "vocabulary.json").read_text(encoding="utf-8"))
        self.numbers = {word: SPECIAL + k for k, word in enumerate(listed)}
        self.stop, self.padding = frozenset(STOP_WORDS.split()), PADDING

    def __call__(self, texts: list[str], pairs: list[str] | None, longest: int) -> tuple[list[Any], None]:
        """The numbers of each text, at most `longest`; a text without any word is one unknown word."""
        joined = texts if pairs is None else [f"{one} {other}" for one, other in zip(texts, pairs, strict=True)]
        found = ([word for word in WORD.findall(text.lower()) if word not in self.stop] for text in joined)
        return [[self.numbers.get(word, UNKNOWN) for word in words][:longest] or [UNKNOWN] for words in found], None


class Tokens:
    """Texts to tokens, as a pretrained encoder was trained on them."""

    closed = True  # the last token, [SEP], stays when a text is cut

    def __init__(self, folder: Path) -> None:
        from transformers import AutoTokenizer

        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.padding = int(self.tokenizer.pad_token_id)

    def __call__(self, texts: list[str], pairs: list[str] | None, longest: int) -> tuple[list[Any], list[Any] | None]:
        """The tokens of each text or pair, at most `longest`, and of pairs which text each token is of."""
        found = self.tokenizer(texts, pairs, truncation="longest_first", max_length=longest)
        return found["input_ids"], found.get("token_type_ids") if pairs is not None else None


class Recurrent(nn.Module):
    """Word embeddings, and one layer of RNN or GRU over them; float32 throughout."""

    def __init__(self, hyperparameters: dict[str, Any]) -> None:
        super().__init__()
        self.size = SPECIAL + hyperparameters["vocabulary"]
        self.embedding = nn.Embedding(self.size, hyperparameters["embedding_size"], padding_idx=PADDING)
        kind = nn.GRU if hyperparameters["encoder"] == "gru" else nn.RNN
        self.layer = kind(hyperparameters["embedding_size"], hyperparameters["hidden_size"], batch_first=True)

    def forward(self, ids: Tensor) -> Tensor:
        """States (B, L, D) for word numbers (B, L); a word beyond the vocabulary is an unknown one."""
        with torch.autocast(ids.device.type, enabled=False):
            states: Tensor = self.layer(self.embedding(ids.where(ids < self.size, UNKNOWN)))[0]
        return states


class Classifier(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    """The model as MLflow calls it."""

    def load_context(self, context: Any) -> None:
        """Read the model from the files that came with it."""
        folder = Path(context.artifacts["model"])
        self.hyperparameters = json.loads(Path(context.artifacts["prediction"]).read_text(encoding="utf-8"))
        self.labels = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.recurrent = self.hyperparameters["encoder"] in ("rnn", "gru")
        self.tokens: Words | Tokens = (Words if self.recurrent else Tokens)(folder / "encoder")
        self.encoder = self._encoder(folder / "encoder").to(self.device).eval()
        head = load_file(folder / "classifier.safetensors")
        self.head = {name: tensor.to(self.device) for name, tensor in head.items()}

    def _encoder(self, folder: Path) -> Any:
        if self.recurrent:
            module = Recurrent(self.hyperparameters)
            module.load_state_dict(load_file(folder / "recurrent.safetensors"))
            return module
        from transformers import AutoModel
        from transformers.utils import logging

        logging.disable_progress_bar()
        return AutoModel.from_pretrained(folder, dtype=torch.float32)

    def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> pd.DataFrame:
        """Label and probabilities of each text; MLflow makes a table of a list of texts, or of pairs of them."""
        frame = pd.DataFrame(model_input)
        columns = [frame.iloc[:, k].astype(str).tolist() for k in range(self.hyperparameters["texts"])]
        probabilities = self.probabilities(columns[0], columns[1] if len(columns) > 1 else None)
        table = pd.DataFrame(probabilities, columns=[f"probability/{label}" for label in self.labels])
        table.insert(0, "label", [self.labels[k] for k in probabilities.argmax(axis=1)])
        return table

    @torch.no_grad()
    def probabilities(self, texts: list[str], pairs: list[str] | None) -> np.ndarray:
        """The probability of each class for each text (N, C), in float32."""
        found = np.empty((len(texts), len(self.labels)), dtype=np.float32)
        if not texts:
            return found
        ids, types = self.tokens(texts, pairs, self.hyperparameters["longest"])
        order, size = sorted(range(len(ids)), key=lambda k: -len(ids[k])), max(64, self.hyperparameters["batch_size"])
        for start in range(0, len(order), size):
            rows = order[start : start + size]
            batch = self._padded([ids[k] for k in rows], self.tokens.padding)
            kinds = None if types is None else self._padded([types[k] for k in rows], 0)
            mask = self._padded([[1] * len(ids[k]) for k in rows], 0)
            with self._autocast():
                logits = self._logits(batch, mask, kinds)
            found[rows] = logits.float().softmax(dim=-1).cpu().numpy()
        return found

    def _padded(self, lists: list[list[int]], padding: int) -> Tensor:
        """Lists as one tensor, each cut to the model's length."""
        cut = [self._cut(one, self.hyperparameters["max_length"]) for one in lists]
        width = max(map(len, cut))
        return torch.tensor([[*one, *[padding] * (width - len(one))] for one in cut], device=self.device)

    def _cut(self, one: list[int], most: int) -> list[int]:
        return [*one[: most - 1], one[-1]] if len(one) > most and self.tokens.closed else one[:most]

    def _autocast(self) -> Any:
        """The precision that the model was scored in; `auto` is what this processor is best at."""
        asked, place = self.hyperparameters["precision"], self.device.type
        if asked == "auto" and place == "cpu":
            abilities = torch.cpu.get_capabilities()
            asked = "bf16" if abilities.get("avx512_bf16") or abilities.get("amx_bf16") else "float32"
        elif asked == "auto":
            asked = "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
        if asked == "float32" or (asked == "fp16" and place == "cpu"):
            return nullcontext()
        return torch.autocast(place, torch.bfloat16 if asked == "bf16" else torch.float16)

    def _logits(self, ids: Tensor, mask: Tensor, types: Tensor | None) -> Tensor:
        if self.recurrent:
            hidden = self.encoder(ids)
        else:
            kinds = {} if types is None else {"token_type_ids": types}
            hidden = self.encoder(input_ids=ids, attention_mask=mask, **kinds).last_hidden_state
        features = self._pooled(hidden, mask)
        if "hidden.weight" in self.head:
            features = functional.linear(features, self.head["hidden.weight"], self.head["hidden.bias"]).relu()
        return functional.linear(features, self.head["output.weight"], self.head["output.bias"])

    def _pooled(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """One vector for each text, (B, F) of (B, L, D), as the model was trained."""
        how, last = self.hyperparameters["pooling"], mask.sum(dim=1) - 1
        if how == "flatten":
            flat = (hidden * mask[:, :, None]).flatten(1)
            return functional.pad(flat, (0, self.hyperparameters["max_length"] * hidden.shape[-1] - flat.shape[1]))
        if how == "mean":
            words = mask if self.recurrent else _without_ends(mask, last)
            return (hidden * words[:, :, None]).sum(dim=1) / words.sum(dim=1, keepdim=True)
        return hidden[torch.arange(len(hidden), device=hidden.device), last] if self.recurrent else hidden[:, 0]


def _without_ends(mask: Tensor, last: Tensor) -> Tensor:
    """The mask without first and last tokens; where nothing else is in a text, they stay."""
    inner = mask.clone()
    inner[:, 0] = 0
    inner.scatter_(1, last[:, None], 0)
    return torch.where(inner.any(dim=1, keepdim=True), inner, mask)


mlflow.models.set_model(Classifier())
