"""Peers on the same work beside dqcore: `python -m benchmarks.compare --help`.

Every peer runs in a process of its own, with its thread count set; all make the same table. Their answers (the count
and the rows of every check) are compared before any time is taken, and who differs is reported and not timed. Then
they run in turn, A B A B, so that what slows the machine slows all of them.
"""
