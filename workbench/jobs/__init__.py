"""Batch runs: `plan` cuts files into batches, `graph` is what workers do, `run` drives a job to its end.

`cluster` starts local workers or finds existing ones; `progress` tells how far a job is and how
long it still takes.
"""
