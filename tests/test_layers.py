"""Imports run downwards only, without cycles, and the analysis kernels know neither Dask, nor disk layout, nor UI."""

from __future__ import annotations

import ast
import graphlib
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "workbench"

LAYERS = (
    {"errors", "schema", "config", "failpoint", "tabular", "growing", "display", "compiled"},
    {"audio", "features", "similarity", "playlist", "metrics"},
    {"store", "cache", "assist"},
    {"jobs"},
    {"library", "answers"},
    {"widgets", "server", "dashboards", "cli", "picker", "client", "opening"},
)
LAYER = {name: number for number, names in enumerate(LAYERS) for name in names}
#: Stands beside the layers: it may import anything, and only the demo of the command line imports it.
SIMULATORS = "testing"
MAY_SIMULATE = {"cli", "testing"}

PURE = {"audio", "features", "similarity", "playlist", "metrics"}
IMPURE_IMPORTS = {"dask", "distributed", "zarr", "sqlalchemy", "ipywidgets", "tornado"}


def modules(root: Path) -> dict[str, Path]:
    """Every module below a package's folder, by dotted name."""
    found = {}
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported(module: str, path: Path, known: dict[str, Path], *, types: bool = True) -> Iterator[tuple[int, str]]:
    """Line and dotted name of all that a module imports, at its top or inside functions, or for its types."""
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    for node in nodes(ast.parse(path.read_text(encoding="utf-8")), types=types):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                # `from workbench import __version__` asks for text, everything else there is a module or a public name
                yield node.lineno, inner if inner in known or base == module.split(".")[0] else base


def nodes(tree: ast.AST, *, types: bool) -> Iterator[ast.AST]:
    """All nodes below one, those that only a type checker reads left out if asked."""
    for node in ast.iter_child_nodes(tree):
        if types or not (isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")):
            yield node
            yield from nodes(node, types=types)


def imports(root: Path, *, types: bool = True) -> dict[str, list[tuple[int, str]]]:
    """The imports of every module below a package's folder."""
    known = modules(root)
    return {module: list(imported(module, path, known, types=types)) for module, path in known.items()}


def problems(root: Path) -> list[str]:
    """What breaks the rules in a package, one sentence each."""
    said = []
    for module, names in imports(root).items():
        place = module.split(".")[1:2]
        if not place:
            continue  # the package's own __init__ is its public face: it may name every layer
        if place[0] not in LAYER and place[0] != SIMULATORS:
            said.append(f"{module} belongs to no layer")
            continue
        said += [f"{module}:{line} {why}" for line, name in names if (why := refusal(place[0], name, root.name))]
    return said


def refusal(place: str, name: str, package: str) -> str | None:
    """Why a module in `place` may not import `name`, or None if it may."""
    top, _, rest = name.partition(".")
    if top != package:
        return f"imports {name}, which {place} must not know" if place in PURE and top in IMPURE_IMPORTS else None
    target = rest.split(".")[0]
    if target == "__version__" or place == SIMULATORS:
        return None
    if target == SIMULATORS:
        return None if place in MAY_SIMULATE else f"imports {name}: only the demo simulates"
    if target not in LAYER:  # a public name, taken from the package's face
        return None if LAYER[place] == len(LAYERS) - 1 else f"imports {name}, which belongs to no layer"
    return f"imports {name}, which lies above it" if LAYER[target] > LAYER[place] else None


def cycle(root: Path) -> list[str] | None:
    """The modules of one import cycle at run time, or None if there is none."""
    known = modules(root)
    found = imports(root, types=False)
    graph = {module: {name for _, name in names if name in known} - {module} for module, names in found.items()}
    graph.pop(root.name)  # lazy: it imports nothing until asked
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return list(error.args[1])
    return None


def test_imports_run_downwards_only() -> None:
    assert problems(PACKAGE) == []


def test_there_is_no_import_cycle() -> None:
    assert cycle(PACKAGE) is None


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small package that keeps the rules."""
    root = tmp_path / "workbench"
    write(root / "__init__.py", "__version__ = '1'\n")
    write(root / "errors.py", "from workbench import __version__\n")
    write(root / "audio/__init__.py", "from workbench.audio.probe import probe\n")
    write(root / "audio/probe.py", "import numpy\nfrom ..errors import AudioError\ndef probe(): ...\n")
    write(root / "store/arrays.py", "def write():\n    import zarr\n    from workbench.audio import probe\n")
    write(
        root / "cli.py",
        "from workbench import Library\ndef demo():\n    from workbench.testing import simulate_track\n",
    )
    write(root / "store/parts.py", "from workbench.store import zip\n")
    types = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from workbench.store.parts import Part\n"
    write(root / "store/zip.py", types)
    write(root / "testing/__init__.py", "from workbench.library import Library\n")
    return root


def write(path: Path, source: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source)


def test_a_tree_that_keeps_the_rules_passes(tree: Path) -> None:
    assert problems(tree) == []
    assert cycle(tree) is None


@pytest.mark.parametrize(
    ("place", "source", "complaint"),
    [
        (
            "audio/decode.py",
            "import workbench.store.arrays\n",
            "audio.decode:1 imports workbench.store.arrays, which lies",
        ),
        ("audio/decode.py", "from workbench import store\n", "imports workbench.store, which lies above"),
        (
            "audio/decode.py",
            "def f():\n    from ..store import arrays\n",
            "audio.decode:2 imports workbench.store.arrays",
        ),
        (
            "store/zip.py",
            "import typing\nif typing.TYPE_CHECKING:\n    from ..jobs import Job\n",
            "store.zip:3 imports",
        ),
        ("store/zip.py", "from workbench import Library\n", "imports workbench.Library, which belongs to no layer"),
        ("store/zip.py", "from workbench.testing import simulate_track\n", "only the demo simulates"),
        ("jobs.py", "import workbench\n", "imports workbench, which belongs to no layer"),
        (
            "features/mel.py",
            "def f():\n    import dask.array as da\n",
            "imports dask.array, which features must not know",
        ),
        ("playlist/order.py", "from sqlalchemy import select\n", "imports sqlalchemy, which playlist must not know"),
        ("helpers.py", "", "workbench.helpers belongs to no layer"),
    ],
)
def test_a_broken_rule_is_named(tree: Path, place: str, source: str, complaint: str) -> None:
    write(tree / place, source)
    assert [line for line in problems(tree) if complaint in line] != []


def test_a_cycle_is_named(tree: Path) -> None:
    write(tree / "audio/a.py", "from workbench.audio import b\n")
    write(tree / "audio/b.py", "def later():\n    from . import a\n")
    found = cycle(tree)
    assert found is not None
    assert set(found) == {"workbench.audio.a", "workbench.audio.b"}
