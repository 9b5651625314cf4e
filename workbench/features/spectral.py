"""Spectral and time-domain descriptors of frames.

Each takes a block of spectra, shape (n_bins, n_frames) as librosa's, and gives (n_frames,) or
(n, n_frames). Silent frames give what librosa gives: zeros, and a flatness of one. `Flux` and
`OnsetStrength` compare a frame with the one before it and therefore remember the end of the last block.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from workbench.compiled import compiled
from workbench.features.frames import FrameBlock

FloatArray = npt.NDArray[np.float32]

#: Power below which `power_to_db` does not look: -100 dB, librosa's ``amin``.
AMIN = 1e-10

DB_PER_NEPER = np.float32(10.0 / np.log(10.0))

#: First of the 128 mel bands of the pulse's low (to 420 Hz: kick, bass), middle (snare) and high band (from 5.4 kHz:
#: cymbals).
PULSE_BANDS = (0, 16, 101)

_ROLL_PERCENT = np.float32(0.85)
_CONTRAST_FMIN = 200.0
_CONTRAST_BANDS = 6
_CONTRAST_QUANTILE = 0.02
_ZERO_THRESHOLD = np.float32(1e-10)

# float32 as bits: exponent above bit 23, fraction below; and the bits of 1.0 and of `AMIN`.
_FRACTION_BITS, _FRACTION = np.int32(23), np.int32((1 << 23) - 1)
_ONE_BITS = np.float32(1.0).view(np.int32)
_AMIN_BITS = np.float32(AMIN).view(np.int32)
_MOST_FACTORS = 64  # numbers below 2, of which a product fits float32


def power_to_db(S: FloatArray) -> FloatArray:
    """Power to decibels re 1.0 (``librosa.power_to_db(S, ref=1.0, amin=1e-10, top_db=None)``).

    librosa's ``top_db`` cuts at a distance from the loudest value of the whole signal, which a
    stream cannot know; only the absolute floor `AMIN` applies here.
    """
    decibels = np.maximum(S, np.float32(AMIN))
    np.log(decibels, out=decibels)
    decibels *= DB_PER_NEPER
    return decibels


@compiled
def sum_of_bins(S: FloatArray) -> FloatArray:
    """Sum over the first axis, bin after bin."""
    total = np.zeros(S.shape[1], dtype=np.float32)
    for k in range(S.shape[0]):
        for t in range(S.shape[1]):
            total[t] += S[k, t]
    return total


@compiled
def weighted_sum(S: FloatArray, weights: FloatArray) -> FloatArray:
    """Sum over the first axis of each bin times its weight, weights of shape (n_bins,)."""
    total = np.zeros(S.shape[1], dtype=np.float32)
    for k in range(S.shape[0]):
        for t in range(S.shape[1]):
            total[t] += S[k, t] * weights[k]
    return total


@compiled
def ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """Divide, with 0 where the denominator is 0."""
    found = np.zeros_like(numerator)
    for t in range(len(found)):
        if denominator[t] > 0:
            found[t] = numerator[t] / denominator[t]
    return found


def centroid(S: FloatArray, total: FloatArray, frequencies: FloatArray) -> FloatArray:
    """Mean frequency weighted by magnitude, Hz (``librosa.feature.spectral_centroid``).

    Parameters
    ----------
    S : numpy.ndarray, shape (n_bins, n_frames)
        Magnitude spectra.
    total : numpy.ndarray, shape (n_frames,)
        Sum of each spectrum.
    frequencies : numpy.ndarray, shape (n_bins,)
        Hz.

    Returns
    -------
    numpy.ndarray, shape (n_frames,)
        ``sum(S * f) / sum(S)``; 0 for silence.

    Examples
    --------
    >>> S = np.array([[0, 0], [1, 0], [1, 0], [0, 0]], np.float32)
    >>> centroid(S, S.sum(axis=0), np.array([0, 100, 200, 300], np.float32)).tolist()
    [150.0, 0.0]
    """
    return ratio(weighted_sum(S, frequencies), total)


@compiled
def bandwidth(S: FloatArray, total: FloatArray, frequencies: FloatArray, centroids: FloatArray) -> FloatArray:
    """Spread about the centroid, Hz (``librosa.feature.spectral_bandwidth``, p=2).

    Parameters
    ----------
    S, total, frequencies
        As for `centroid`.
    centroids : numpy.ndarray, shape (n_frames,)
        Hz.

    Returns
    -------
    numpy.ndarray, shape (n_frames,)
        ``sqrt(sum(S * (f - centroid)²) / sum(S))``; 0 for silence.
    """
    # The sum of squares is not expanded: float32 would cancel for narrow spectra.
    squares = np.zeros(S.shape[1], dtype=np.float32)
    for k in range(S.shape[0]):
        for t in range(S.shape[1]):
            deviation = frequencies[k] - centroids[t]
            squares[t] += S[k, t] * (deviation * deviation)
    return np.sqrt(ratio(squares, total))


@compiled
def rolloff(S: FloatArray, total: FloatArray, frequencies: FloatArray) -> FloatArray:
    """Lowest frequency below which 85 % of the magnitude lies, Hz (``librosa.feature.spectral_rolloff``).

    Parameters
    ----------
    S, total, frequencies
        As for `centroid`; `total` is summed in the order of bins, as the running sum is here.
    """
    running = np.zeros(S.shape[1], dtype=np.float32)
    below = np.zeros(S.shape[1], dtype=np.int32)
    threshold = _ROLL_PERCENT * total
    for k in range(S.shape[0]):
        for t in range(S.shape[1]):
            running[t] += S[k, t]
            below[t] += np.int32(running[t] < threshold[t])
    found = np.empty(S.shape[1], dtype=np.float32)
    for t in range(S.shape[1]):
        found[t] = frequencies[below[t]]
    return found


def flatness(power: FloatArray) -> FloatArray:
    """Geometric over arithmetic mean of the power spectrum, 0 to 1 (``librosa.feature.spectral_flatness``).

    The logarithm of the product of all bins is taken once: exponents are added, fractions multiplied.
    """
    total, exponent, product = _product_of_bins(power)
    mean_log = (exponent * np.log(2.0) + np.log(product.astype(np.float64))) / len(power)
    return np.asarray(np.exp(mean_log) / (total.astype(np.float64) / len(power)), dtype=np.float32)


@compiled
def _product_of_bins(power: FloatArray) -> tuple[FloatArray, npt.NDArray[np.int32], FloatArray]:
    """Sum of each column, and its product as ``2**exponent * fraction``; nothing counts less than `AMIN`."""
    n_bins, n_frames = power.shape
    bits = power.view(np.int32)
    fraction_bits = np.empty(n_frames, dtype=np.int32)
    fraction = fraction_bits.view(np.float32)
    floored_bits = np.empty(n_frames, dtype=np.int32)
    floored = floored_bits.view(np.float32)
    total = np.zeros(n_frames, dtype=np.float32)
    exponent = np.zeros(n_frames, dtype=np.int32)
    product = np.ones(n_frames, dtype=np.float32)
    product_bits = product.view(np.int32)
    for k in range(n_bins):
        # bits of floats that are not negative have the order of the floats
        for t in range(n_frames):
            floored_bits[t] = max(bits[k, t], _AMIN_BITS)
            fraction_bits[t] = (floored_bits[t] & _FRACTION) | _ONE_BITS
            exponent[t] += (floored_bits[t] >> _FRACTION_BITS) - np.int32(127)
        for t in range(n_frames):
            total[t] += floored[t]
            product[t] *= fraction[t]
        if k % _MOST_FACTORS == _MOST_FACTORS - 1:
            for t in range(n_frames):
                exponent[t] += (product_bits[t] >> _FRACTION_BITS) - np.int32(127)
                product_bits[t] = (product_bits[t] & _FRACTION) | _ONE_BITS
    return total, exponent, product


@lru_cache(maxsize=8)
def contrast_bands(sr: float, n_fft: int) -> npt.NDArray[np.int64]:
    """Octave bands of `contrast`, shape (7, 3): first bin, end bin and how many bins make a peak or a valley."""
    frequencies = np.fft.rfftfreq(n_fft, 1.0 / sr)
    edges = np.concatenate(([0.0], _CONTRAST_FMIN * 2.0 ** np.arange(_CONTRAST_BANDS + 1)))
    bands = []
    for k, (low, high) in enumerate(pairwise(edges)):
        inside = np.flatnonzero((frequencies >= low) & (frequencies <= high))
        first, end = int(inside[0]), int(inside[-1]) + 1
        if k > 0:
            first -= 1
        if k == _CONTRAST_BANDS:
            end = len(frequencies)
        n_extreme = max(int(np.rint(_CONTRAST_QUANTILE * (end - first))), 1)
        bands.append((first, end if k == _CONTRAST_BANDS else end - 1, n_extreme))
    return np.array(bands)


def contrast(S: FloatArray, sr: float, n_fft: int) -> FloatArray:
    """Peak minus valley in 7 octave bands, dB, shape (7, n_frames) (``librosa.feature.spectral_contrast``).

    As in librosa the mean of the highest and lowest 2 % of the bins of each band; `power_to_db`
    explains why the floor is absolute.

    References
    ----------
    D.-N. Jiang et al., "Music type classification by spectral contrast feature", ICME 2002.
    """
    peaks, valleys = _extremes(S, contrast_bands(sr, n_fft))
    return power_to_db(peaks) - power_to_db(valleys)


@compiled
def _extremes(S: FloatArray, bands: npt.NDArray[np.int64]) -> tuple[FloatArray, FloatArray]:
    """Mean of the few highest and lowest values in each band of each frame.

    Spectra fall towards high frequencies: from low bins upwards the highest are soon complete, and from
    high bins downwards the lowest.
    """
    peaks = np.empty((len(bands), S.shape[1]), dtype=np.float32)
    valleys = np.empty((len(bands), S.shape[1]), dtype=np.float32)
    for b in range(len(bands)):
        first, end, n_extreme = bands[b]
        peaks[b] = _mean_of_extremes(S, first, end, 1, np.float32(1), n_extreme)
        valleys[b] = _mean_of_extremes(S, end - 1, first - 1, -1, np.float32(-1), n_extreme)
    return peaks, valleys


@compiled
def _mean_of_extremes(S: FloatArray, first: int, end: int, step: int, sign: np.float32, n: int) -> FloatArray:
    """Mean of the `n` highest of some bins of each column, of the lowest for a `sign` of -1.

    They are kept in order: a new value goes down the list and changes places with each that it beats. For
    lists this short that costs less than sorting, and all frames take the same steps.
    """
    n_frames = S.shape[1]
    extremes = np.full((n, n_frames), -np.inf, dtype=np.float32)
    falling = np.empty(n_frames, dtype=np.float32)
    least = extremes[n - 1]
    for k in range(first, end, step):
        bins, n_better = S[k], 0
        for t in range(n_frames):
            falling[t] = sign * bins[t]
            n_better += falling[t] > least[t]
        for j in range(n if n_better else 0):
            kept = extremes[j]
            for t in range(n_frames):
                high, low = max(kept[t], falling[t]), min(kept[t], falling[t])
                kept[t], falling[t] = high, low
    return sign * sum_of_bins(extremes) / np.float32(n)


def zero_crossing_rate(block: FrameBlock) -> FloatArray:
    """Share of samples at which the sign changes, 0 to 1 (``librosa.feature.zero_crossing_rate``)."""
    within, at_start = _crossings(block.hops)
    for border in block.borders:
        # librosa repeats the edge samples instead of adding zeros: no crossing at the borders.
        before, after = block.samples[border - 1 : border + 1] < -_ZERO_THRESHOLD if border else (False, False)
        hop, sample = divmod(border, block.hop_length)
        within[hop] -= before != after
        at_start[hop] &= sample > 0
    rate = block.frame_sums(within)
    rate -= at_start[: block.n_frames]
    rate /= np.float32(block.frame_length)
    return rate


@compiled
def _crossings(hops: FloatArray) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Count changes of sign in each hop, the step from the hop before included; and tell whether that step is one."""
    length, n_hops = hops.shape
    found = np.zeros(n_hops, dtype=np.float32)
    at_start = np.zeros(n_hops, dtype=np.bool_)
    before, now = hops[-1, :-1], hops[0, 1:]
    for t in range(n_hops - 1):
        at_start[t + 1] = (before[t] < -_ZERO_THRESHOLD) != (now[t] < -_ZERO_THRESHOLD)
        found[t + 1] = np.float32(at_start[t + 1])
    for k in range(1, length):
        for t in range(n_hops):
            found[t] += np.float32((hops[k - 1, t] < -_ZERO_THRESHOLD) != (hops[k, t] < -_ZERO_THRESHOLD))
    return found, at_start


