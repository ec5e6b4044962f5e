"""One training of a text classifier in PyTorch, from token arrays to one report per validation.

Imports only sweeper's data, errors, wording and atomic_write, and is the home of torch and transformers. It knows
nothing of sweeps: a training is a generator, `train(config, data, checkpoint_path)`, that yields reports. What a user
can choose by name is in registry.py (losses, encoder kinds, poolings, schedules, averages) and metric_registry.py
(metrics); these, config.py, objective.py and types.py do not import torch.
"""

import os

# torch reads these when it is imported. A variable that the user has set keeps the user's value.
_TORCH_ENVIRONMENT = {
    # On the GPU of an Apple chip, run on the CPU what torch cannot do there.
    "PYTORCH_ENABLE_MPS_FALLBACK": "1",
    # Threads that wait for each other sleep soon. By default they keep their cores busy for milliseconds, which the
    # thread that they wait for may need.
    "GOMP_SPINCOUNT": "1000",
}
for _name, _value in _TORCH_ENVIRONMENT.items():
    os.environ.setdefault(_name, _value)
