"""What players and plots need of a track: outlines, samples, spectrograms, curves, beats."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from workbench.errors import InputError
from workbench.library.opened import PathLike
from workbench.library.tracks import Tracks

if TYPE_CHECKING:
    import numpy.typing as npt


class Sound(Tracks):
    """What players and plots need of a track."""

    def waveform(self, track: PathLike, points: int = 1000) -> npt.NDArray[np.float32]:
        """Give the outline of a track: the lowest and highest sample of each of some equal spans.

        The first call for a track decodes it; what was found is kept below ``index/``.

        Parameters
        ----------
        track : path or str
            By id, beginning of an id, or path.
        points : int
            How many spans, 1 to 4096; a shorter recording has one per frame.

        Returns
        -------
        numpy.ndarray, shape (points, 2), float32
            In [-1, 1].
        """
        from workbench.audio.waveform import reduce_outline
        from workbench.store.waveforms import load_outline

        track_id = self._track_id(track)
        spans = load_outline(self.path / "index" / "waveforms", track_id, self._path_of(track_id), self._limits)
        return reduce_outline(spans, points)

    def excerpt(
        self, track: PathLike, start_s: float = 0.0, seconds: float = 10.0
    ) -> tuple[npt.NDArray[np.int16], int]:
        """Decode a part of a track for listening: samples, shape (n, channels), int16, and their rate in Hz.

        Examples
        --------
        >>> import workbench as wb
        >>> def hear(lib: wb.Library, track: str) -> object:
        ...     from IPython.display import Audio
        ...     samples, sr = lib.excerpt(track, start_s=30)
        ...     return Audio(samples.T, rate=sr)
        """
        from workbench.store import listen

        return listen.excerpt(self._path_of(track), start_s, seconds, self._limits)

    def spectrogram(self, track: PathLike, columns: int = 1000) -> npt.NDArray[np.float32]:
        """Give the mel spectrum of a track over time, in dB, shape (n_bands, n_columns); it is decoded for that."""
        from workbench.store import listen

        return listen.spectrogram(self._path_of(track), columns, self._limits)

    def curve(self, track: PathLike, name: str) -> npt.NDArray[np.float32]:
        """Give a descriptor of a track frame by frame, shape (n_frames, …); decoded for that where it is not stored.

        Raises
        ------
        InputError
            When there is no such descriptor.
        """
        from workbench.store import listen

        track_id = self._track_id(track)
        try:
            return np.asarray(self.frames(name, track_id).values, dtype=np.float32)
        except InputError:
            return listen.curve(self._path_of(track_id), name, self._limits)

    def beats(self, track: PathLike) -> npt.NDArray[np.float64]:
        """Give the beats of a track, in seconds; decoded for that where ``frames/beats`` is not stored."""
        from workbench.store import listen

        track_id = self._track_id(track)
        stored = self.stored_beats([track_id])
        return stored[track_id] if track_id in stored else listen.beats(self._path_of(track_id), self._limits)

    def stored_beats(self, ids: Iterable[str]) -> dict[str, npt.NDArray[np.float64]]:
        """Give the times of the beats, in seconds, of the tracks whose beats are stored per frame."""
        from workbench.features.config import DEFAULT_CONFIG
        from workbench.features.registry import spec
        from workbench.store.catalog.queries import stored_rows

        beats = spec("frames/beats")
        placed = stored_rows(self.catalog, list(ids), {beats.path: beats.version})
        return {
            track: np.flatnonzero(
                beats.decode(self.parts.read_rows(found[beats.path][0], beats.path, found[beats.path][1]))
            )
            / DEFAULT_CONFIG.frame_rate
            for track, found in placed.items()
        }
