"""A track as one vector: what is stored, what it is made of, and how vectors are made comparable.

* `embed` turns stored summaries into the *raw* vector, in units that the ear counts in (octaves,
  decibels). It depends on the track alone and is stored with it.
* `fit_scaling` looks at a library once; `Scaling.apply` gives the *standardised* vectors that
  `search` compares. Refitting rewrites no stored array.

The components of a facet lie side by side (`FACETS`). How much a component counts is set by the weight
of its `Source` within the facet and by `FACET_WEIGHTS`, however many components there are. These few weights,
and the clipping, were chosen by retrieval on labelled sounds (docs/benchmarks.md, "Retrieval").
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.features.registry import spec
from workbench.schema import ArraySpec

FloatArray = npt.NDArray[np.float32]
Transform = Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]

#: Raised with every change of the components below: part of the stored key.
VERSION = 2


def _linear(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Keep: already in decibels, LUFS, or a share between 0 and 1."""
    return x


def _log2(x: npt.NDArray[np.float64], least: float) -> npt.NDArray[np.float64]:
    """Octaves: frequencies and rates are heard as ratios; below ``least`` differences mean nothing."""
    return np.log2(np.maximum(x, least))


def _ranked(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Ascending: how a profile is spread, in whatever key: a tone, a chord or noise."""
    return np.sort(x, axis=-1)


def _octave_cos(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """First coordinate of the tempo class: half and double tempo are one point of a circle.

    Trackers and people confuse the two, and they are the same pulse (M. McKinney and D. Moelants,
    "Ambiguity in tempo perception", Music Perception 24, 2006).
    """
    return np.cos(2 * np.pi * np.log2(np.where(x > 0, x, np.nan)))


def _octave_sin(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Second coordinate of the tempo class."""
    return np.sin(2 * np.pi * np.log2(np.where(x > 0, x, np.nan)))


@dataclass(frozen=True, slots=True)
class Source:
    """Components that come from one descriptor.

    Attributes
    ----------
    descriptor : name in the registry of features
    transform : from the descriptor's unit to that of the components
    spread : least spread, in that unit, that counts as one: a difference that can just be heard or
        trusted, so that standardising a uniform library does not blow up noise
    statistics : which statistics of a framewise descriptor; empty where it has none
    weight : how much all of its components together count within the facet, relative to other sources
    first : first coefficient that is taken
    coefficients : their names, where they are not those of the descriptor
    suffix : tells apart two sources that read the same array
    """

    descriptor: str
    transform: Transform
    spread: float
    statistics: tuple[str, ...] = ()
    weight: float = 1.0
    first: int = 0
    coefficients: tuple[str, ...] = ()
    suffix: str = ""

    @property
    def path(self) -> str:
        """Path of the summary array."""
        return f"summary/{self.descriptor}"

    def labels(self) -> Iterator[str]:
        """Name the components, in the order of `values`: ``mfcc_by_energy_1_mean``, ``tempo_cos``."""
        contract = spec(self.path)
        axes = [
            contract.coords.get(dim, range(length)) for dim, length in zip(contract.dims, contract.shape, strict=True)
        ]
        if self.statistics:
            axes[0] = self.statistics
        own = [str(label) for label in axes[-1]][self.first :] if len(axes) > bool(self.statistics) else [""]
        coefficients = self.coefficients or own
        for statistic, coefficient in itertools.product(self.statistics or ("",), coefficients):
            yield "_".join(filter(None, (self.descriptor, coefficient, statistic, self.suffix)))

    def values(self, summary: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float64]:
        """Components of n tracks, shape (n, k), from the summary array, shape (n, *spec.shape)."""
        contract = spec(self.path)
        if summary.shape[1:] != contract.shape:
            raise ValueError(f"{self.path}: shape {summary.shape[1:]} given, {contract.shape} expected")
        array = summary.astype(np.float64)
        if self.statistics:
            order = list(contract.coords[contract.dims[0]])
            array = array[:, [order.index(statistic) for statistic in self.statistics], ...]
        if self.first:
            array = array[..., self.first :]
        return self.transform(array).reshape(len(array), -1)


def _octaves(descriptor: str, least: float, spread: float, *statistics: tuple[str, str, float]) -> Iterator[Source]:
    """Give a source for each statistic in octaves: suffix of the descriptor, statistic and weight of each.

    ``least`` is that of the values themselves; of their deviations a tenth of it is told apart.
    """
    for suffix, statistic, weight in statistics:
        floor = least if statistic in ("mean", "min") else least / 10
        yield Source(descriptor + suffix, partial(_log2, least=floor), spread, (statistic,), weight)


_RANKS = tuple(str(rank) for rank in range(1, 13))
_ENERGY = "_by_energy"
_COLOUR = ((_ENERGY, "mean", 0.2), (_ENERGY, "std", 0.1), ("", "dstd", 0.1), ("", "min", 0.05))
_RESTLESSNESS = ((_ENERGY, "mean", 0.5), (_ENERGY, "std", 0.25), ("", "std", 0.125))

#: What each facet is made of.
SOURCES: dict[str, tuple[Source, ...]] = {
    "timbre": (
        *_octaves("spectral_centroid", 20.0, 0.1, *_COLOUR),
        *_octaves("spectral_bandwidth", 20.0, 0.1, *_COLOUR),
        *_octaves("spectral_rolloff", 20.0, 0.1, *_COLOUR),
        # flatness and crossings span decades, from pure tones to noise
        *_octaves("spectral_flatness", 1e-6, 0.5, *_COLOUR),
        *_octaves("zero_crossing_rate", 1e-3, 0.2, *_COLOUR),
        Source("spectral_contrast", _linear, 1.0, ("mean",), 0.5),
        Source("spectral_contrast_by_energy", _linear, 1.0, ("mean",), 0.5),
        Source("spectral_contrast_by_energy", _linear, 1.0, ("std",), 0.5),
        # the zeroth coefficient is level, which belongs to dynamics
        Source("mfcc_by_energy", _linear, 1.0, ("mean",), 0.75, first=1),
        Source("mfcc_by_energy", _linear, 1.0, ("std",), 0.5, first=1),
    ),
    # tempo, notes and loudness say little of one-shots and noises: they count little beside the rest
    "rhythm": (
        *_octaves("spectral_flux", 1e-3, 0.1, *_RESTLESSNESS),
        *_octaves("onset_strength", 0.01, 0.1, *_RESTLESSNESS),
        Source("onset_rate", partial(_log2, least=0.1), 0.2, weight=0.2),
        Source("tempogram", _linear, 0.05, weight=0.25),
        Source("tempo", _octave_cos, 0.5, weight=0.125, suffix="cos"),
        Source("tempo", _octave_sin, 0.5, weight=0.125, suffix="sin"),
    ),
    "harmony": (
        Source("chroma", _ranked, 0.03, ("mean",), 0.75, coefficients=_RANKS, suffix="ranked"),
        Source("chroma", _linear, 0.03, ("mean",), 0.25),
    ),
    "dynamics": (
        Source("loudness", _linear, 1.0, weight=0.1),
        Source("loudness_range", _linear, 1.0, weight=0.125),
        Source("dynamic_complexity", _linear, 0.5, weight=0.125),
        Source("crest_factor", _linear, 1.0, weight=0.125),
        Source("silence_rate", _linear, 0.05, weight=0.125),
        Source("log_attack_time", _linear, 0.1, weight=0.125),
        Source("temporal_centroid", _linear, 0.02, weight=0.125),
        Source("effective_duration", partial(_log2, least=1e-3), 0.2, weight=0.125),
        Source("average_loudness", _linear, 0.02, weight=0.125),
    ),
}

#: How much a facet counts if nothing else is asked for.
FACET_WEIGHTS: dict[str, float] = {"timbre": 1.0, "rhythm": 0.5, "harmony": 0.2, "dynamics": 0.2}

#: Summary arrays that `embed` needs.
INPUTS: tuple[str, ...] = tuple(dict.fromkeys(source.path for sources in SOURCES.values() for source in sources))

#: Component names, facet by facet.
COMPONENTS: tuple[str, ...] = tuple(
    label for sources in SOURCES.values() for source in sources for label in source.labels()
)


def _slices() -> dict[str, slice]:
    facets, start = {}, 0
    for facet, sources in SOURCES.items():
        stop = start + sum(len(list(source.labels())) for source in sources)
        facets[facet] = slice(start, stop)
        start = stop
    return facets


#: Facet to the slice of components that belong to it.
FACETS: dict[str, slice] = _slices()


def _gains() -> FloatArray:
    gains = []
    for sources in SOURCES.values():
        whole = sum(source.weight for source in sources)
        for source in sources:
            n = len(list(source.labels()))
            gains += [(source.weight / whole / n) ** 0.5] * n
    return np.array(gains, dtype=np.float32)


#: What a standardised component is multiplied by: the squares of a facet's sum to one.
GAINS: FloatArray = _gains()

#: The contract of the stored raw vectors.
EMBEDDING = ArraySpec(
    name="embedding",
    level="embedding",
    dims=("component",),
    shape=(len(COMPONENTS),),
    unit="1",
    low=-np.inf,
    high=np.inf,
    sentence="Raw vector that similarity starts from: summaries in octaves, decibels and shares, facet by facet",
    source="workbench.similarity.embedding",
    version=VERSION,
    optional=True,
    coords={"component": COMPONENTS},
)


def embed(summaries: Mapping[str, npt.NDArray[np.floating[Any]]]) -> FloatArray:
    """Make the raw vectors of a batch of tracks from their stored summaries.

    Parameters
    ----------
    summaries : mapping
        Every array of `INPUTS`, keyed by path, each of shape (n, *spec.shape), in memory form: NaN
        where a value is missing.

    Returns
    -------
    numpy.ndarray
        float32, shape (n, len(COMPONENTS)); NaN where a component cannot be known. A row depends on
        its own track alone.

    Raises
    ------
    ValueError
        When an array is absent or its shape is not that of its spec.
    """
    absent = [path for path in INPUTS if path not in summaries]
    if absent:
        raise ValueError(f"the embedding needs {', '.join(absent)}")
    blocks = [source.values(summaries[source.path]) for sources in SOURCES.values() for source in sources]
    return np.concatenate(blocks, axis=1).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Scaling:
    """How a library's raw vectors are standardised.

    Attributes
    ----------
    version : of the embedding that it was fitted to
    centre : median of each component
    spread : interquartile range of each component in standard deviations of a normal distribution,
        or the least spread that counts, if that is larger
    clip : standardised values are kept within ±clip, so that one odd value decides nothing: what is far apart in
        one component is far apart, no matter how far
    """

    version: int
    centre: tuple[float, ...]
    spread: tuple[float, ...]
    clip: float = 1.5

    def apply(self, vectors: npt.NDArray[np.floating[Any]]) -> FloatArray:
        """Standardise raw vectors.

        Each component is centred, divided by its spread, clipped and multiplied by its share of the
        facet (`GAINS`), so that every facet has a mean square of about one and none wins by being
        long. A missing component becomes 0, the library's median: it is then as
        near to others as a typical track is, no nearer and no farther, and the distance between two
        tracks that both miss it is not raised by what nobody knows.

        Parameters
        ----------
        vectors : numpy.ndarray
            Shape (n, d) or (d,); NaN where a component is missing.

        Returns
        -------
        numpy.ndarray
            float32, the same shape, finite. A row depends on its own vector alone.
        """
        scaled = np.asarray(vectors, dtype=np.float32) - np.asarray(self.centre, dtype=np.float32)
        scaled /= np.asarray(self.spread, dtype=np.float32)
        np.clip(scaled, -self.clip, self.clip, out=scaled)
        np.nan_to_num(scaled, copy=False, nan=0.0)
        scaled *= GAINS
        return scaled

    @property
    def limit(self) -> FloatArray:
        """Largest absolute value of each standardised component, shape (d,)."""
        return np.float32(self.clip) * GAINS

    def invert(self, standardised: npt.NDArray[np.floating[Any]]) -> FloatArray:
        """Give raw vectors that `apply` turns into these; the library's median for what was missing."""
        spread = np.asarray(self.spread, dtype=np.float32)
        return np.asarray(standardised / GAINS * spread + np.asarray(self.centre, dtype=np.float32), dtype=np.float32)

    def to_dict(self) -> dict[str, Any]:
        """Give plain values for JSON; `from_dict` brings back the same to the bit."""
        return {**asdict(self), "centre": list(self.centre), "spread": list(self.spread)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Scaling:
        """Read what `to_dict` gave.

        Raises
        ------
        ValueError
            When it was fitted to another version of the embedding: fit again.
        """
        scaling = cls(
            version=int(values["version"]),
            centre=tuple(float(value) for value in values["centre"]),
            spread=tuple(float(value) for value in values["spread"]),
            clip=float(values["clip"]),
        )
        if scaling.version != VERSION or not len(scaling.centre) == len(scaling.spread) == len(COMPONENTS):
            raise ValueError(f"a scaling of embedding version {scaling.version}, not {VERSION}: fit again")
        return scaling


def fit_scaling(vectors: npt.NDArray[np.floating[Any]]) -> Scaling:
    """Fit the standardisation to the raw vectors of a library.

    Parameters
    ----------
    vectors : numpy.ndarray or numpy.memmap
        Shape (n, d), n >= 0; NaN where a component is missing.

    Returns
    -------
    Scaling
        The same to the bit in whatever order the vectors come: it is made of order statistics.

    Raises
    ------
    ValueError
        When d is not that of the embedding.
    """
    if vectors.ndim != 2 or vectors.shape[1] != len(COMPONENTS):
        raise ValueError(f"vectors of shape (n, {len(COMPONENTS)}) expected, not {vectors.shape}")
    least = _least_spreads()
    centres, spreads = [], []
    for component in range(vectors.shape[1]):
        q1, median, q3 = _quartiles(vectors[:, component])
        centres.append(median)
        spreads.append(max((q3 - q1) / _NORMAL_IQR, least[component]))
    return Scaling(version=VERSION, centre=tuple(centres), spread=tuple(spreads))


#: Interquartile range of a normal distribution with standard deviation 1.
_NORMAL_IQR = 1.3489795003921634


def _least_spreads() -> Sequence[float]:
    return [source.spread for sources in SOURCES.values() for source in sources for _ in source.labels()]


def _quartiles(values: npt.NDArray[np.floating[Any]]) -> tuple[float, float, float]:
    """Quartiles of the known values, zeros where there are none."""
    known = values[~np.isnan(values)].astype(np.float64)
    if not known.size:
        return 0.0, 0.0, 0.0
    # + 0.0 turns -0.0 into 0.0: which of the two is met first depends on the order
    q1, median, q3 = np.quantile(known, (0.25, 0.5, 0.75)) + 0.0
    return float(q1), float(median), float(q3)
