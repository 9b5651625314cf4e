"""Standardised vectors as int8 codes: a quarter of the memory, from which nothing near is missed.

* A standardised component lies within ±clip · gain (`Scaling`), so its code is a multiple of a step that is
  known beforehand, and it lies within half a step of its code.
* By the triangle inequality the distance of a row from a query lies within that error of the distance of its
  code. Only rows that may be near by it need be measured by their exact vectors.
* The components that weigh most lie apart from the others. Distances only grow with each component, so that most rows
  are out of reach by those alone, and of a large library a fifth is read.
* Rows are padded with zeros to a multiple of `LANES`, which lets the compiler use whole vector registers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.compiled import compiled_in_any_order
from workbench.similarity.embedding import FACET_WEIGHTS, FACETS, GAINS, Scaling

Codes = npt.NDArray[np.int8]
Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

LANES = 32
#: Bytes per row of the leading codes, and of the others.
LEADING = LANES
OTHERS = -(-(len(GAINS) - LEADING) // LANES) * LANES

_LARGEST = 127


def _heaviest_first() -> Indices:
    weight = GAINS.astype(np.float64) ** 2
    for name, part in FACETS.items():
        weight[part] *= FACET_WEIGHTS[name]
    return np.argsort(-weight, kind="stable")


#: Components in the order of their codes.
ORDER = _heaviest_first()


def in_order(values: Float64) -> tuple[Float32, Float32]:
    """Give values of the components, shape (…, d), as codes lie: (…, `LEADING`) and (…, `OTHERS`)."""
    ordered = np.zeros((*values.shape[:-1], LEADING + OTHERS), dtype=np.float32)
    ordered[..., : len(ORDER)] = values[..., ORDER]
    return np.ascontiguousarray(ordered[..., :LEADING]), np.ascontiguousarray(ordered[..., LEADING:])


def steps(scaling: Scaling) -> Float64:
    """Difference between two codes that follow each other, of each component, shape (d,)."""
    return scaling.clip * GAINS.astype(np.float64) / _LARGEST


def encode(standardised: Float32, scaling: Scaling) -> tuple[Codes, Codes]:
    """Give the codes of standardised vectors: int8, shapes (n, `LEADING`) and (n, `OTHERS`)."""
    leading, others = in_order(np.clip(np.rint(standardised / steps(scaling)), -_LARGEST, _LARGEST))
    return leading.astype(np.int8), others.astype(np.int8)


class CodedMatrix:
    """Standardised vectors that are scanned as codes and read exactly where it matters.

    It is used like the matrix of standardised vectors: ``len``, ``shape``, and rows by ``[]``.

    Parameters
    ----------
    leading, others : numpy.ndarray or numpy.memmap
        int8, shapes (rows, `LEADING`) and (rows, `OTHERS`), as `encode` gives them.
    raw : numpy.ndarray or numpy.memmap
        float32, shape (rows, d): the raw vectors that they were made from.
    scaling : Scaling
        What they were standardised by.
    known : numpy.ndarray
        bool, shape (rows,): rows that hold a vector; others are never found.
    """

    def __init__(self, leading: Codes, others: Codes, raw: Float32, scaling: Scaling, known: Mask) -> None:
        shapes = leading.shape, others.shape
        if shapes != ((len(raw), LEADING), (len(raw), OTHERS)) or len(known) != len(raw):
            raise ValueError(f"codes of shapes {shapes} do not go with {len(raw)} vectors and {len(known)} flags")
        self.leading = leading.view(np.ndarray)
        self.others = others.view(np.ndarray)
        self.raw = raw.view(np.ndarray)
        self.scaling = scaling
        self.known = known

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and components."""
        return len(self.raw), self.raw.shape[1]

    def __len__(self) -> int:
        return len(self.raw)

    def __getitem__(self, rows: Any) -> Float32:
        return self.scaling.apply(self.raw[rows])


@compiled_in_any_order
def leading_distances(leading: Codes, weight: Float32, queries: Float32, out: Float32) -> None:
    """Weighted squared distance of each query from the leading codes of each row.

    Parameters
    ----------
    leading : numpy.ndarray
        int8, shape (rows, width).
    weight : numpy.ndarray
        float32, shape (width,), >= 0.
    queries : numpy.ndarray
        float32, shape (q, width), in steps, not rounded.
    out : numpy.ndarray
        float32, shape (q, rows): what is found.
    """
    rows, width = leading.shape
    part = (rows + 3) // 4
    # Four runs of rows at a time: the processor fetches them side by side, which is twice as fast as one after another.
    # The last of them may end early; its last row is then computed again.
    for first in range(part):
        second, third, fourth = (
            min(first + part, rows - 1),
            min(first + 2 * part, rows - 1),
            min(first + 3 * part, rows - 1),
        )
        a, b, c, d = leading[first], leading[second], leading[third], leading[fourth]
        for query in range(len(queries)):
            wanted = queries[query]
            of_a = of_b = of_c = of_d = np.float32(0)
            for i in range(width):
                difference = wanted[i] - np.float32(a[i])
                of_a += weight[i] * difference * difference
                difference = wanted[i] - np.float32(b[i])
                of_b += weight[i] * difference * difference
                difference = wanted[i] - np.float32(c[i])
                of_c += weight[i] * difference * difference
                difference = wanted[i] - np.float32(d[i])
                of_d += weight[i] * difference * difference
            out[query, first], out[query, second] = of_a, of_b
            out[query, third], out[query, fourth] = of_c, of_d


@compiled_in_any_order
def whole_distances(
    others: Codes, index: Indices, weight: Float32, query: Float32, leading: Float32, out: Float32
) -> None:
    """Weighted squared distance of one query from all codes of some rows.

    Parameters
    ----------
    others : numpy.ndarray
        int8, shape (rows, width).
    index : numpy.ndarray
        int64, shape (m,): the rows.
    weight, query : numpy.ndarray
        float32, shape (width,), as for `leading_distances`.
    leading : numpy.ndarray
        float32, shape (m,): what the leading codes have given.
    out : numpy.ndarray
        float32, shape (m,): what is found.
    """
    n, width = len(index), others.shape[1]
    part = (n + 3) // 4
    for first in range(part):  # four runs at a time, as above: of rows that lie apart, five times as fast
        second, third, fourth = min(first + part, n - 1), min(first + 2 * part, n - 1), min(first + 3 * part, n - 1)
        a, b, c, d = others[index[first]], others[index[second]], others[index[third]], others[index[fourth]]
        of_a = of_b = of_c = of_d = np.float32(0)
        for i in range(width):
            difference = query[i] - np.float32(a[i])
            of_a += weight[i] * difference * difference
            difference = query[i] - np.float32(b[i])
            of_b += weight[i] * difference * difference
            difference = query[i] - np.float32(c[i])
            of_c += weight[i] * difference * difference
            difference = query[i] - np.float32(d[i])
            of_d += weight[i] * difference * difference
        out[first], out[second] = leading[first] + of_a, leading[second] + of_b
        out[third], out[fourth] = leading[third] + of_c, leading[fourth] + of_d
