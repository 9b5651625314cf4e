"""Jobs can wait in a queue: who asked for them, when they started, and what is to be seen of them."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

#: Ordered by its bytes on PostgreSQL too.
_TEXT = sa.String(200).with_variant(sa.String(200, collation="C"), "postgresql")

#: `Request.key` of a compaction, work of the library's own: nobody has submitted it.
_COMPACTION = "e12db055b5638b4193705b08b83098dd"


def upgrade() -> None:
    """Take the jobs so far for those of the person at this machine."""
    op.add_column("jobs", sa.Column("submitted_by", _TEXT))
    op.add_column("jobs", sa.Column("started_at", sa.Float()))
    op.add_column("jobs", sa.Column("seq", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("jobs", sa.Column("progress", sa.JSON()))
    jobs = sa.table("jobs", *map(sa.column, ("submitted_by", "started_at", "created_at", "request_key")))
    op.execute(
        sa.update(jobs)
        .where(jobs.c.request_key != _COMPACTION)
        .values(submitted_by="local", started_at=jobs.c.created_at)
    )
    op.create_index("ix_jobs_state", "jobs", ["state", "submitted_by"])
    op.create_index("ix_jobs_submitted_by", "jobs", ["submitted_by", "id"])
