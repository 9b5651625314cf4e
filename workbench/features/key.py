"""Musical key: which of 24 fits the pitches of a track (`pitch.PitchHistograms`), and how sure that is.

The histograms are tuned, gathered into 12 pitch classes and compared with key profiles.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from workbench.features.pitch import CELLS, PitchHistograms

DoubleArray = npt.NDArray[np.float64]

PITCH_CLASSES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")

#: Names of the keys by their index.
KEY_NAMES = (*(f"{p} major" for p in PITCH_CLASSES), *(f"{p} minor" for p in PITCH_CLASSES))

#: How much each pitch class belongs to a major and to a minor key, from the tonic upwards.
PROFILES: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    # Chords of 200 rock songs: Temperley & de Clercq 2013, as tabulated by Vuvan & Hughes 2021.
    "rock": (
        (0.231, 0.002, 0.091, 0.004, 0.149, 0.111, 0.004, 0.193, 0.004, 0.126, 0.011, 0.076),
        (0.202, 0.006, 0.102, 0.127, 0.047, 0.113, 0.005, 0.177, 0.046, 0.051, 0.090, 0.034),
    ),
    # Listeners' ratings: Krumhansl & Kessler 1982.
    "krumhansl": (
        (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
        (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
    ),
    # The same, revised by theory: Temperley 1999.
    "temperley": (
        (5.0, 2.0, 3.5, 2.0, 4.5, 4.0, 2.0, 4.5, 2.0, 3.5, 1.5, 4.0),
        (5.0, 2.0, 3.5, 4.5, 2.0, 4.0, 2.0, 4.5, 3.5, 2.0, 1.5, 4.0),
    ),
    # Electronic dance music: Faraldo et al. 2016.
    "edma": (
        (1.00, 0.29, 0.50, 0.40, 0.60, 0.56, 0.32, 0.80, 0.31, 0.45, 0.42, 0.39),
        (1.00, 0.31, 0.44, 0.58, 0.33, 0.49, 0.29, 0.78, 0.43, 0.29, 0.53, 0.32),
    ),
}

#: The profiles whose keys are descriptors of their own.
NAMED_PROFILES = ("krumhansl", "temperley", "edma")

_PROFILE_KEYS = tuple(f"key_{profile}{suffix}" for profile in NAMED_PROFILES for suffix in ("", "_strength"))

#: The descriptors that `describe_key` gives.
KEY_DESCRIPTORS = (
    *("key", "key_strength", "key_candidates", "key_hpcp", "key_hpcp_entropy", "key_hpcp_crest"),
    *_PROFILE_KEYS,
)

_FEWEST_FRAMES = 9  # more than a click or an edge can fill
_THIRD_HARMONIC = 0.2
_MINOR_LEAN = 0.06  # major and minor keys of rendered accompaniments are then right equally often
# Evidence that noise does not reach: it falls with the root of the number of frames, to 0.01 with 1000.
_LEAST_EVIDENCE, _LEAST_EVIDENCE_OF_ONE = 0.015, 0.25
# Of the shares: with these, keys of strength s are right in about s of all cases.
_CERTAINTY, _CERTAIN_FRAMES, _CERTAIN_PITCH_CLASSES = 65.0, 54, 6.0
_WHOLE = 0.75

_FIFTH_ABOVE = (np.arange(12) + 7) % 12
_TURNS = np.exp(2j * np.pi * np.arange(CELLS) / (CELLS // 12))  # of each cell about its semitone


def camelot(key: int) -> str:
    """Camelot code of a key index.

    Examples
    --------
    >>> camelot(KEY_NAMES.index("A minor")), camelot(KEY_NAMES.index("C major"))
    ('8A', '8B')
    """
    minor = key >= 12
    relative_major = (key % 12 + 3) % 12 if minor else key
    return f"{(relative_major * 7 + 7) % 12 + 1}{'A' if minor else 'B'}"


@dataclass(frozen=True, slots=True)
class Key:
    """The key that fits best; all NaN where nothing is tonal.

    Attributes
    ----------
    index : index in `KEY_NAMES`
    strength : how likely it is right, 0 to 1: its share of `candidates`
    candidates : share of each of the `KEY_NAMES`, shape (24,), sum 1
    """

    index: float
    strength: float
    candidates: DoubleArray


def unknown_key() -> Key:
    """Give the key of what has none."""
    return Key(float("nan"), float("nan"), np.full(24, np.nan))


def estimate_key(histograms: PitchHistograms) -> Key:
    """Key of a track.

    - The pitch classes are correlated with the profile of rock harmony in all 24 keys. A fifth of each pitch class is
      counted a fifth lower too, where it would be a third harmonic, as far as that note is there itself. Minor keys
      get a little ahead: each tone sounds its own major third, as the fifth harmonic, and so minor is taken for major
      more often than the reverse.
    - The correlations become shares, as log-likelihoods would: ``exp(certainty * correlation)``, scaled to the sum 1.
      The certainty rises with how closely the tuning is kept (speech and drums do not), with the best correlation,
      with the length, and with the number of pitch classes up to six (a single note leaves the mode open).
    - The shares of the whole and, by a quarter, those of its passages are averaged: a key that holds
      throughout is surer than one that changes.

    Parameters
    ----------
    histograms : PitchHistograms

    Returns
    -------
    Key
        NaN for less than about a second of sound, and if the pitches lie on no scale of semitones or fit no key:
        if how closely the tuning is kept, times the best correlation, is no more than in noise.

    References
    ----------
    C. Krumhansl, "Cognitive foundations of musical pitch", 1990 (correlation with key profiles);
    D. Temperley, T. de Clercq, "Statistical analysis of harmony and melody in rock music", Journal of New Music
    Research 42 (3), 2013 (profiles).

    Examples
    --------
    >>> scale = np.zeros((1, 120))
    >>> scale[0, [90, 110, 0, 20, 40, 50, 70]] = [3, 1, 2, 1, 2, 1, 2]
    >>> KEY_NAMES[int(estimate_key(PitchHistograms(scale, n_frames=100)).index)]
    'A minor'
    """
    return _estimate(histograms)[0]


def _estimate(histograms: PitchHistograms) -> tuple[Key, DoubleArray]:
    """Give the key and the pitch classes of the whole."""
    whole = histograms.passages.sum(axis=0)
    if histograms.n_frames < _FEWEST_FRAMES or not whole.any():
        return unknown_key(), np.full(12, np.nan)
    turn, concentration = _tuning(whole)
    parts = histograms.passages[histograms.passages.any(axis=1)]
    classes = pitch_classes(np.concatenate((whole[np.newaxis], parts)), turn)
    fits = _fit(classes)
    best_fit, n_frames = fits[0].max(), histograms.n_frames
    if concentration * best_fit < _LEAST_EVIDENCE + _LEAST_EVIDENCE_OF_ONE / np.sqrt(n_frames):
        return unknown_key(), classes[0]
    certainty = _CERTAINTY * np.sqrt(concentration) * best_fit**2
    certainty *= n_frames / (n_frames + _CERTAIN_FRAMES)
    certainty *= min(2 ** _entropy(classes[0]) / _CERTAIN_PITCH_CLASSES, 1.0)
    shares = _shares(certainty * fits)
    candidates = _WHOLE * shares[0] + (1 - _WHOLE) * shares[1:].mean(axis=0)
    best = int(np.argmax(candidates))
    return Key(float(best), float(candidates[best]), candidates), classes[0]


def _fit(pitch_classes: DoubleArray) -> DoubleArray:
    """Compare each row, shape (n, 12), with the keys: about -1 to 1, shape (n, 24)."""
    lower = np.minimum(pitch_classes[:, _FIFTH_ABOVE], 2 * pitch_classes)
    fit = profile_correlations(pitch_classes + _THIRD_HARMONIC * lower, "rock")
    fit[:, 12:] += _MINOR_LEAN
    return fit


def _entropy(classes: DoubleArray) -> float:
    """Bits; two to the power of it is the number of pitch classes that sound, if all were equally strong."""
    share = classes[classes > 0] / classes.sum()
    return float(-np.sum(share * np.log2(share)))


def _shares(logarithms: DoubleArray) -> DoubleArray:
    powers = np.exp(logarithms - logarithms.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def profile_correlations(pitch_classes: DoubleArray, profile: str) -> DoubleArray:
    """Correlate pitch classes with a profile in each key.

    Parameters
    ----------
    pitch_classes : numpy.ndarray, shape (..., 12)
    profile : str
        One of `PROFILES`.

    Returns
    -------
    numpy.ndarray, shape (..., 24)
        -1 to 1; zeros for pitch classes that are all the same.

    Examples
    --------
    >>> triad = np.array([1.0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0])
    >>> KEY_NAMES[int(profile_correlations(triad, "krumhansl").argmax())]
    'C major'
    """
    centred = pitch_classes - pitch_classes.mean(axis=-1, keepdims=True)
    norm = np.sqrt((centred**2).sum(axis=-1, keepdims=True))
    return np.asarray(centred / np.where(norm > 0, norm, 1) @ _rotated(profile).T)


@lru_cache(maxsize=len(PROFILES))
def _rotated(profile: str) -> DoubleArray:
    """Profiles of the 24 keys, mean 0 and norm 1, shape (24, 12)."""
    rows = np.stack([np.roll(mode, tonic) for mode in PROFILES[profile] for tonic in range(12)])
    rows -= rows.mean(axis=1, keepdims=True)
    return np.asarray(rows / np.sqrt((rows**2).sum(axis=1, keepdims=True)))


def _tuning(histogram: DoubleArray) -> tuple[float, float]:
    """Mean deviation from the equal-tempered scale in semitones, and how closely it is kept: 0 not at all, to 1."""
    mean = np.sum(histogram * _TURNS) / histogram.sum()
    return float(np.angle(mean) / (2 * np.pi)), float(np.abs(mean))


def pitch_classes(histogram: DoubleArray, turn: float) -> DoubleArray:
    """Gather tenths of a semitone into pitch classes.

    Parameters
    ----------
    histogram : numpy.ndarray, shape (..., 120)
    turn : float
        Deviation from A4 = 440 Hz, semitones.

    Returns
    -------
    numpy.ndarray, shape (..., 12)
        C first.
    """
    distance = np.arange(CELLS) / (CELLS // 12) - turn - np.arange(12)[:, None]
    distance = (distance + 6) % 12 - 6
    weights = np.where(np.abs(distance) < 0.5, np.cos(np.pi * distance) ** 2, 0.0)
    return np.asarray(histogram @ weights.T)


def describe_key(histograms: PitchHistograms) -> dict[str, float | DoubleArray]:
    """Give the descriptors of a track's harmony as a whole by name; NaN where nothing is tonal.

    Parameters
    ----------
    histograms : PitchHistograms

    Returns
    -------
    dict
        Those of `KEY_DESCRIPTORS`: scalars, and ``key_candidates``, shape (24,), and ``key_hpcp``, shape (12,).
    """
    key, classes = _estimate(histograms)
    found: dict[str, float | DoubleArray] = {
        "key": key.index,
        "key_strength": key.strength,
        "key_candidates": key.candidates,
        "key_hpcp": np.full(12, np.nan),
        **dict.fromkeys(("key_hpcp_entropy", "key_hpcp_crest", *_PROFILE_KEYS), float("nan")),
    }
    if np.isnan(key.index):
        return found
    found["key_hpcp"] = classes / classes.max()
    found["key_hpcp_entropy"] = max(_entropy(classes), 0.0)
    found["key_hpcp_crest"] = float(classes.max() / classes.mean())
    for profile in NAMED_PROFILES:
        fit = profile_correlations(classes, profile)
        found[f"key_{profile}"] = float(np.argmax(fit))
        found[f"key_{profile}_strength"] = float(np.clip(fit.max(), 0.0, 1.0))
    return found
