"""Pitch-class profile, chords and tuning, from the strongest spectral peaks (`peaks`).

The profile waits for the tuning of the track (`tonal.ChromaStream`).

References
----------
E. Gómez, "Tonal description of music audio signals", Universitat Pompeu Fabra, 2006 (HPCP, THPCP);
E. Gómez, P. Herrera, "Comparative analysis of music recordings from western and non-western traditions by
automatic tonal feature extraction", Empirical Musicology Review 3 (3), 2008 (diatonic strength, equal-tempered
deviation, non-tempered energy); T. Fujishima, "Realtime chord recognition of musical sound", ICMC 1999 (chords
by templates).
"""

from __future__ import annotations

from collections import deque
from functools import cache, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.compiled import compiled
from workbench.features.filters import A4_HZ, frozen
from workbench.features.key import KEY_NAMES
from workbench.features.peaks import Peaks
from workbench.growing import Series

FloatArray = npt.NDArray[np.float32]
DoubleArray = npt.NDArray[np.float64]

# --- pitch classes --------------------------------------------------------------------------------

#: Bins of the pitch-class profile, three to a semitone, C first.
N_HPCP = 36
_FINE_BINS = 120  # 10 cents
_C_HZ = A4_HZ * 2.0 ** (-57 / 12)
_N_HARMONICS, _DECAY, _REACH = 8, 0.6, 2 / 3  # Gómez 2006: each harmonic counts 0.6 of the last; ±2/3 semitone
_TINY = np.finfo(np.float32).tiny


@lru_cache(maxsize=1)
def _hpcp_bank() -> FloatArray:
    """Give what each tenth of a semitone adds to each bin of the profile, shape (36, 120).

    A peak may be any of the first 8 harmonics of a note; it counts for pitches up to 2/3 semitone away.
    """
    pitch = 12 * np.arange(_FINE_BINS) / _FINE_BINS
    bank = np.zeros((N_HPCP, _FINE_BINS))
    for n in range(1, _N_HARMONICS + 1):
        distance = 12 * np.arange(N_HPCP)[:, None] / N_HPCP - (pitch - 12 * np.log2(n))
        distance = (distance + 6) % 12 - 6
        near = np.abs(distance) <= _REACH
        bank += _DECAY ** (n - 1) * np.where(near, np.cos(np.pi / 2 * distance / _REACH) ** 2, 0)
    return frozen(bank.astype(np.float32))


def pitch_histogram(peaks: Peaks, tuning: float) -> FloatArray:
    """Energy of the peaks in tenths of a semitone relative to the tuning, C first, shape (120, n_frames)."""
    frequencies, heights = peaks
    c_hz = np.float32(_C_HZ * 2.0 ** (tuning / 12))
    pitch = np.log2(np.maximum(frequencies, np.float32(1)) / c_hz)
    bins = np.rint(_FINE_BINS * pitch).astype(np.int32) % _FINE_BINS
    return _add_energies(bins, heights, _FINE_BINS)


@compiled
def _add_energies(bins: npt.NDArray[np.int32], heights: FloatArray, n_bins: int) -> FloatArray:
    histogram = np.zeros((n_bins, heights.shape[1]), dtype=np.float32)
    for i in range(heights.shape[0]):
        for t in range(heights.shape[1]):
            histogram[bins[i, t], t] += heights[i, t] * heights[i, t]
    return histogram


def hpcp(histogram: FloatArray) -> FloatArray:
    """Harmonic pitch-class profile of pitch histograms, the highest bin of each frame 1, shape (36, n_frames)."""
    return _unit_maximum(_hpcp_bank() @ histogram)


def _unit_maximum(values: FloatArray) -> FloatArray:
    highest = values.max(axis=0)
    values /= np.where(highest > _TINY, highest, np.float32(1))
    return values


def profile_entropy(profile: FloatArray) -> FloatArray:
    """Entropy of each profile as a distribution over its bins, bits; 0 for silence."""
    total = profile.sum(axis=0)
    share = profile / np.where(total > 0, total, np.float32(1))
    return np.asarray(-(share * np.log2(np.maximum(share, _TINY))).sum(axis=0))


