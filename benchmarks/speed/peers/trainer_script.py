"""A script as a user of transformers writes it: load data and model, and train one batch with the tuned Trainer.

python -m benchmarks.speed.peers.trainer_script DATA ENCODER
"""

import sys
import tempfile

from transformers import DataCollatorWithPadding, Trainer

from benchmarks.speed.peers.trainer import build_model, load_tokenizer, tokenized_rows, training_arguments
from benchmarks.speed.settings import Settings


def main(data: str, encoder: str) -> None:
    """Train one batch."""
    settings = Settings(data=data, encoder=encoder)
    with tempfile.TemporaryDirectory() as out:
        Trainer(
            build_model(settings, "ce", "shared", 0),
            training_arguments(out, settings, tuned=True, batch_size=32, seed=0, max_steps=1),
            train_dataset=tokenized_rows(settings)[:32],
            data_collator=DataCollatorWithPadding(load_tokenizer(settings)),
        ).train()


if __name__ == "__main__":
    main(*sys.argv[1:])
