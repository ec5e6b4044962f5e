"""One training of a text classifier in PyTorch, from token arrays to one report per validation.

Imports only sweeper's data, errors, wording and atomic_write, and is the home of torch and transformers. It knows
nothing of sweeps: a training is a generator, `train(config, data, checkpoint_path)`, that yields reports. What a user
can choose by name is in registry.py (losses, encoder kinds, poolings, schedules, averages) and metric_registry.py
(metrics); these, config.py, objective.py and types.py do not import torch.
"""

import os

# On the GPU of an Apple chip, run on the CPU what torch cannot do there. torch reads this when it is imported.
os.environ.setdefault("PYTORCH_ENABLE_MPS_FALLBACK", "1")
