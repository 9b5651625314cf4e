"""A map of a library: where tracks lie on a plane, and what the regions of it are called.

* A few thousand tracks are *landmarks*. They are laid out once: along the two directions in which they differ
  most (principal components), and from there, where scikit-learn is installed, by t-SNE (L. van der Maaten and
  G. Hinton, "Visualizing data using t-SNE", JMLR 9, 2008), which keeps neighbours together. Starting from
  principal components keeps what is far apart in place (D. Kobak and P. Berens, "The art of using t-SNE for
  single-cell transcriptomics", Nature Communications 10, 2019).
* Every track is placed among the landmarks that sound most like it. So a new track moves no other one.
* A layout of a library that has grown starts from the former one and is turned to lie upon it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from workbench.similarity.embedding import COMPONENTS
from workbench.similarity.search import component_weights, facet_weights

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

#: Raised with every change here: part of what is kept on disk.
VERSION = 1

#: Landmarks at most: t-SNE takes some seconds for so many.
LANDMARKS = 2000
#: So many landmarks at least are laid out by their neighbours.
_FEWEST = 20
_NEIGHBOURS = 30
#: A track is placed among so many landmarks.
_AMONG = 4
_MOST_CLUSTERS = 12
_ROUNDS = 20
_MOST_WORDS = 3
#: Deviations from the library's median from which a cluster is called bright or dark.
_WORTH_A_WORD = 0.3


@dataclass(frozen=True, slots=True)
class Word:
    """What tracks are called that have little or much of a descriptor."""

    less: str
    more: str


#: Descriptors that clusters are named by: components of the embedding, and columns of the catalog.
WORDS = {
    "spectral_centroid_by_energy_mean": Word("dark", "bright"),
    "spectral_flatness_by_energy_mean": Word("tonal", "noisy"),
    "onset_rate": Word("sparse", "busy"),
    "loudness": Word("quiet", "loud"),
    "loudness_range": Word("even", "dynamic"),
    "bpm": Word("slow", "fast"),
    "energy": Word("gentle", "energetic"),
}


@dataclass(frozen=True, slots=True)
class Layout:
    """What places tracks.

    Attributes
    ----------
    landmarks : float32, shape (m, d): standardised vectors
    places : float32, shape (m, 2): where they lie; the root of their mean square is 1
    centres : float32, shape (k, d): middle of each cluster
    """

    landmarks: Float32
    places: Float32
    centres: Float32

    def place(self, vectors: Float32) -> Float32:
        """Give the places of standardised vectors, shape (n, 2).

        Parameters
        ----------
        vectors : numpy.ndarray
            float32, shape (n, d).

        Returns
        -------
        numpy.ndarray
            float32, shape (n, 2). A landmark has its own place, another track one between those of its neighbours.
        """
        found = np.zeros((len(vectors), 2), dtype=np.float32)
        if not len(self.landmarks):
            return found
        among = min(_AMONG, len(self.landmarks))
        for rows, squared in _squared_distances(vectors, self.landmarks):
            near = np.argpartition(squared, among - 1, axis=1)[:, :among]
            share = 1 / (np.take_along_axis(squared, near, axis=1) + 1e-6)
            share /= share.sum(axis=1, keepdims=True)
            found[rows] = (self.places[near] * share[:, :, np.newaxis]).sum(axis=1)
        return found

    def cluster(self, vectors: Float32) -> Labels:
        """Give the cluster of each standardised vector, shape (n,)."""
        found = np.zeros(len(vectors), dtype=np.int64)
        for rows, squared in _squared_distances(vectors, self.centres):
            found[rows] = squared.argmin(axis=1)
        return found


def fit_layout(landmarks: Float32, former: Layout | None = None) -> Layout:
    """Lay landmarks out.

    Parameters
    ----------
    landmarks : numpy.ndarray
        float32, shape (m, d), standardised: a sample of a library, `LANDMARKS` at most.
    former : Layout, optional
        That of the library when it was smaller: what was to the left stays there.

    Examples
    --------
    >>> two = np.eye(len(COMPONENTS), dtype=np.float32)[:2]
    >>> layout = fit_layout(two)
    >>> bool(np.allclose(layout.place(two), layout.places, atol=1e-4))
    True
    """
    if not len(landmarks):
        return Layout(landmarks, np.empty((0, 2), dtype=np.float32), landmarks)
    start = _principal(_weighted(landmarks)) if former is None else former.place(landmarks).astype(np.float64)
    places = _by_neighbours(_weighted(landmarks), start) if len(landmarks) >= _FEWEST else start
    places = _normal(places) if former is None else _turned(_normal(places), start)
    return Layout(landmarks, places.astype(np.float32), _clusters(landmarks))


def name_clusters(cluster: Labels, descriptors: Mapping[str, npt.NDArray[np.floating]], n: int) -> list[str]:
    """Name clusters by what their tracks have more or less of than most.

    Parameters
    ----------
    cluster : numpy.ndarray
        Cluster of each track, shape (tracks,), 0 to n - 1.
    descriptors : mapping
        Some of `WORDS` to its value for each track, shape (tracks,); NaN where not known.
    n : int
        Number of clusters.

    Returns
    -------
    list of str
        Such as ``bright, fast, noisy``, the most telling first; no two are the same.

    Examples
    --------
    >>> name_clusters(np.array([0, 0, 1, 1]), {"bpm": np.array([60, 62, 170, 180.0])}, 2)
    ['slow', 'fast']
    """
    names: list[str] = []
    for number in range(n):
        told = []
        for name, values in descriptors.items():
            deviation = _deviation(values, cluster == number)
            if abs(deviation) >= _WORTH_A_WORD:
                told.append((-abs(deviation), WORDS[name].more if deviation > 0 else WORDS[name].less))
        name = ", ".join(word for _, word in sorted(told)[:_MOST_WORDS]) or "in the middle"
        same = sum(other == name or other.startswith(f"{name} (") for other in names)
        names.append(f"{name} ({same + 1})" if same else name)
    return names


def component_descriptors(raw: Float32) -> dict[str, Float32]:
    """Give those of `WORDS` that are components of raw vectors, shape (n, d)."""
    return {name: raw[:, COMPONENTS.index(name)] for name in WORDS if name in COMPONENTS}


def _deviation(values: npt.NDArray[np.floating], inside: npt.NDArray[np.bool_]) -> float:
    """How far the median of some tracks lies from that of all, in standard deviations of a normal distribution."""
    known = ~np.isnan(values)
    if not (known & inside).any():
        return 0.0
    low, middle, high = np.quantile(values[known], (0.25, 0.5, 0.75))
    return float((np.median(values[known & inside]) - middle) / max((high - low) / 1.349, 1e-9))


def _weighted(vectors: Float32) -> Float64:
    """Multiply components so that the plain distance is that of `search`."""
    return vectors.astype(np.float64) * np.sqrt(component_weights(facet_weights(None), np.ones(len(COMPONENTS))))


def _squared_distances(vectors: Float32, others: Float32, block: int = 2048) -> Iterator[tuple[slice, Float32]]:
    """Squared distances of some rows at a time from others, shape (rows, others)."""
    those = _weighted(others).astype(np.float32)
    norms = np.square(those).sum(axis=1)
    for start in range(0, len(vectors), block):
        rows = slice(start, start + block)
        these = _weighted(vectors[rows]).astype(np.float32)
        squared = np.square(these).sum(axis=1, keepdims=True) + norms - 2 * these @ those.T
        yield rows, np.maximum(squared, 0)


def _principal(vectors: Float64) -> Float64:
    """Coordinates along the two directions in which vectors differ most, shape (n, 2)."""
    centred = vectors - vectors.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)  # in ascending order
    axes = axes[:, :-3:-1]
    axes *= np.sign(axes[np.abs(axes).argmax(axis=0), (0, 1)])  # which of both ways they point would be chance
    return np.asarray(centred @ axes)


def _by_neighbours(vectors: Float64, start: Float64) -> Float64:
    """Move points from where they start until neighbours lie together; leave them where scikit-learn is missing."""
    try:
        from sklearn.manifold import TSNE
    except ImportError:
        return start
    small = (_normal(start) * 1e-4).astype(np.float32)
    perplexity = min(_NEIGHBOURS, (len(vectors) - 1) / 3)
    model = TSNE(init=small, perplexity=perplexity, random_state=0, n_jobs=1)
    return np.asarray(model.fit_transform(vectors.astype(np.float32)), dtype=np.float64)


def _normal(places: Float64) -> Float64:
    """Move the middle to 0 and the root mean square to 1."""
    centred = places - places.mean(axis=0)
    size = np.sqrt(np.square(centred).sum(axis=1).mean())
    return np.asarray(centred / size if size > 0 else centred)


def _turned(places: Float64, upon: Float64) -> Float64:
    """Turn, and if need be mirror, places so that they lie best upon others (orthogonal Procrustes problem)."""
    left, _, right = np.linalg.svd(places.T @ _normal(upon))
    return np.asarray(places @ left @ right)


def _clusters(landmarks: Float32) -> Float32:
    """Find the middles of clusters, shape (k, d): k-means, begun with landmarks far from each other.

    D. Arthur and S. Vassilvitskii, "k-means++: the advantages of careful seeding", SODA 2007.
    """
    k = min(_MOST_CLUSTERS, max(int(np.sqrt(len(landmarks) / 2)), 1))
    rng = np.random.default_rng(0)
    centres = landmarks[:1]
    while len(centres) < k:
        squared = np.concatenate([part for _, part in _squared_distances(landmarks, centres)]).min(axis=1)
        if not squared.any():
            break
        chosen = rng.choice(len(landmarks), p=squared / squared.sum(dtype=np.float64))
        centres = np.concatenate([centres, landmarks[chosen : chosen + 1]])
    for _ in range(_ROUNDS):
        label = np.concatenate([part for _, part in _squared_distances(landmarks, centres)]).argmin(axis=1)
        centres = np.array([landmarks[label == i].mean(axis=0) for i in np.unique(label)], dtype=np.float32)
    return centres
