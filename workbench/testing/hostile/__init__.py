"""Files made to break readers of audio, with what each should come to.

One module per group registers its kinds; importing this package registers them all.

========== ===================================================================================
damage     WAV, FLAC, Ogg and MP3, cut at every region, bits flipped, blocks zeroed and swapped
headers    lies about lengths, rates and channels
content    not audio, impossible values, almost nothing, far too much
formats    valid but rare encodings, odd ways to put valid pieces together
labels     tags that attack readers, pages, terminals and spreadsheets
places     names, links, nodes and folders
========== ===================================================================================

`HOSTILE_KINDS` lists every kind with its expectation, allowed reasons and a sentence.
"""

from workbench.testing.hostile import content, damage, formats, headers, labels, places
from workbench.testing.hostile.registry import HOSTILE_KINDS, HostileFile, Kind, hostile_files

__all__ = ["HOSTILE_KINDS", "HostileFile", "Kind", "hostile_files"]

del content, damage, formats, headers, labels, places
