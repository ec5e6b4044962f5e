"""The places where trials run: on Ray, on one machine or a cluster, or one after the other in this process.

A runner pulls trials from a TrialSource, starts one attempt at each, and hands every report back to it. `RayRunner` and
`InlineRunner` implement the interface `Runner` of sweeper.trials. `JobServer` submits whole sweeps to a cluster.

May import storage, search_space, trials, training, data and the top-level modules errors, wording and atomic_write.
Home of ray, and of aiohttp and requests, with which Ray's job server is reached. What sweeper uses of Ray beyond its
public API is all in ray_internals.py.
"""
