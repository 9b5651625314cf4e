"""Simulators: music of which everything is known, and files that break things.

Use them to test a pipeline of your own as the workbench tests itself. Nothing is downloaded, and
nothing is random beyond the seed.

- `simulate_track` synthesises a piece with a known tempo, key, energy, timbre and structure.
- `simulate_library` writes a folder of such pieces in four formats, tagged, with a truth table.
- `demo_library` analyzes such a folder, for examples.
- `hostile_files` makes one file of every kind in `HOSTILE_KINDS`, with what each should come to.
- `growing_file` is a file that changes while it is read.
- `mutate` damages any file at random, for fuzzing.
"""

from workbench.testing.compose import Chord, Section
from workbench.testing.demo import Demo, demo_library
from workbench.testing.encode import encode
from workbench.testing.growing import growing_file
from workbench.testing.hostile import HOSTILE_KINDS, HostileFile, Kind, hostile_files
from workbench.testing.library import LibraryTrack, simulate_library
from workbench.testing.mutation import mutate
from workbench.testing.styles import STYLES
from workbench.testing.track import SimulatedTrack, Truth, simulate_track

__all__ = [
    "HOSTILE_KINDS",
    "STYLES",
    "Chord",
    "Demo",
    "HostileFile",
    "Kind",
    "LibraryTrack",
    "Section",
    "SimulatedTrack",
    "Truth",
    "demo_library",
    "encode",
    "growing_file",
    "hostile_files",
    "mutate",
    "simulate_library",
    "simulate_track",
]