def rms(block: FrameBlock) -> FloatArray:
    """Root mean square of each frame of samples (``librosa.feature.rms(y=y)``)."""
    energy = block.frame_sums(_energies(block.hops))
    energy /= np.float32(block.frame_length)
    return np.sqrt(energy, out=energy)


@compiled
def _energies(hops: FloatArray) -> FloatArray:
    energy = np.zeros(hops.shape[1], dtype=np.float32)
    for k in range(hops.shape[0]):
        for t in range(hops.shape[1]):
            energy[t] += hops[k, t] * hops[k, t]
    return energy


class Flux:
    """Distance between successive magnitude spectra scaled to unit norm, 0 to sqrt(2).

    The first frame has a flux of 0, and so has a change from silence to silence.

    References
    ----------
    G. Tzanetakis, P. Cook, "Musical genre classification of audio signals", IEEE TSAP 10 (5), 2002;
    here the square root of their sum of squared differences.
    """

    def __init__(self) -> None:
        self._last: FloatArray | None = None

    def __call__(self, S: FloatArray, norm: FloatArray, n_frames: int) -> FloatArray:
        """Flux of each frame of magnitude spectra, shape (n_frames,), given their Euclidean norms."""
        inverse = ratio(np.ones_like(norm), norm)
        if self._last is None:
            self._last = S[:, 0] * inverse[0]
        change = _squared_change(S, inverse, self._last)
        self._last = S[:, n_frames - 1] * inverse[n_frames - 1]
        return np.sqrt(change, out=change)


