"""The programs that a user would run instead of sweeper, each written as its documentation shows."""
