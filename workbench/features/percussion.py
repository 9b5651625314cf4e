"""How much of the sound is percussive: harmonic-percussive separation of the mel spectrum of a stream.

A held note is a horizontal line of the spectrogram and outlives the median over time; a hit is a vertical
line and outlives the median over frequency. The median over time looks 15 frames ahead: results come so
much later, and the rest at the end.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from workbench.compiled import compiled

FloatArray = npt.NDArray[np.float32]

_WINDOW = 31
_REACH = _WINDOW // 2
_TINY = np.finfo(np.float32).tiny


@compiled
def running_median(S: FloatArray, window: int) -> FloatArray:
    """Median of each `window` (odd) successive rows, shape (n_rows - window + 1, n_columns).

    The rows of the window are kept in order for each column. The next row is entered and the oldest taken
    out in one walk, in which all columns take the same steps.
    """
    n_columns = S.shape[1]
    ranked = np.full((window + 1, n_columns), np.inf, dtype=np.float32)
    falling, gone = np.empty(n_columns, dtype=np.float32), np.full(n_columns, np.inf, dtype=np.float32)
    found = np.empty((S.shape[0] - window + 1, n_columns), dtype=np.float32)
    for k in range(S.shape[0]):
        falling[:] = S[k]
        if k >= window:
            gone[:] = S[k - window]
        for i in range(window):
            row, above = ranked[i], ranked[i + 1]
            for t in range(n_columns):
                # from the value that goes on, every place takes the next one's
                kept = row[t] if row[t] < gone[t] else above[t]
                row[t] = min(kept, falling[t])
                falling[t] = max(kept, falling[t])
        if k >= window - 1:
            found[k - window + 1] = ranked[window // 2]
    return found


class PercussiveStream:
    """Share of the energy of each frame that is percussive, 0 to 1.

    Equals ``P.sum(axis=0) / S.sum(axis=0)`` with ``S = librosa.feature.melspectrogram(y, n_mels=64)`` and
    ``P = librosa.decompose.hpss(S)[1]`` (kernel 31, power 2, margin 1); 0 for silence.

    References
    ----------
    D. Fitzgerald, "Harmonic/percussive separation using median filtering", DAFx 2010.
    """

    def __init__(self) -> None:
        self._rows: FloatArray | None = None  # frames that are still looked at, one in each row

    def push(self, mel: FloatArray) -> Iterator[FloatArray]:
        """Take in frames of a mel power spectrum, shape (n_mels, n); give out shares, shape (n,), as they are known."""
        rows = np.ascontiguousarray(mel.T)
        if self._rows is None:
            self._rows, self._n_missing = rows, _REACH  # before the first frame, to be mirrored
        else:
            self._rows = np.concatenate((self._rows, rows))
        if self._n_missing and len(self._rows) > 2 * _REACH:
            self._mirror_start()
        if not self._n_missing:
            yield from self._ready()

    def finish(self) -> Iterator[FloatArray]:
        """Give out what was waiting for frames to come."""
        if self._rows is None:
            return
        self._rows = np.pad(self._rows, ((self._n_missing, _REACH), (0, 0)), mode="symmetric")
        yield from self._ready()

    def _mirror_start(self) -> None:
        assert self._rows is not None
        self._rows = np.concatenate((self._rows[: self._n_missing][::-1], self._rows))
        self._n_missing = 0

    def _ready(self) -> Iterator[FloatArray]:
        assert self._rows is not None
        n_ready = len(self._rows) - 2 * _REACH
        if n_ready > 0:
            lines = running_median(self._rows, _WINDOW)
            yield _percussive_share(self._rows[_REACH:-_REACH], lines)
            self._rows = self._rows[n_ready:]


def _percussive_share(rows: FloatArray, harmonic: FloatArray) -> FloatArray:
    """Share of the energy of each row that the mask of librosa gives to the median over frequency."""
    S = np.ascontiguousarray(rows.T)
    percussive = running_median(np.pad(S, ((_REACH, _REACH), (0, 0)), mode="symmetric"), _WINDOW)
    return _masked_share(S, np.ascontiguousarray(harmonic.T), percussive, _TINY)


@compiled
def _masked_share(S: FloatArray, harmonic: FloatArray, percussive: FloatArray, tiny: np.float32) -> FloatArray:
    n_bands, n_frames = S.shape
    total, kept = np.zeros(n_frames, dtype=np.float32), np.zeros(n_frames, dtype=np.float32)
    for k in range(n_bands):
        spectrum, h, p = S[k], harmonic[k], percussive[k]
        for t in range(n_frames):
            largest = max(h[t], p[t])
            known = largest >= tiny  # of nothing, each gets half
            scale = np.float32(1) / (largest if known else np.float32(1))
            a, b = (h[t] if known else np.float32(1)) * scale, (p[t] if known else np.float32(1)) * scale
            total[t] += spectrum[t]
            kept[t] += spectrum[t] * (b * b / (a * a + b * b))
    for t in range(n_frames):
        kept[t] = min(kept[t] / total[t], np.float32(1)) if total[t] >= tiny else np.float32(0)
    return kept
