"""`make bench`: how fast sweeper is, beside what a user would run instead. `python -m benchmarks.speed --help`.

`registry.ROWS` lists the rows, one file each in rows/. arms/ has sweeper's side of them, peers/ what others do.
"""
