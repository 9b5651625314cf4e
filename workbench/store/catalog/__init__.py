"""The SQL catalog: tables, migrations, queries and the small language of ``--where``."""

from workbench.store.catalog.engine import Catalog

__all__ = ["Catalog"]
