"""Loaded by each local worker process as it starts.

Decoders write notes about damaged files straight to the standard error of their process (mpg123 does
so for every lost frame): on a terminal that would tear the progress bar, and nobody could tell which
file is meant. What matters reaches the driver as the outcome of the file.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from distributed import Worker


def dask_setup(worker: Worker) -> None:
    """Send the standard error of this process nowhere; called by Dask."""
    del worker
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
