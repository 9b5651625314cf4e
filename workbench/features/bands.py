"""Energy in bands of hearing, and the shape of what the bands hold.

Bark bands are boxes of bins; ERB bands have the frequency response of gammatone filters. A `Bands` object
has the energy of each band in each frame, shape (n_bands, n_frames), and what is derived from it.

References
----------
E. Zwicker, "Subdivision of the audible frequency range into critical bands", JASA 33, 1961 (Bark);
B. Glasberg, B. Moore, "Derivation of auditory filter shapes from notched-noise data", Hearing Research 47,
1990 (ERB); M. Slaney, "An efficient implementation of the Patterson-Holdsworth auditory filter bank", Apple
TR 35, 1993 (centres, gammatone); Y. Shao et al., "An auditory-based feature for robust speech recognition",
ICASSP 2009 (GFCC); G. Peeters, "A large set of audio features for sound description", IRCAM, 2004 (shape).
"""

from __future__ import annotations

from functools import cached_property, lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from workbench.compiled import compiled
from workbench.features import filters
from workbench.features.filters import SparseBank
from workbench.features.spectral import AMIN, power_to_db

FloatArray = npt.NDArray[np.float32]
DoubleArray = npt.NDArray[np.float64]

#: Edges of Bark bands, Hz, the lowest two halved as in Essentia; the last is cut at the Nyquist frequency.
BARK_EDGES_HZ = (
    0, 50, 100, 150, 200, 300, 400, 510, 630, 770, 920, 1080, 1270, 1480, 1720, 2000, 2320, 2700, 3150, 3700,
    4400, 5300, 6400, 7700, 9500, 11025,
)  # fmt: skip

#: Edges of `spectral_energyband`, Hz (Essentia's, the last cut at the Nyquist frequency).
ENERGY_EDGES_HZ = {
    "low": (20, 150), "middle_low": (150, 800), "middle_high": (800, 4000), "high": (4000, 11025),
}  # fmt: skip

N_ERB_BANDS = 40
_ERB_FMIN = 50.0
_ERB_LEAST_WEIGHT = 1e-4  # 40 dB below the centre of a band, where boxes and triangles have ended
_LEAST_SPREAD = np.float32(0.01)  # bands²; below it all is in one band, and moments would be rounding


@lru_cache(maxsize=8)
def box_bank(sr: float, n_fft: int, edges: tuple[tuple[float, float], ...]) -> SparseBank:
    """Bands that sum the bins of which the centre lies in ``[low, high)``; the Nyquist frequency counts as below."""
    frequencies = filters.fft_frequencies(sr, n_fft)
    frequencies[-1] -= sr / n_fft / 2
    bank = [(frequencies >= low) & (frequencies < high) for low, high in edges]
    return SparseBank.of(np.array(bank, dtype=np.float32))


def bark_bank(sr: float, n_fft: int) -> SparseBank:
    """Give the 25 Bark bands of `BARK_EDGES_HZ`."""
    return box_bank(sr, n_fft, tuple(pairwise(BARK_EDGES_HZ)))


def energy_bank(sr: float, n_fft: int) -> SparseBank:
    """Give the bands of `ENERGY_EDGES_HZ`."""
    return box_bank(sr, n_fft, tuple(ENERGY_EDGES_HZ.values()))


def erb_centres(sr: float, n_bands: int = N_ERB_BANDS) -> DoubleArray:
    """Centres evenly spaced on the ERB scale from 50 Hz to below the Nyquist frequency, Hz, ascending."""
    scale = 9.26449 * 24.7  # Hz at which the bandwidth has doubled
    steps = np.arange(1, n_bands + 1) / n_bands
    high = sr / 2
    return np.asarray(((high + scale) * ((_ERB_FMIN + scale) / (high + scale)) ** steps - scale)[::-1])


@lru_cache(maxsize=4)
def erb_bank(sr: float, n_fft: int) -> SparseBank:
    """Power response of 40 gammatone filters of fourth order, 1 at each centre.

    ``(1 + ((f - centre) / b)²)**-4`` with ``b`` 1.019 times the equivalent rectangular bandwidth; what is
    40 dB below the centre is left out.
    """
    centres = erb_centres(sr)[:, None]
    width = 1.019 * 24.7 * (4.37e-3 * centres + 1)
    response = (1 + ((filters.fft_frequencies(sr, n_fft) - centres) / width) ** 2) ** -4.0
    response[response < _ERB_LEAST_WEIGHT] = 0
    return SparseBank.of(response.astype(np.float32))


class BandShape(NamedTuple):
    """Shape of the energy over the numbers of the bands, each (n_frames,).

    Attributes
    ----------
    crest : largest over mean energy, 1 to n_bands
    flatness_db : geometric over arithmetic mean, dB: 0 if all bands are alike
    spread : variance about the centroid, bands²
    skewness, kurtosis : third and fourth standardised moment, 3 subtracted from the fourth
    """

    crest: FloatArray
    flatness_db: FloatArray
    spread: FloatArray
    skewness: FloatArray
    kurtosis: FloatArray


class Bands:
    """Energies of bands and what is derived from them, each computed when first asked for.

    Parameters
    ----------
    power : numpy.ndarray, shape (n_bands, n_frames)
        Energy of each band in each frame.

    Examples
    --------
    >>> even = Bands(np.ones((4, 1), np.float32))
    >>> even.shape.crest.item(), even.shape.flatness_db.item(), even.shape.spread.item()
    (1.0, 0.0, 1.25)
    """

    def __init__(self, power: FloatArray) -> None:
        self.power = power

    @cached_property
    def decibels(self) -> FloatArray:
        """Energies in dB, shape (n_bands, n_frames)."""
        return power_to_db(self.power)

    @cached_property
    def shape(self) -> BandShape:
        """Crest, flatness and moments. Silence is flat: its energies count as the floor of `power_to_db`."""
        mean, crest, spread, skewness, kurtosis = _shape(self.power, np.float32(AMIN), _LEAST_SPREAD)
        flatness_db = self.decibels.mean(axis=0) - power_to_db(mean)
        return BandShape(crest, np.minimum(flatness_db, np.float32(0)), spread, skewness, kurtosis)


@compiled
def _shape(
    power: FloatArray, floor: np.float32, least_spread: np.float32
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
    """Mean, crest, spread, skewness and kurtosis of floored energies over the numbers of the bands."""
    n_bands, n_frames = power.shape
    total, highest, centroid, second, third, fourth = np.zeros((6, n_frames), dtype=np.float32)
    for k in range(n_bands):
        row, position = power[k], np.float32(k)
        for t in range(n_frames):
            energy = max(row[t], floor)
            total[t] += energy
            centroid[t] += energy * position
            highest[t] = max(highest[t], energy)
    for t in range(n_frames):
        centroid[t] /= total[t]
    for k in range(n_bands):
        row, position = power[k], np.float32(k)
        for t in range(n_frames):
            distance = position - centroid[t]
            square = max(row[t], floor) / total[t] * distance * distance
            second[t] += square
            third[t] += square * distance
            fourth[t] += square * distance * distance
    mean = total / np.float32(n_bands)
    scale = np.maximum(second, least_spread)
    return mean, highest / mean, second, third / (scale * np.sqrt(scale)), fourth / (scale * scale) - np.float32(3)


def cepstrum(decibels: FloatArray, n_coefficients: int) -> FloatArray:
    """First coefficients of the orthonormal DCT-II over the bands, shape (n_coefficients, n_frames)."""
    return np.asarray(filters.dct_bank(len(decibels), n_coefficients) @ decibels)
