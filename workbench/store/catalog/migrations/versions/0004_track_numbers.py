"""Tracks get numbers, and the version of the library at which they last changed."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Give the tracks numbers in order of their ids."""
    for name in ("number", "changed"):
        op.add_column("tracks", sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"))
    op.execute(
        "UPDATE tracks SET number = ordered.position FROM"
        " (SELECT id, row_number() OVER (ORDER BY id) - 1 AS position FROM tracks) AS ordered"
        " WHERE tracks.id = ordered.id"
    )
    op.execute("INSERT INTO meta (key, value) SELECT 'numbers', CAST(count(*) AS TEXT) FROM tracks")
    op.create_index("ix_tracks_number", "tracks", ["number"], unique=True)
    op.create_index("ix_tracks_changed", "tracks", ["changed"])
