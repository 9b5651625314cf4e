"""Descriptors of audio: arrays in, arrays out, in one pass at constant memory.

>>> import numpy as np
>>> from workbench.features import extract
>>> y = np.zeros((22050, 1), dtype=np.float32)
>>> extract([y], 22050).columns["bpm"] is None  # silence has no tempo
True
"""

from __future__ import annotations

from workbench.features.config import ExtractConfig
from workbench.features.extract import Extractor, Features, extract
from workbench.features.registry import DESCRIPTORS, Descriptor, spec, specs

__all__ = ["DESCRIPTORS", "Descriptor", "ExtractConfig", "Extractor", "Features", "extract", "spec", "specs"]
