"""Arrays that need no audio: they are computed from summaries that are stored.

When the formula of a mood or the embedding changes, a whole library is brought up to date at the speed at
which its summaries are read.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.features import mood
from workbench.features.registry import DESCRIPTORS, spec
from workbench.similarity.embedding import EMBEDDING, INPUTS, embed

Arrays = Mapping[str, npt.NDArray[Any]]

_AFFECT = tuple(f"summary/{name}" for name in mood.DERIVED)


def needed(missing: Collection[str], keys: Collection[str]) -> tuple[str, ...]:
    """Paths of the stored arrays that all of `missing` can be computed from; empty if the audio is needed.

    Parameters
    ----------
    missing : collection of str
        Paths of arrays.
    keys : collection of str
        Keys (``path@version``) of the arrays that the track has.

    Examples
    --------
    >>> needed(["summary/mood"], [])
    ()
    >>> stored = [spec(f"summary/{name}").key for name in DESCRIPTORS["energy"].requires]
    >>> len(needed(["summary/mood"], stored)) == len(stored)
    True
    """
    paths: set[str] = set()
    for path in missing:
        if path == EMBEDDING.path:
            paths.update(INPUTS)
        elif path in _AFFECT:
            paths.update(f"summary/{name}" for name in DESCRIPTORS["energy"].requires)
        else:
            return ()
    paths.difference_update(missing)
    return tuple(sorted(paths)) if all(spec(path).key in keys for path in paths) else ()


def derive(missing: Collection[str], stored: Arrays) -> dict[str, npt.NDArray[Any]]:
    """Compute the arrays named.

    Parameters
    ----------
    missing : collection of str
        Paths of arrays.
    stored : mapping from path to array
        What `needed` asked for, in memory form: NaN where a value is missing.
    """
    known: dict[str, npt.NDArray[Any]] = dict(stored)
    if not set(missing).isdisjoint(_AFFECT):
        inputs = {name: stored[f"summary/{name}"] for name in DESCRIPTORS["energy"].requires}
        # the first statistic of a framewise descriptor is its mean
        found = mood.affect({name: float(np.ravel(array)[0]) for name, array in inputs.items()})
        known.update({f"summary/{name}": np.array(value, dtype=np.float32) for name, value in found.items()})
    if EMBEDDING.path in missing:
        known[EMBEDDING.path] = embed({path: np.asarray(known[path])[np.newaxis] for path in INPUTS})[0]
    return {path: np.asarray(known[path]) for path in missing}