def profile_crest(profile: FloatArray) -> FloatArray:
    """Largest over mean value of each profile; 0 for silence."""
    mean = profile.mean(axis=0)
    return np.where(mean > 0, profile.max(axis=0) / np.where(mean > 0, mean, np.float32(1)), np.float32(0))


# --- chords and tuning of a track -----------------------------------------------------------------

#: Chords by index: major and minor triads, as the keys.
CHORD_NAMES = KEY_NAMES
_CHORD_HOP_S, _CHORD_HOPS = 0.5, 4  # a chord is what sounds in 2 s, every half second
_LEAST_CONTRAST = 0.3  # deviation over mean of 12 pitch classes over 2 s: noise reaches 0.2, most music 0.4
_CHORD_PIECE = 4096  # windows looked at together
_FEWEST_SHARE = 0.01  # of the windows, for a chord to be counted
_TRIADS = (0, 4, 7), (0, 3, 7)
_DIATONIC = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 11)  # major and harmonic minor
_FINE_TEMPERED = 1  # tenths of a semitone from an equal-tempered pitch that still count as tempered


class HarmonyStream:
    """Pitch-class profiles of a stream, and what a whole track tells by them.

    Parameters
    ----------
    frame_rate : float
        Frames per second.
    """

    def __init__(self, frame_rate: float) -> None:
        self._hop = max(round(_CHORD_HOP_S * frame_rate), 1)
        self._hop_s = self._hop / frame_rate
        self._waiting: deque[Peaks] = deque()
        self._open = np.empty((12, 0), dtype=np.float32)  # frames of the hop that is not complete yet
        self._hops = Series(np.float32, (12,))
        self._profile, self._fine = np.zeros(N_HPCP), np.zeros(_FINE_BINS)

    def hold(self, peaks: Peaks, n_frames: int) -> None:
        """Take in the peaks of the first `n_frames` frames of a block, whose tuning is not known yet."""
        frequencies, heights = peaks
        self._waiting.append((frequencies[:, :n_frames], heights[:, :n_frames]))

    def describe(self, tuning: float) -> dict[str, FloatArray]:
        """Give ``hpcp, hpcp_entropy, hpcp_crest`` of the block held longest, time along the last axis."""
        histogram = pitch_histogram(self._waiting.popleft(), 0.0 if np.isnan(tuning) else tuning)
        profile = hpcp(histogram)
        self._profile += profile.sum(axis=1)
        self._fine += _unit_maximum(histogram).sum(axis=1)
        frames = np.concatenate((self._open, profile[:: N_HPCP // 12]), axis=1)
        n_hops = frames.shape[1] // self._hop
        means = frames[:, : n_hops * self._hop].reshape(12, n_hops, self._hop).mean(axis=2)
        self._hops.add(means.T)
        self._open = frames[:, n_hops * self._hop :]
        return {"hpcp": profile, "hpcp_entropy": profile_entropy(profile), "hpcp_crest": profile_crest(profile)}

    def finish(self) -> dict[str, Any]:
        """Give what holds for the whole track, by the names of the registry."""
        hops = self._hops.take()
        if len(hops) >= _CHORD_HOPS:
            chords, strengths = _chords_of_hops(hops)
        else:
            frames = np.vstack((np.repeat(hops, self._hop, axis=0), self._open.T))
            # of fewer frames the pitch classes of noise are less even
            share = len(frames) / (_CHORD_HOPS * self._hop)
            chords, strengths = find_chords(frames.mean(axis=0, keepdims=True), _LEAST_CONTRAST / share**0.5)
        return {**describe_chords(chords, strengths, self._hop_s), **describe_tuning(self._profile, self._fine)}


def _chords_of_hops(hops: FloatArray) -> tuple[npt.NDArray[np.int64], DoubleArray]:
    """Chord and strength of each window of hops, in pieces, so that ten hours need little room."""
    windows = np.lib.stride_tricks.sliding_window_view(hops, _CHORD_HOPS, axis=0)
    starts = range(0, len(windows), _CHORD_PIECE)
    pieces = [find_chords(windows[start : start + _CHORD_PIECE].mean(axis=2)) for start in starts]
    return np.concatenate([chords for chords, _ in pieces]), np.concatenate([strengths for _, strengths in pieces])


def find_chords(
    windows: npt.NDArray[Any], least_contrast: float = _LEAST_CONTRAST
) -> tuple[npt.NDArray[np.int64], DoubleArray]:
    """Triad that each profile of 12 pitch classes correlates with best.

    Parameters
    ----------
    windows : numpy.ndarray, shape (n, 12)
        Pitch classes, C first.
    least_contrast : float
        Deviation over mean that the pitch classes of a chord have.

    Returns
    -------
    chords : numpy.ndarray, shape (n,), int64
        Index in `CHORD_NAMES`; -1 where the pitch classes are as even as those of noise.
    strengths : numpy.ndarray, shape (n,), float64
        The correlation.

    Examples
    --------
    >>> chord = np.isin(np.arange(12), [9, 0, 4]).astype(float)  # a, c, e
    >>> CHORD_NAMES[int(find_chords(chord[None])[0][0])]
    'A minor'
    """
    mean = windows.mean(axis=1, keepdims=True, dtype=np.float64)
    centred = windows - mean
    deviation = centred.std(axis=1)
    scores = centred @ _rotations(_TRIADS).T / (12**0.5 * np.maximum(deviation, 1e-9))[:, None]
    clear = deviation > least_contrast * mean[:, 0]
    return np.where(clear, scores.argmax(axis=1), -1), scores.max(axis=1)


@cache
def _rotations(steps: tuple[tuple[int, ...], ...]) -> DoubleArray:
    """Profiles of the steps from each pitch class, one after the other, centred and of unit norm, shape (n, 12)."""
    profiles = [np.roll(np.isin(np.arange(12), some), k) for some in steps for k in range(12)]
    table = np.array(profiles, dtype=np.float64)
    table -= table.mean(axis=1, keepdims=True)
    return frozen(table / np.linalg.norm(table, axis=1, keepdims=True))


def describe_chords(chords: npt.NDArray[np.int64], strengths: DoubleArray, hop_s: float) -> dict[str, Any]:
    """Give the ``chords_…`` of a succession of chords; all are NaN where there are none."""
    known = chords >= 0
    if not known.any():
        nan = float("nan")
        single = dict.fromkeys(("chords_changes_rate", "chords_number_rate", "chords_strength", "chords_key"), nan)
        return {**single, "chords_histogram": np.full(len(CHORD_NAMES), nan)}
    chords = chords[known]
    histogram = np.bincount(chords, minlength=len(CHORD_NAMES)) / len(chords)
    return {
        "chords_histogram": histogram,
        "chords_changes_rate": np.count_nonzero(np.diff(chords)) / (len(chords) * hop_s),
        "chords_number_rate": np.count_nonzero(histogram >= _FEWEST_SHARE) / len(chords),
        "chords_strength": float(np.clip(strengths[known].mean(), 0, 1)),
        "chords_key": float(histogram.argmax()),
    }


def describe_tuning(profile: DoubleArray, fine: DoubleArray) -> dict[str, Any]:
    """Give ``thpcp`` and the ``tuning_…`` of the sums of `hpcp` and of `pitch_histogram`; NaN for silence.

    Parameters
    ----------
    profile : numpy.ndarray, shape (36,)
    fine : numpy.ndarray, shape (120,)
    """
    if not profile.max() > 0:
        single = ("tuning_diatonic_strength", "tuning_equal_tempered_deviation", "tuning_nontempered_energy_ratio")
        return {**dict.fromkeys(single, float("nan")), "thpcp": np.full(N_HPCP, np.nan)}
    classes = profile[:: N_HPCP // 12]
    centred = classes - classes.mean()
    norm = max(float(np.linalg.norm(centred)), 1e-9)
    off = np.arange(_FINE_BINS) % 10
    off = np.minimum(off, 10 - off)
    peaks = np.where((fine > np.roll(fine, 1)) & (fine >= np.roll(fine, -1)), fine, 0)
    return {
        "thpcp": np.roll(profile, -int(profile.argmax())) / profile.max(),
        "tuning_diatonic_strength": float(np.clip((_rotations(_DIATONIC) @ centred).max() / norm, 0, 1)),
        "tuning_equal_tempered_deviation": float(peaks @ off / peaks.sum() / 10),
        "tuning_nontempered_energy_ratio": float(fine[off > _FINE_TEMPERED].sum() / fine.sum()),
    }
