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
SALIENCE = 1.749
AUTOCORRELATIONS = (
    (2.096, -3.588, 5.279, -1.158, 1.134, 2.103, -0.199, 0.772, 1.867, 0.82, -3.089, -1.5, -1.169),
    (-3.916, -4.618, -1.126, 0.864, 6.671),
    (-0.702, -5.962, -4.35, -0.146, 1.202),
    (-1.553, -0.94, -0.201, 4.471, 1.489),
    (5.535, 5.333, -2.911),
)
TEMPO_AND_DENSITY = (-0.851, -1.749, 0.544, -0.539)

#: All of them, in the order of `tempo.tempo_evidence`.
ALL = np.array([SALIENCE, *(weight for row in AUTOCORRELATIONS for weight in row), *TEMPO_AND_DENSITY])

#: Constant, of the logarithm of the odds of the best tempo, and of that of its salience: a logistic regression of
#: whether a left-out track was right, with speech, rain, waves, cries and the like as tracks that cannot be.
CONFIDENCE = (1.39, 0.46, 1.04)
