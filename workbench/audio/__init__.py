"""Audio files in, samples out: find them, look at them, decode them in bounded blocks.

>>> from workbench.audio import scan, probe, open_audio
>>> import os, soundfile, tempfile
>>> with tempfile.TemporaryDirectory() as folder:
...     soundfile.write(os.path.join(folder, "tone.flac"), [0.0, 0.5, -0.5] * 100, 8000)
...     for file in scan([folder]):
...         with open_audio(file.path) as stream:
...             print(probe(file.path).format, stream.sample_rate, sum(len(y) for y in stream.blocks()))
flac 8000 300

Nothing here knows of jobs, of a library on disk or of a user interface.
"""

from __future__ import annotations

from workbench.audio.decode import AudioStream, Limits, load, open_audio
from workbench.audio.formats import AUDIO_EXTENSIONS, is_audio_name
from workbench.audio.probe import FileStat, Probe, probe, stat_file
from workbench.audio.resample import Resampler, downmix
from workbench.audio.scan import ScannedFile, scan
from workbench.audio.tags import Tags, read_tags

__all__ = [
    "AUDIO_EXTENSIONS",
    "AudioStream",
    "FileStat",
    "Limits",
    "Probe",
    "Resampler",
    "ScannedFile",
    "Tags",
    "downmix",
    "is_audio_name",
    "load",
    "open_audio",
    "probe",
    "read_tags",
    "scan",
    "stat_file",
]
