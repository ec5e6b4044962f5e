"""The torch room: one training, from token arrays to reports. Nothing here has heard of a sweep."""
