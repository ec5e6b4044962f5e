"""Data sets: the catalog, the Hugging Face hub, local files, preprocessing, and `feelings`, which ships with sweeper.

May import errors, wording and atomic_write. Uses huggingface_hub (hub.py, hub_encoders.py, hub_datasets.py), datasets
(hub_datasets.py) and pyarrow (arrow_columns.py, arrow_files.py, arrow_json.py).
To add a data set, add an entry to catalog.py. To add a file format, add an entry to local_files.py.
"""
