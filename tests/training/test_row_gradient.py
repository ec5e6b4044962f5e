"""The kept gradient of word embeddings equals autograd's, to the last bit."""

from typing import Any

import pytest
import torch
from torch import Tensor

from sweeper.training import batching
from sweeper.training.embedding_rows import PartialEmbedding
from sweeper.training.phase_trainer import PhaseTrainer
from sweeper.training.phases import phase_of_epoch
from sweeper.training.training_setup import prepare_training
from tests.support import tiny_training

TEXTS = tiny_training.data(rows=44)


def trainer_of(*, kept: bool, **hyperparameters: Any) -> PhaseTrainer:
    """The trainer of the first phase, whose word embeddings have a kept gradient or autograd's."""
    setup = prepare_training(tiny_training.config(batch_size=8, clip_norm=0.1, **hyperparameters), TEXTS)
    if not kept:
        for embedding in embeddings_of(setup.model):
            embedding.row_gradient = None
    return PhaseTrainer(setup, phase_of_epoch(setup.config, 0))


def embeddings_of(model: torch.nn.Module) -> list[PartialEmbedding]:
    return [module for module in model.modules() if isinstance(module, PartialEmbedding)]


def train_batches(trainer: PhaseTrainer, first: int, stop: int) -> list[float]:
    """Train some batches of the first epoch, and return their losses."""
    config, split = trainer.setup.config, trainer.setup.split
    batches = batching.bucketed_batches(split, config.batch_size, config.max_length, seed=config.seed, epoch=0)
    losses = [trainer.train_batch(batches[k], k, len(batches))["train/loss"] for k in range(first, stop)]
    return [loss.item() for loss in losses]


def gradients(trainer: PhaseTrainer) -> list[Tensor | None]:
    return [embedding.weight.grad for embedding in embeddings_of(trainer.setup.model)]


def assert_equal(kept: PhaseTrainer, plain: PhaseTrainer) -> None:
    """Assert equal weights, and equal gradients of the next update."""
    others = plain.setup.model.state_dict()
    weights = kept.setup.model.state_dict()
    assert [name for name, tensor in weights.items() if not torch.equal(tensor, others[name])] == []
    for own, other in zip(gradients(kept), gradients(plain), strict=True):
        assert (own is None) == (other is None)
        assert own is None or other is None or torch.equal(own, other)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "hyperparameters",
    [
        {"precision": "bf16"},
        {"accumulate": 4, "threads": 2},
        {"loss": "lcl", "weighting": "separate", "views": 2, "accumulate": 2},
        {"freeze_embeddings": True},
    ],
    ids=lambda values: "-".join(map(str, values.values())),
)
def test_a_kept_gradient_gives_the_numbers_of_autograd(hyperparameters: dict[str, Any], seed: int) -> None:
    kept, plain = (trainer_of(kept=kept, seed=seed, **hyperparameters) for kept in (True, False))
    for first, stop in ((0, 3), (3, 6)):
        losses = []
        for trainer in (kept, plain):
            torch.manual_seed(stop)
            losses.append(train_batches(trainer, first, stop))
        assert losses[0] == losses[1]
        assert_equal(kept, plain)


def test_a_gradient_from_a_checkpoint_is_continued() -> None:
    kept, plain = (trainer_of(kept=kept, accumulate=4) for kept in (True, False))
    for trainer in (kept, plain):
        torch.manual_seed(0)
        train_batches(trainer, 0, 2)
        restored = trainer.optimizer.state()
        restored["gradients"] = [None if grad is None else grad.clone() for grad in restored["gradients"]]
        trainer.optimizer.restore(restored)
        train_batches(trainer, 2, 6)
    assert_equal(kept, plain)


def test_an_update_leaves_no_gradient_and_uses_the_same_memory_again() -> None:
    trainer = trainer_of(kept=True, accumulate=2)
    train_batches(trainer, 0, 1)
    (first,) = gradients(trainer)
    train_batches(trainer, 1, 2)
    assert gradients(trainer) == [None]
    assert first is not None
    assert not first.any()
    train_batches(trainer, 2, 3)
    (second,) = gradients(trainer)
    assert second is first