@compiled
def _squared_change(S: FloatArray, scale: FloatArray, last: FloatArray) -> FloatArray:
    """Squared distance of each scaled column from the one before, of the first from `last`."""
    n_bins, n_frames = S.shape
    total = np.zeros(n_frames, dtype=np.float32)
    unit = np.empty(n_frames + 1, dtype=np.float32)
    before, now = unit[:-1], unit[1:]
    for k in range(n_bins):
        unit[0] = last[k]
        for t in range(n_frames):
            now[t] = S[k, t] * scale[t]
        for t in range(n_frames):
            change = now[t] - before[t]
            total[t] += change * change
    return total


class OnsetStrength:
    """Mean rise of the mel spectrum from frame to frame, dB (``librosa.onset.onset_strength``).

    Parameters
    ----------
    n_fft, hop_length : int
        The curve is delayed by ``n_fft // (2 * hop_length)`` frames, as librosa does for centred frames.
    bands : tuple of int, optional
        First mel band of each of several groups: then there is a value for each, whose sum is the whole, and
        no delay, which would put each onset 46 ms after it was heard.

    References
    ----------
    S. Böck, G. Widmer, "Maximum filter vibrato suppression for onset detection", DAFx 2013 (with
    a lag of 1 and no maximum filter).
    """

    def __init__(self, n_fft: int, hop_length: int, bands: tuple[int, ...] | None = None) -> None:
        self._bands = bands
        self._delay = n_fft // (2 * hop_length) if bands is None else 0
        self._last: FloatArray | None = None

    def __call__(self, mel_db: FloatArray, n_frames: int) -> FloatArray:
        """Give the first `n_frames` frames of a mel spectrum in dB: shape (n_frames,) or (n_frames, n_groups)."""
        if self._last is None:
            # A constant past rises nowhere: the first `delay + 1` values are 0 as in librosa.
            self._last = np.repeat(mel_db[:, :1], self._delay + 1, axis=1)
        spectrum = np.concatenate((self._last, mel_db[:, :n_frames]), axis=1)
        self._last = spectrum[:, -self._delay - 1 :].copy()
        rise = _mean_rise(spectrum, np.array(self._bands or (0,)))[:, :n_frames]
        return rise[0] if self._bands is None else rise.T


@compiled
def _mean_rise(S: FloatArray, firsts: npt.NDArray[np.int64]) -> FloatArray:
    """Part of each group of bands in the mean of what each column is above the last: (n_groups, n_frames - 1)."""
    n_bands, n_frames = S.shape
    rise = np.zeros((len(firsts), n_frames - 1), dtype=np.float32)
    for group in range(len(firsts)):
        end = firsts[group + 1] if group + 1 < len(firsts) else n_bands
        total = rise[group]
        for k in range(firsts[group], end):
            before, now = S[k, :-1], S[k, 1:]
            for t in range(n_frames - 1):
                total[t] += max(now[t] - before[t], np.float32(0))
    rise /= np.float32(n_bands)
    return rise
