"""`growing_file`: a file that changes while it is read."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from workbench.testing.hostile.craft import wav


@contextmanager
def growing_file(
    path: str | os.PathLike[str], *, seconds: float = 2.0, interval_s: float = 0.01, seed: int = 0
) -> Iterator[str]:
    """Write a WAV file and go on appending to it from a thread until the block ends.

    Parameters
    ----------
    path : path-like
        A file that does not exist yet.
    seconds : float
        Audio that is there at once: noise in stereo at 44.1 kHz. The header claims ten times as much.
    interval_s : float
        Seconds between the appended pieces of 4 KiB.
    seed : int

    Yields
    ------
    str
        The path; by then the thread has appended for the first time.

    Raises
    ------
    FileExistsError
        If the path exists.

    Examples
    --------
    >>> import tempfile, time
    >>> with tempfile.TemporaryDirectory() as folder, growing_file(f"{folder}/take.wav", seconds=0.1) as path:
    ...     before = os.stat(path).st_size
    ...     time.sleep(0.1)
    ...     os.stat(path).st_size > before
    True
    """
    rng = np.random.default_rng(seed)
    pcm = rng.integers(-8000, 8000, 2 * round(seconds * 44100), dtype=np.int16).astype("<i2").tobytes()
    stop, grown = threading.Event(), threading.Event()

    def append() -> None:
        with open(path, "ab", buffering=0) as file:
            while not stop.is_set():
                file.write(rng.bytes(4096))
                grown.set()
                stop.wait(interval_s)

    with open(path, "xb") as file:
        file.write(wav(pcm, data_size=10 * len(pcm)))
    writer = threading.Thread(target=append, name="growing-file", daemon=True)
    writer.start()
    try:
        grown.wait()
        yield os.fspath(path)
    finally:
        stop.set()
        writer.join()
