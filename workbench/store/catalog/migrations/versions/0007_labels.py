"""Labels that people give to tracks."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table of labels."""
    text, track = (  # ordered by their bytes on PostgreSQL too
        sa.String(n).with_variant(sa.String(n, collation="C"), "postgresql") for n in (200, 32)
    )
    row_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "labels",
        sa.Column("id", row_id, autoincrement=True, nullable=False),
        sa.Column("track_id", track, nullable=False),
        sa.Column("name", text, nullable=False),
        sa.Column("value", text, nullable=True),
        sa.Column("start_s", sa.Float(), nullable=True),
        sa.Column("end_s", sa.Float(), nullable=True),
        sa.Column("author", text, nullable=False),
        sa.Column("labelled_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["track_id"], ["tracks.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_labels_track", "labels", ["track_id", "author"])
    op.create_index("ix_labels_name", "labels", ["name", "value"])
