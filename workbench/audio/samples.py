"""The types of decoded samples."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatSamples = npt.NDArray[np.float32]

#: Full scale is 1.0, or 32768 for int16.
Samples = FloatSamples | npt.NDArray[np.int16]
