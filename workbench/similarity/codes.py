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
#: Rows whose leading distances are computed before the other components of any are looked at.
CHUNK = 1 << 13
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
def _reach(limit: float, root: float, relative: float, absolute: float) -> np.float32:
    """Estimate that no row exceeds whose squared distance is `limit` or less, and a little more."""
    most = ((np.sqrt(limit) + root) ** 2 + absolute) * (1 + relative) * 1.000001 + 1e-37
    return np.float32(min(most, 3e38))


@compiled_in_any_order
def near_rows(
    leading: Codes,
    others: Codes,
    numbers: Indices,
    may: Mask,
    first: int,
    weights: tuple[Float32, Float32],
    queries: tuple[Float32, Float32],
    roots: Float64,
    relative: float,
    absolute: float,
    limits: Float64,
    most: Float64,
    index: Indices,
    values: Float32,
    count: Indices,
) -> int:
    """Find the rows that may be among the n nearest to each query, all in one go, so that threads do not wait.

    Distances are weighted squared distances of codes, in steps; how far they may be from the truth is given as in
    `workbench.similarity.search`.

    Parameters
    ----------
    leading : numpy.ndarray
        int8, shape (rows, `LEADING`).
    others : numpy.ndarray
        int8, shape (all rows, `OTHERS`): of the whole matrix.
    numbers : numpy.ndarray
        int64, shape (rows,): where each row lies in `others`; or shape (1,): where the first lies, and those after it.
    may : numpy.ndarray
        bool, shape (rows,): which rows may be found.
    first : int
        The row to begin at.
    weights : tuple of two numpy.ndarray
        float32, >= 0: of the leading components and of the others.
    queries : tuple of two numpy.ndarray
        float32, shapes (q, `LEADING`) and (q, `OTHERS`), in steps, not rounded.
    roots, relative, absolute : numpy.ndarray of float64, shape (q,); float; float
        The error of a distance: of its root, after those of itself.
    limits : numpy.ndarray
        float64, shape (q,): squared distance that the n nearest are known not to exceed; lowered by what is found.
    most : numpy.ndarray
        float64, shape (q, n): of the nearest that were found here, what their squared distances do not exceed; infinite
        where there are fewer.
    index, values, count : numpy.ndarray
        int64 and float32, shape (q, m), m >= `CHUNK`, and int64, shape (q,): what is found, and how many.

    Returns
    -------
    int
        Where to go on, once what was found has been taken away; the number of rows when all have been looked at.
    """
    rows, q, width = len(leading), len(roots), others.shape[1]
    least = np.empty((q, CHUNK), dtype=np.float32)
    for start in range(first, rows, CHUNK):
        if count.max() + CHUNK > index.shape[1]:
            return start
        stop = min(start + CHUNK, rows)
        leading_distances(leading[start:stop], weights[0], queries[0], least[:, : stop - start])
        for query in range(q):
            wanted, weight, n_found = queries[1][query], weights[1], count[query]
            reach = _reach(limits[query], roots[query], relative, absolute)
            for i in range(start, stop):
                value = least[query, i - start]
                if value > reach or not may[i]:
                    continue
                number = numbers[i] if len(numbers) == rows else numbers[0] + i
                row = others[number]
                rest = np.float32(0)
                for k in range(width):
                    difference = wanted[k] - np.float32(row[k])
                    rest += weight[k] * difference * difference
                value += rest
                if value > reach:
                    continue
                index[query, n_found], values[query, n_found] = number, value
                n_found += 1
                nearly = max(np.float64(value) * (1 + relative) + absolute, 0.0)
                farthest = (np.sqrt(nearly) + roots[query]) ** 2
                worst = most[query].argmax()
                if farthest < most[query, worst]:
                    most[query, worst] = farthest
                    limits[query] = min(limits[query], most[query].max())
                    reach = _reach(limits[query], roots[query], relative, absolute)
            count[query] = n_found
    return rows
