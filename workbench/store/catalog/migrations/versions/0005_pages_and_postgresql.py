"""Indexes that end in the track's id, for pages; what PostgreSQL needs to be like SQLite."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_BY_VALUE_ALONE = ("path", "artist", "bpm", "key", "energy")
_NEW = ("title", "album", "genre", "duration_s", "valence", "arousal", "danceability", "mood", "loudness_lufs")


def upgrade() -> None:
    """Make the indexes, the table of writes, and one order of texts on both databases."""
    op.create_table(
        "writes",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_writes_at", "writes", ["at"])
    for name in _BY_VALUE_ALONE:
        op.drop_index(f"ix_tracks_{name}", "tracks")
    if op.get_bind().dialect.name == "postgresql":
        _order_texts_by_bytes()
    for name in (*_BY_VALUE_ALONE, *_NEW):
        op.create_index(f"ix_tracks_{name}", "tracks", [name, "id"])


def _order_texts_by_bytes() -> None:
    """Collate every text as SQLite does, whatever the language of the database.

    A column that a later migration adds must say so itself; a test looks.
    """
    texts = op.get_bind().execute(
        sa.text(
            "SELECT table_name, column_name, character_maximum_length FROM information_schema.columns"
            " WHERE table_schema = current_schema() AND data_type IN ('character varying', 'text')"
            " AND table_name <> 'alembic_version' ORDER BY table_name, ordinal_position"
        )
    )
    for table, column, length in texts.all():
        kind = f"varchar({length})" if length else "text"
        op.execute(f'ALTER TABLE {table} ALTER COLUMN "{column}" TYPE {kind} COLLATE "C"')
