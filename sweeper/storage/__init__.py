"""The files of a sweep: its folder, the files of its trials, predictions, and checkpoints in shared storage.

May import search_space and the packages below it (trials, training, data, errors, wording, atomic_write).
Uses fsspec (checkpoint_storage.py) and pyarrow (predictions.py).
"""
