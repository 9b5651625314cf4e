"""A library that is open: where it is, its catalog and its arrays; all else is built on that."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self

from workbench.config import Settings, load_settings
from workbench.errors import InputError, LibraryUnwritableError, StorageFullError

if TYPE_CHECKING:
    from workbench.answers import CachedAnswers
    from workbench.assist.chain import Chain
    from workbench.assist.names import Names
    from workbench.audio.decode import Limits
    from workbench.store.arrays import PartStore
    from workbench.store.catalog import Catalog
    from workbench.store.catalog.move import Moved

PathLike = str | os.PathLike[str]


class Opened:
    """A library that is open in this process, and how one becomes so."""

    def __init__(self, path: Path, settings: Settings, schema: str | None) -> None:
        from workbench.store.arrays import PartStore
        from workbench.store.indexes import Indexes

        self.path = path
        self.settings = settings
        self.catalog: Catalog = open_catalog(path, settings, schema)
        self.parts: PartStore = PartStore(path / "features.zarr")
        self._indexes = Indexes(self.catalog, self.parts, path / "index", settings.search_index)
        self._answers: CachedAnswers | None = None
        self._opening = threading.Lock()
        self._chain: Chain | None = None
        self._names: tuple[int, Names] | None = None

    @classmethod
    def open(cls, path: PathLike | None = None, *, create: bool = True, settings: Settings | None = None) -> Self:
        """Open a library, or make one.

        The catalog of a new one is an SQLite file in its folder, or, with the setting ``catalog``, in a PostgreSQL
        database, where each library has a schema of its own. It stays where it was made.

        Parameters
        ----------
        path : path, optional
            Folder of the library; default is the setting ``library``.
        create : bool
            Make a library where there is none.
        settings : Settings, optional
            Default: from the environment and the settings file.

        Raises
        ------
        InputError
            When there is no library and none is to be made, or the folder is something else.
        LibraryUnwritableError, LibraryVersionError, CatalogLockedError, CatalogUnreachableError
            When it cannot be used as it is.
        StorageFullError
            When there is no room for it.
        """
        from workbench.store import marker

        settings = settings or load_settings()
        folder = Path(path if path is not None else settings.library).expanduser().absolute()
        with usable(folder):
            if not (folder / marker.NAME).exists():
                if not create:
                    raise InputError(
                        f"There is no library at {str(folder)!r}.",
                        "Make one with `workbench analyze PATH`, or name another with --library.",
                    )
                marker.make_folder(folder, on_server=settings.catalog is not None)
            schema = marker.read_marker(folder)
        return cls(folder, settings, schema)

    @classmethod
    def move_catalog(
        cls, path: PathLike | None = None, *, to: Literal["postgresql", "sqlite"], settings: Settings | None = None
    ) -> Moved:
        """Move a library's catalog into the PostgreSQL database of the setting ``catalog``, or back into its folder.

        All of it is copied, read again and compared before the library is told to use it; the former one is kept, as
        it was, and takes no more. Programs that have the library open must be started again.

        Parameters
        ----------
        path : path, optional
            Folder of the library; default is the setting ``library``.
        to : {"postgresql", "sqlite"}
            Where to.
        settings : Settings, optional
            Default: from the environment and the settings file.

        Raises
        ------
        InputError
            When it is there already, or it is not said which database.
        JobError
            While a job is at work.
        LibraryDamagedError
            When the copy is not what was copied; the library stays as it is.
        """
        from workbench.store import marker
        from workbench.store.catalog.move import move_catalog

        settings = settings or load_settings()
        with cls.open(path, create=False, settings=settings) as library:
            folder = library.path
            if (to == "postgresql") == (marker.read_marker(folder) is not None):
                raise InputError(f"The catalog of {str(folder)!r} is at {library.catalog.name} already.")
            facts = marker.new_facts(on_server=to == "postgresql")
            if to == "sqlite":
                marker.set_aside(folder / "catalog.sqlite")
            target = open_catalog(folder, settings, facts.get("schema"))
            try:
                with usable(folder):
                    return move_catalog(library.catalog, target, switch=lambda: marker.replace_marker(folder, facts))
            except BaseException:
                target.drop()
                raise
            finally:
                target.close()

    def close(self) -> None:
        """Give the connections to the catalog, and to what keeps answers, back."""
        with self._opening:
            if self._answers is not None:
                self._answers.close()
                self._answers = None
        self.catalog.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def _track_id(self, wanted: PathLike) -> str:
        from workbench.jobs.job import absolute
        from workbench.store.catalog import queries

        text = os.fspath(wanted)
        path = absolute(text)
        return queries.find_track(self.catalog, path if os.path.exists(path) else text)

    def _path_of(self, track: PathLike) -> str:
        from workbench.store.catalog import queries

        track_id = self._track_id(track)
        return str(queries.tracks_by_id(self.catalog, [track_id])[track_id]["path"])

    @property
    def _limits(self) -> Limits:
        from workbench.jobs.job import limits_of

        return limits_of(self.settings)


@contextmanager
def usable(folder: Path) -> Iterator[None]:
    """Turn the system's refusal to read or write a library's folder into an error that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFullError(f"No room left for the library {str(folder)!r}.", "Free some space.") from error
        raise LibraryUnwritableError(
            f"The library {str(folder)!r} cannot be used: {error.strerror or error}.",
            "Check the permissions, or choose another place with --library.",
        ) from error


def open_catalog(folder: Path, settings: Settings, schema: str | None) -> Catalog:
    """Connect to the catalog of a library: the file in its folder, or a schema of the database of the settings."""
    from workbench.store.catalog import Catalog

    if schema is None:
        return Catalog.open_file(folder / "catalog.sqlite", busy_timeout_s=settings.busy_timeout_s)
    if settings.catalog is None:
        raise InputError(
            f"The catalog of the library {str(folder)!r} is in a PostgreSQL database.",
            "Say in which: set WORKBENCH_CATALOG to postgresql://user@host/database.",
        )
    return Catalog(
        settings.catalog.get_secret_value(),
        schema=schema,
        busy_timeout_s=settings.busy_timeout_s,
        reconnect_s=settings.reconnect_s,
    )
