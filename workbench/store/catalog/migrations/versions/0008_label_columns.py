"""Columns that were learned from labels."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table of columns."""
    text, track = (  # ordered by their bytes on PostgreSQL too
        sa.String(n).with_variant(sa.String(n, collation="C"), "postgresql") for n in (200, 32)
    )
    op.create_table(
        "label_columns",
        sa.Column("name", text, nullable=False),
        sa.Column("track_id", track, nullable=False),
        sa.Column("value", text, nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["track_id"], ["tracks.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("name", "track_id"),
    )
