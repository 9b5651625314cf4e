"""The public names are exactly these, and importing the package costs next to nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest

import workbench as wb

PUBLIC = [
    "Label",
    "Library",
    "Outcome",
    "Reason",
    "Settings",
    "WorkbenchError",
    "__version__",
    "audio",
    "client",
    "errors",
    "features",
    "metrics",
    "open_library",
    "playlist",
    "similarity",
    "testing",
]

HEAVY = {
    "alembic",
    "av",
    "dask",
    "distributed",
    "librosa",
    "numba",
    "pandas",
    "pyarrow",
    "scipy.fft",
    "scipy.signal",
    "sqlalchemy",
    "xarray",
    "zarr",
}


def modules_after(code: str) -> set[str]:
    """Names of the modules that a fresh interpreter holds after running `code`."""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}\nprint(); print(*sys.modules)"],
        check=True,
        capture_output=True,
        text=True,
    )
    return set(done.stdout.splitlines()[-1].split())


def test_the_public_names_are_these() -> None:
    assert wb.__all__ == PUBLIC
    assert dir(wb) == PUBLIC


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_resolves_and_stays(name: str) -> None:
    assert getattr(wb, name) is getattr(wb, name)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"'workbench' has no attribute 'Libary'"):
        wb.Libary  # noqa: B018


def test_importing_the_package_imports_nothing_heavy() -> None:
    assert modules_after("import workbench") & (HEAVY | {"numpy", "pydantic"}) == set()


def test_help_imports_nothing_heavy() -> None:
    code = (
        "from workbench.cli import main\nsys.argv = ['workbench', '--help']\ntry:\n    main()\nexcept SystemExit: pass"
    )
    assert modules_after(code) & HEAVY == set()


def test_a_worker_does_not_load_the_catalog() -> None:
    """20 MB for each worker, and a tenth of a second before its first file."""
    assert modules_after("import workbench.jobs.graph") & {"sqlalchemy", "alembic"} == set()
