"""A script as a user of transformers writes it: read the rows, tokenize those it needs, and train with the Trainer.

    python benchmarks/speed/peers/trainer_script.py DATA ENCODER TEXTS MAX_LENGTH THREADS BF16 MARKER

DATA is a folder with train.csv and validation.csv: columns text, label, and pair for the second texts of pairs. TEXTS
is the number of texts that are used of each split, MAX_LENGTH that of their tokens at most. BF16 is 1 or 0. The file
MARKER is made once the validation texts are scored. The script imports nothing of sweeper and of the benchmark.
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)


class MarkerCallback(TrainerCallback):  # type: ignore[misc]  # transformers is not typed
    """Makes a file once the validation texts are scored."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def on_evaluate(self, *_: Any, **__: Any) -> None:
        """The validation texts are scored."""
        self.marker.touch()


def tokenize(tokenizer: Any, frame: pd.DataFrame, max_length: int) -> list[dict[str, Any]]:
    """Return the rows as the Trainer takes them."""
    texts = [frame[column].tolist() for column in ("text", "pair") if column in frame]
    tokens = tokenizer(*texts, truncation=True, max_length=max_length)
    rows = zip(tokens["input_ids"], tokens["attention_mask"], frame["label"].tolist(), strict=True)
    return [{"input_ids": ids, "attention_mask": mask, "labels": label} for ids, mask, label in rows]


def main(data: Path, encoder: str, texts: int, max_length: int, threads: int, bf16: bool, marker: Path) -> None:
    """Train one epoch on the first texts, and score the first ones for validation."""
    torch.set_num_threads(threads)
    train, validation = (pd.read_csv(data / f"{split}.csv", keep_default_na=False) for split in ("train", "validation"))
    tokenizer = AutoTokenizer.from_pretrained(encoder)
    model = AutoModelForSequenceClassification.from_pretrained(encoder, num_labels=train["label"].nunique())
    with tempfile.TemporaryDirectory() as out:
        arguments = TrainingArguments(
            out, per_device_train_batch_size=32, per_device_eval_batch_size=64, num_train_epochs=1, learning_rate=5e-5,
            weight_decay=0.01, bf16=bf16, optim="adamw_torch_fused", eval_strategy="epoch", save_strategy="no",
            logging_strategy="no", report_to=[], disable_tqdm=True, use_cpu=not torch.cuda.is_available(),
        )  # fmt: skip
        Trainer(
            model, arguments, train_dataset=tokenize(tokenizer, train[:texts], max_length),
            eval_dataset=tokenize(tokenizer, validation[:texts], max_length),
            data_collator=DataCollatorWithPadding(tokenizer), callbacks=[MarkerCallback(marker)],
        ).train()  # fmt: skip


if __name__ == "__main__":
    data_folder, encoder_name, *numbers, marker_file = sys.argv[1:]
    used_texts, tokens, used_threads, has_bf16 = map(int, numbers)
    main(Path(data_folder), encoder_name, used_texts, tokens, used_threads, bool(has_bf16), Path(marker_file))
