"""The choices that a search space makes by name in training: losses, encoders, poolings, schedules, averages.

Each is one dictionary; that of metrics is in metric_registry.py. To add a choice, write its function, add an entry here
and test it; the YAML's schema, its error messages and the docs are made from the entries. An entry names its function
as "module:function", and `load_function` imports it when a training needs it: `sweeper check` reads this file and must
not import torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Loss:
    """A loss that a training can minimize.

    `contrastive_term` names a function in losses.py, or is None. The function takes the similarities (B, K) of a batch
    to the texts that it is compared with, their labels (K,) and, if the loss has a weighting network, that network's
    logits (B, C). `hyperparameters` names the ones that this loss uses and some other loss does not. A weighting
    network is a second classifier; its probabilities weigh the contrastive term. Prototypes are trained features, one
    for each class, with which every text is compared too. A loss in two phases first trains the encoder by its
    contrastive term, then a classifier on the frozen encoder by cross entropy. Any other loss trains both at once and
    weighs the two terms by `alpha`.
    """

    label: str
    description: str
    contrastive_term: str | None = None
    hyperparameters: tuple[str, ...] = ()
    has_weighting_network: bool = False
    has_prototypes: bool = False
    has_two_phases: bool = False


@dataclass(frozen=True)
class EncoderKind:
    """A kind of encoder.

    `build` names a function (EncoderWeights, TrainConfig) -> Module. A kind that is not pretrained is trained from
    scratch: it needs no weights, gets the words of the training split as tokens (vocabulary.py), and reads them from
    left to right. `hyperparameters` names the ones that this kind uses and some other kind does not. A pretrained kind
    has none. `modules` names those that take long to import and that no other kind needs; Ray's workers import them
    before the first trial.
    """

    label: str
    description: str
    build: str
    hyperparameters: tuple[str, ...] = ()
    is_pretrained: bool = False
    modules: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pooling:
    """A way to make the vectors of a text's tokens into the text's features. `function` names a function of pooling.py.

    With `keeps_all_tokens`, the features are as wide as max_length vectors, otherwise as one vector.
    """

    label: str
    description: str
    function: str
    keeps_all_tokens: bool = False


@dataclass(frozen=True)
class Schedule:
    """The course of the learning rate after the warm-up.

    `function` names a function of schedule.py: (updates that remain, updates after the warm-up) -> share of the peak.
    """

    label: str
    description: str
    function: str


@dataclass(frozen=True)
class Average:
    """The weights of a training that are validated and kept.

    `weights` completes "The weights are ..." in a report. `build` names a class with the methods of Averaging in
    averaging.py, (TrainConfig, ObjectiveMetric) -> Averaging. A checkpoint has `copies` of the weights more, and
    `copies_per_validation`. With `keeps_last`, the last validation counts, otherwise the best. `hyperparameters` names
    the ones that this entry uses and some other entry does not.
    """

    label: str
    description: str
    weights: str
    build: str
    hyperparameters: tuple[str, ...] = ()
    copies: int = 0
    copies_per_validation: int = 0
    keeps_last: bool = False


_CONTRASTIVE = ("tau", "normalize", "reduction", "views", "memory", "gradient_cache")
_CONSISTENCY = ("consistency",)
_WEIGHTING = ("weighting", "detach_weights")
_TWO_PHASES = ("contrastive_epochs", "classifier_learning_rate")

LOSSES: Mapping[str, Loss] = {
    "ce": Loss("CE", "Cross entropy alone.", hyperparameters=_CONSISTENCY),
    "scl": Loss(
        "SCL",
        "Supervised contrastive loss and cross entropy at once.",
        contrastive_term="sweeper.training.losses:supervised_contrastive",
        hyperparameters=("alpha", *_CONTRASTIVE, *_CONSISTENCY),
    ),
    "scl_two_phase": Loss(
        "SCL, two phases",
        "Supervised contrastive loss for the encoder, then cross entropy for a classifier on the frozen encoder.",
        contrastive_term="sweeper.training.losses:supervised_contrastive",
        hyperparameters=(*_CONTRASTIVE, *_TWO_PHASES),
        has_two_phases=True,
    ),
    "scl_set_tau": Loss(
        "SCL, set-size tau",
        "SCL with a temperature that grows with the number of an anchor's positives in the batch.",
        contrastive_term="sweeper.training.losses:set_tau_contrastive",
        hyperparameters=("alpha", *_CONTRASTIVE, *_CONSISTENCY),
    ),
    "lcl": Loss(
        "LCL",
        "Label-aware contrastive loss and cross entropy at once; a weighting network learns which classes are close.",
        contrastive_term="sweeper.training.losses:label_aware_contrastive",
        hyperparameters=("alpha", *_CONTRASTIVE, *_CONSISTENCY, *_WEIGHTING),
        has_weighting_network=True,
    ),
    "lcl_inside": Loss(
        "LCL, inside",
        "LCL with the anchor's own weight inside the logarithm, as Suresh & Ong print it in equation 3.",
        contrastive_term="sweeper.training.losses:label_aware_contrastive_inside",
        hyperparameters=("alpha", *_CONTRASTIVE, *_CONSISTENCY, *_WEIGHTING),
        has_weighting_network=True,
    ),
    "prototypes": Loss(
        "SCL, prototypes",
        "SCL with a trained prototype of each class, so that every anchor has a positive, and with equal weight of all "
        "classes; and cross entropy at once.",
        contrastive_term="sweeper.training.losses:class_averaged_contrastive",
        hyperparameters=("alpha", *_CONTRASTIVE, *_CONSISTENCY),
        has_prototypes=True,
    ),
}

PRETRAINED = "pretrained"  # the kind of every encoder whose name is not in ENCODER_KINDS

ENCODER_KINDS: Mapping[str, EncoderKind] = {
    PRETRAINED: EncoderKind(
        "Pretrained transformer",
        "An encoder of the Hugging Face hub, or of a local folder, in the format of transformers.",
        build="sweeper.training.pretrained:build_pretrained",
        is_pretrained=True,
        modules=("sweeper.training.pretrained", "sweeper.training.attention"),
    ),
    "rnn": EncoderKind(
        "RNN",
        "Word embeddings and one layer of tanh RNN, trained from scratch (Modarres & Raeisi, section 3.1).",
        build="sweeper.training.recurrent:build_rnn",
        hyperparameters=("vocabulary", "embedding_size", "hidden_size"),
    ),
    "gru": EncoderKind(
        "GRU",
        "Word embeddings and one layer of GRU, trained from scratch (Modarres & Raeisi, section 3.1).",
        build="sweeper.training.recurrent:build_gru",
        hyperparameters=("vocabulary", "embedding_size", "hidden_size"),
    ),
}

POOLINGS: Mapping[str, Pooling] = {
    "cls": Pooling(
        "First token",
        "The vector of [CLS]; of rnn and gru, the state after the last word.",
        function="sweeper.training.pooling:pool_first_token",
    ),
    "mean": Pooling(
        "Mean",
        "The mean vector of all tokens but [CLS] and [SEP]; of rnn and gru, the mean state.",
        function="sweeper.training.pooling:pool_mean",
    ),
    "flatten": Pooling(
        "All tokens",
        "The vectors of all tokens in a row, padded with zeros to max_length tokens.",
        function="sweeper.training.pooling:pool_all_tokens",
        keeps_all_tokens=True,
    ),
}

SCHEDULES: Mapping[str, Schedule] = {
    "linear": Schedule("Linear", "Falls evenly to 0.", "sweeper.training.schedule:linear"),
    "cosine": Schedule("Cosine", "Falls to 0 as half a cosine wave.", "sweeper.training.schedule:cosine"),
    "constant": Schedule("Constant", "Stays at its peak.", "sweeper.training.schedule:constant"),
}

AVERAGES: Mapping[str, Average] = {
    "best": Average(
        "Best epoch",
        "The weights of the best validation.",
        "those of the epoch with the best validation",
        "sweeper.training.averaging:LatestWeights",
    ),
    "last": Average(
        "Last epoch",
        "The weights of the last validation, whose score is then the trial's.",
        "those of the last epoch",
        "sweeper.training.averaging:LatestWeights",
        keeps_last=True,
    ),
    "ema": Average(
        "EMA",
        "An exponential moving average of the weights, at its best validation (Kingma & Ba 2015, Adam, section 7.2).",
        "an exponential moving average over the updates, at its best validation",
        "sweeper.training.exponential_average:ExponentialAverage",
        hyperparameters=("ema_decay",),
        copies=1,
    ),
    "soup": Average(
        "Greedy soup",
        "The mean of the weights of validations that are chosen greedily (Wortsman et al. 2022, recipe 1).",
        "the greedy soup of its epochs, chosen on validation",
        "sweeper.training.greedy_soup:GreedySoup",
        copies_per_validation=1,
    ),
}


def encoder_kind(name: str) -> EncoderKind:
    """Return the kind of the encoder `name`: that of rnn or gru, and `pretrained` for any other name."""
    return ENCODER_KINDS.get(name, ENCODER_KINDS[PRETRAINED])
