"""Weights of the evidence for a tempo, printed by ``scripts/fit_tempo.py``; `tempo` says what they are."""

from __future__ import annotations

import numpy as np

#: Multiples of a beat at which each autocorrelation is read: of the whole pulse, the low, the middle and
#: the high band, and of the low with the middle band.
MULTIPLES = (
    (1 / 4, 1 / 3, 1 / 2, 2 / 3, 3 / 4, 1, 4 / 3, 3 / 2, 2, 3, 4, 6, 8),
    (1 / 4, 1 / 2, 1, 2, 4),
    (1 / 4, 1 / 2, 1, 2, 4),
    (1 / 4, 1 / 2, 1, 2, 4),
    (1 / 2, 1, 2),
)

# Of the logarithm of the salience; of the autocorrelations, in the order of `MULTIPLES`; of octaves from
# 120 BPM and of octaves by which onsets outnumber beats, each with its square.
SALIENCE = 1.732
AUTOCORRELATIONS = (
    (2.329, -3.415, 5.118, -1.096, 1.415, 1.983, -0.105, 0.634, 1.818, 0.741, -3.201, -1.575, -1.333),
    (-3.583, -4.734, -1.358, 0.859, 6.54),
    (-0.442, -6.14, -4.426, -0.114, 1.061),
    (-1.409, -1.016, -0.243, 4.554, 1.445),
    (5.354, 5.09, -3.048),
)
TEMPO_AND_DENSITY = (-0.862, -1.772, 0.553, -0.537)

#: All of them, in the order of `tempo.tempo_evidence`.
ALL = np.array([SALIENCE, *(weight for row in AUTOCORRELATIONS for weight in row), *TEMPO_AND_DENSITY])

#: Constant, of the logarithm of the odds of the best tempo, and of that of its salience: a logistic regression of
#: whether a left-out track was right, with speech, rain, waves, cries and the like as tracks that cannot be.
CONFIDENCE = (1.39, 0.46, 1.04)
