"""Where trials run: Ray, on this machine or on many, or this process."""
