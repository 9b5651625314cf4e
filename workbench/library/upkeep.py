"""Upkeep: what is stored is checked, and cleared of what nothing refers to."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from workbench.library.opened import Opened

if TYPE_CHECKING:
    from workbench.store.collect import Collection
    from workbench.store.verify import Verification


class Upkeep(Opened):
    """What keeps a library sound."""

    def verify(self, *, repair: bool = False, progress: Callable[[int, int], None] | None = None) -> Verification:
        """Check that every committed array is on the disk as it was committed.

        Parameters
        ----------
        repair : bool
            Forget what is damaged, so that the next analysis makes it again.
        progress : callable, optional
            Called with (arrays checked, arrays in total).
        """
        from workbench.store import verify

        found = verify.verify(self.catalog, self.parts, progress=progress)
        if repair and found.problems:
            verify.repair(self.catalog, found)
        return found

    def collect(self) -> Collection:
        """Remove what crashes have left behind and no commit refers to."""
        from workbench.store.collect import collect

        return collect(self.catalog, self.parts)

    def compact(self) -> int:
        """Merge small parts into larger ones; give how many were merged away."""
        from workbench.store.compact import compact

        return compact(self.catalog, self.parts)
