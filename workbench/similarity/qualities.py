"""What ears tell apart: components of vectors, grouped, with a word for more and a word for less.

Reasons (`explain`) and tastes (`taste`) speak of these rather than of single components, of whole tracks and of
regions alike: what a component belongs to follows from its name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Quality:
    """Components that are heard as one.

    Attributes
    ----------
    name : what it is called
    descriptors : from the registry of features; none for what is one aspect of descriptors that others name: how
        those of timbre deviate, and how chroma is spread in whatever key
    more, less : what is said of a hit that has more or less of it, the same where there is no more or less
    """

    name: str
    descriptors: tuple[str, ...]
    more: str
    less: str


#: Those of timbre first, up to the variety of these.
QUALITIES = (
    Quality("brightness", ("spectral_centroid", "spectral_rolloff"), "brighter", "darker"),
    Quality("spectral width", ("spectral_bandwidth",), "wider in spectrum", "narrower in spectrum"),
    Quality("noisiness", ("spectral_flatness", "zero_crossing_rate"), "noisier", "more tonal"),
    Quality("clarity", ("spectral_contrast",), "clearer", "denser"),
    Quality("tone colour", ("mfcc",), "another tone colour", "another tone colour"),
    Quality("variety of timbre", (), "more varied in timbre", "steadier in timbre"),
    Quality("percussion", ("onset_strength", "spectral_flux"), "more percussive", "less percussive"),
    Quality("busyness", ("onset_rate",), "busier", "sparser"),
    Quality("pulse", ("tempogram",), "another pulse", "another pulse"),
    Quality("tempo class", ("tempo",), "another tempo class", "another tempo class"),
    Quality("number of notes", (), "richer in notes", "plainer in notes"),
    Quality("notes", ("chroma",), "other notes", "other notes"),
    Quality("loudness", ("loudness",), "louder", "quieter"),
    Quality("dynamics", ("loudness_range", "dynamic_complexity", "crest_factor"), "wider in dynamics", "flatter"),
    Quality("evenness", ("average_loudness",), "more even in level", "less even in level"),
    Quality("pauses", ("silence_rate",), "more pauses", "fewer pauses"),
    Quality("attack", ("log_attack_time", "temporal_centroid"), "softer in attack", "sharper in attack"),
    Quality("length", ("effective_duration",), "longer", "shorter"),
)

_NUMBER = {quality.name: number for number, quality in enumerate(QUALITIES)}
_BY_DESCRIPTOR = {descriptor: number for number, q in enumerate(QUALITIES) for descriptor in q.descriptors}


@cache
def descriptor_of(component: str) -> str:
    """Give the descriptor that a component comes from.

    >>> descriptor_of("mfcc_by_energy_3_std"), descriptor_of("tempo_cos"), descriptor_of("chroma_7_mean_ranked")
    ('mfcc', 'tempo', 'chroma')
    """
    fitting = [name for name in _BY_DESCRIPTOR if f"{component}_".startswith(f"{name}_")]
    if not fitting:
        raise ValueError(f"component {component!r} belongs to no quality")
    return max(fitting, key=len)


def quality_of(component: str) -> int:
    """Give the number in `QUALITIES` of what a component belongs to.

    >>> [QUALITIES[quality_of(name)].name for name in ("spectral_rolloff_min", "mfcc_by_energy_3_std", "loudness")]
    ['brightness', 'variety of timbre', 'loudness']
    """
    number = _BY_DESCRIPTOR[descriptor_of(component)]
    if component.endswith("_ranked"):
        return _NUMBER["number of notes"]
    if component.endswith(("_std", "_dstd")) and number < _NUMBER["variety of timbre"]:
        return _NUMBER["variety of timbre"]
    return number


def membership(components: Sequence[str]) -> npt.NDArray[np.float64]:
    """Give a matrix of zeros and ones, shape (len(QUALITIES), d): what belongs to what."""
    numbers = np.array([quality_of(component) for component in components])
    return np.asarray(np.arange(len(QUALITIES))[:, None] == numbers, dtype=np.float64)
