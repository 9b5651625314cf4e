"""`library.json`: what makes a folder a library, and says where its catalog is."""

from __future__ import annotations

import errno
import json
import os
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.errors import InputError, LibraryVersionError

NAME = "library.json"

#: Raised when the layout of the folder changes; the catalog's tables have revisions of their own.
LAYOUT = 1
#: Of a library whose catalog is on a server: a version that would look for it in the folder must refuse it.
LAYOUT_ON_SERVER = 2


def make_folder(folder: Path, *, on_server: bool) -> None:
    """Make a library's folder; where another process does so at the same time, the library is that one's."""
    marker = folder / NAME
    name = uuid.uuid4().hex
    beside = f".{marker.name}"
    if folder.exists() and (not folder.is_dir() or any(not f.name.startswith(beside) for f in folder.iterdir())):
        raise InputError(
            f"{str(folder)!r} exists and is no library.", "Name a folder that is empty or does not exist yet."
        )
    folder.mkdir(parents=True, exist_ok=True)
    made = folder / f"{beside}-{name}"
    made.write_text(json.dumps(new_facts(on_server=on_server)) + "\n")
    try:
        os.link(made, marker)  # unlike a rename, refused where another process makes the library: then it is that one's
    except OSError as error:
        if error.errno != errno.EEXIST:  # a file system without links
            os.replace(made, marker)
    finally:
        made.unlink(missing_ok=True)


def new_facts(*, on_server: bool) -> dict[str, Any]:
    """Make what ``library.json`` holds."""
    return (
        {"layout": LAYOUT_ON_SERVER, "schema": f"workbench_{uuid.uuid4().hex[:12]}"}
        if on_server
        else {"layout": LAYOUT}
    )


def replace_marker(folder: Path, facts: Mapping[str, Any]) -> None:
    """Say from now on where the catalog is, on the disk when this returns."""
    beside = folder / f".{NAME}-moving"
    with open(beside, "w") as file:
        file.write(json.dumps(facts) + "\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, folder / NAME)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def set_aside(catalog: Path) -> None:
    """Keep a catalog that is in use no more under a name that tells until when it was."""
    if catalog.exists():
        catalog.rename(catalog.with_name(f"catalog-until-{time.strftime('%Y%m%d-%H%M%S')}.sqlite"))


def read_marker(folder: Path) -> str | None:
    """Check the layout, and give the schema of a catalog on a server."""
    marker = folder / NAME
    try:
        facts = json.loads(marker.read_text())
        layout = facts["layout"]
        schema = facts["schema"] if layout == LAYOUT_ON_SERVER else None
    except (ValueError, KeyError, TypeError) as error:
        raise LibraryVersionError(f"{str(marker)!r} cannot be read: {error}.", "Restore it from a backup.") from error
    if layout not in (LAYOUT, LAYOUT_ON_SERVER):
        raise LibraryVersionError(
            f"The library {str(folder)!r} has layout {layout}, this version knows up to {LAYOUT_ON_SERVER}.",
            "Install the version of the workbench that wrote it, or a later one.",
        )
    return schema
