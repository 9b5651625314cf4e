"""Standardised vectors as int8 codes: a quarter of the memory, from which nothing near is missed.

* A standardised component lies within ±clip · gain (`Scaling`), so its code is a multiple of a step that is
  known beforehand, and it lies within half a step of its code.
* By the triangle inequality the distance of a row from a query lies within that error of the distance of its
  code. Only rows that may be near by it need be measured by their exact vectors.
* Rows are padded with zeros to a multiple of `LANES`, which lets the compiler use whole vector registers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.compiled import compiled_in_any_order
from workbench.similarity.embedding import GAINS, Scaling

Codes = npt.NDArray[np.int8]
Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

LANES = 32
#: Bytes per row of codes.
WIDTH = -(-len(GAINS) // LANES) * LANES

_LARGEST = 127


def steps(scaling: Scaling) -> Float64:
    """Difference between two codes that follow each other, of each component, shape (d,)."""
    return scaling.clip * GAINS.astype(np.float64) / _LARGEST


def encode(standardised: Float32, scaling: Scaling) -> Codes:
    """Give the codes of standardised vectors, int8, shape (n, `WIDTH`)."""
    codes = np.zeros((len(standardised), WIDTH), dtype=np.int8)
    codes[:, : standardised.shape[1]] = np.clip(np.rint(standardised / steps(scaling)), -_LARGEST, _LARGEST)
    return codes


class CodedMatrix:
    """Standardised vectors that are scanned as codes and read exactly where it matters.

    It is used like the matrix of standardised vectors: ``len``, ``shape``, and rows by ``[]``.

    Parameters
    ----------
    codes : numpy.ndarray or numpy.memmap
        int8, shape (rows, `WIDTH`), as `encode` gives them.
    raw : numpy.ndarray or numpy.memmap
        float32, shape (rows, d): the raw vectors that they were made from.
    scaling : Scaling
        What they were standardised by.
    known : numpy.ndarray
        bool, shape (rows,): rows that hold a vector; others are never found.
    """

    def __init__(self, codes: Codes, raw: Float32, scaling: Scaling, known: Mask) -> None:
        if not len(codes) == len(raw) == len(known) or codes.shape[1] != WIDTH:
            raise ValueError(f"codes of shape {codes.shape} do not go with {len(raw)} vectors and {len(known)} flags")
        self.codes = codes.view(np.ndarray)
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
def coded_distances(codes: Codes, weight: Float32, queries: Float32, allowed: Mask, out: Float32) -> None:
    """Weighted squared distance of each query from each row of codes, infinite for rows that are not allowed.

    Parameters
    ----------
    codes : numpy.ndarray
        int8, shape (rows, width).
    weight : numpy.ndarray
        float32, shape (width,), >= 0.
    queries : numpy.ndarray
        float32, shape (q, width), in steps, not rounded.
    allowed : numpy.ndarray
        bool, shape (rows,).
    out : numpy.ndarray
        float32, shape (q, rows): what is found.
    """
    rows, width = codes.shape
    part = (rows + 3) // 4
    # Four runs of rows at a time: the processor fetches them side by side, which is twice as fast as one after another.
    # The last of them may end early; its last row is then computed again.
    for first in range(part):
        second, third, fourth = (
            min(first + part, rows - 1),
            min(first + 2 * part, rows - 1),
            min(first + 3 * part, rows - 1),
        )
        if not (allowed[first] or allowed[second] or allowed[third] or allowed[fourth]):
            for query in range(len(queries)):
                out[query, first] = out[query, second] = out[query, third] = out[query, fourth] = np.inf
            continue
        a, b, c, d = codes[first], codes[second], codes[third], codes[fourth]
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
            out[query, first] = of_a if allowed[first] else np.inf
            out[query, second] = of_b if allowed[second] else np.inf
            out[query, third] = of_c if allowed[third] else np.inf
            out[query, fourth] = of_d if allowed[fourth] else np.inf
