"""The columns of tracks that playlists are made from, as arrays: a library of 100,000 tracks is read at once."""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.features.mood import MOODS, moods_of, percent_ranks
from workbench.playlist.keys import parse_key

Tracks = Sequence[Mapping[str, Any]]
Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

#: Columns of the catalog that a table is made from.
COLUMNS = (
    "id", "duration_s", "bpm", "bpm_confidence", "key", "key_strength", "energy", "valence", "arousal", "mood",
    "loudness_lufs", "artist", "album",
)  # fmt: skip
#: The code of what is not known.
UNKNOWN = -1
_MOOD_CODES = {name: code for code, name in enumerate(MOODS)}


@dataclass(frozen=True, slots=True)
class TrackTable:
    """Tracks as columns, all arrays of one length n; rows are in any order, and some may not count any more.

    Attributes
    ----------
    order : the rows that count, in ascending order of their ids, shape (m,)
    ids : ids as text, shape (n,), none twice among those that count
    duration_s : seconds, NaN where not known
    bpm : beats per minute, NaN where not known
    bpm_trust, key_trust : confidence in tempo and key in [0, 1], 0 where not known
    key : `Key.index`, -1 where not known
    energy, valence, arousal : in [0, 1], NaN where not known
    mood : position in `MOODS`, -1 where not known
    loudness : LUFS, NaN where not known
    artist, album : equal where the names are, case aside; -1 where not known
    start, end : timbre of the first and the last seconds, shape (n, d), see `workbench.playlist.edges`;
        NaN where not known; d is 0 where nothing is known of any track
    """

    order: Codes
    ids: npt.NDArray[np.str_]
    duration_s: Doubles
    bpm: Doubles
    bpm_trust: Floats
    key: Codes
    key_trust: Floats
    energy: Doubles
    valence: Doubles
    arousal: Doubles
    mood: Codes
    loudness: Doubles
    artist: Codes
    album: Codes
    start: Floats
    end: Floats

    @classmethod
    def of(cls, tracks: Tracks) -> TrackTable:
        """Read catalog records, in any order; of several with one id the first counts."""
        by_id = {str(track["id"]): track for track in reversed(tracks)}
        ordered = [by_id[name] for name in sorted(by_id)]
        return cls.of_columns({name: [track.get(name) for track in ordered] for name in COLUMNS})

    @classmethod
    def of_columns(cls, columns: Mapping[str, Sequence[Any]]) -> TrackTable:
        """Take the columns `COLUMNS`, None for what is not known, in ascending order of the ids."""
        bpm, key = _numbers(columns["bpm"]), _key_codes(columns["key"])
        none = np.empty((len(bpm), 0), dtype=np.float32)
        return cls(
            order=np.arange(len(bpm)),
            ids=np.array([str(track) for track in columns["id"]], dtype=np.str_),
            duration_s=_positive(_numbers(columns["duration_s"])),
            bpm=_positive(bpm),
            bpm_trust=_trust(_numbers(columns["bpm_confidence"]), bpm > 0),
            key=key,
            key_trust=_trust(_numbers(columns["key_strength"]), key != UNKNOWN),
            energy=_numbers(columns["energy"]),
            valence=_numbers(columns["valence"]),
            arousal=_numbers(columns["arousal"]),
            mood=np.array([_MOOD_CODES.get(mood, UNKNOWN) for mood in columns["mood"]], dtype=np.int64),
            loudness=_numbers(columns["loudness_lufs"]),
            artist=_name_codes(columns["artist"]),
            album=_name_codes(columns["album"]),
            start=none,
            end=none,
        )

    def with_edges(self, start: Floats, end: Floats) -> TrackTable:
        """Give the same table with the timbre at both ends of each track."""
        return replace(self, start=start, end=end)

    def ranked(self) -> TrackTable:
        """Give the same table with energy, valence and arousal as ranks among its tracks, and the moods of those."""
        energy, valence, arousal = (
            percent_ranks(values, values[self.order]) for values in (self.energy, self.valence, self.arousal)
        )
        mood = np.nan_to_num(moods_of(valence, arousal), nan=UNKNOWN).astype(np.int64)
        return replace(self, energy=energy, valence=valence, arousal=arousal, mood=mood)

    def take(self, rows: npt.ArrayLike) -> TrackTable:
        """Give some rows, all of which count, in the order asked for."""
        wanted = np.asarray(rows, dtype=np.int64)
        columns = {name: getattr(self, name)[wanted] for name in ROWS}
        return TrackTable(order=np.arange(len(wanted)), **columns)

    def order_with(self, ids: npt.NDArray[np.str_], rows: Codes) -> Codes:
        """Give the order once other rows count: in place of those with the same ids, the rest in between.

        Parameters
        ----------
        ids : their ids, ascending
        rows : where they lie
        """
        at = np.array([self._place(name) for name in ids], dtype=np.int64)
        new = np.ones(len(ids), dtype=bool)
        within = at < len(self.order)
        new[within] = self.ids[self.order[at[within]]] != ids[within]
        order = self.order.copy()
        order[at[~new]] = rows[~new]
        pieces = [*np.split(order, at[new]), *rows[new][:, None]]
        pieces[::2], pieces[1::2] = pieces[: new.sum() + 1], pieces[new.sum() + 1 :]
        return np.concatenate(pieces)  # many times as fast as `insert`

    def row(self, track_id: int | str) -> int | None:
        """Give the row of a track, None where there is none of that id."""
        wanted = str(track_id)
        at = self._place(wanted)
        return int(self.order[at]) if at < len(self.order) and self.ids[self.order[at]] == wanted else None

    def _place(self, track_id: str) -> int:
        """Where in the order a track lies, or would."""
        return bisect_left(self.order, track_id, key=lambda row: self.ids[row])

    @property
    def counting(self) -> npt.NDArray[np.bool_]:
        """Which rows count, shape (n,)."""
        mask = np.zeros(len(self), dtype=bool)
        mask[self.order] = True
        return mask

    def __len__(self) -> int:
        return len(self.ids)


#: The columns, which have a value for each row.
ROWS = tuple(field.name for field in fields(TrackTable) if field.name != "order")


def _numbers(values: Sequence[Any]) -> Doubles:
    return np.array(values, dtype=np.float64)  # None becomes NaN


def _positive(values: Doubles) -> Doubles:
    return np.where(values > 0, values, np.nan)


def _trust(confidence: Doubles, known: npt.NDArray[np.bool_]) -> Floats:
    """Confidence in [0, 1]: full where a value came without one, none where there is no value."""
    given = np.where(np.isnan(confidence), 1, np.clip(confidence, 0, 1))
    return np.where(known, given, 0).astype(np.float32)


def _key_codes(names: Sequence[str | None]) -> Codes:
    codes: dict[str | None, int] = {None: UNKNOWN}
    for name in set(names) - {None}:
        codes[name] = parse_key(str(name)).index
    return np.array([codes[name] for name in names], dtype=np.int64)


def _name_codes(names: Sequence[str | None]) -> Codes:
    """Give each name a code that is its own wherever it comes up, so that tables can be put together."""
    codes = {name: artist_code(name or "") for name in set(names)}
    return np.array([codes[name] for name in names], dtype=np.int64)


def artist_code(artist: str) -> int:
    """Give the code of an artist or album in `TrackTable.artist` and `album`: case does not count."""
    name = artist.strip().casefold()
    digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest) >> 1 if name else UNKNOWN
