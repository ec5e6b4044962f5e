"""`python -m sweeper` is the command `sweeper`."""

from sweeper.cli import main

main()
