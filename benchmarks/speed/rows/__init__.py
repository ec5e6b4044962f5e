"""One file for each row of the table: a function `cases(session)` that yields what the row compares."""
