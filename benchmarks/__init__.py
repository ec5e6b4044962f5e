"""Each claim of speed or accuracy as one command, beside what a user would run instead."""
