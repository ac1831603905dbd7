"""The jobs."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table("jobs", sa.Column("id", sa.Integer, primary_key=True), sa.Column("title", sa.Text, nullable=False))
    op.execute("INSERT INTO jobs (title) VALUES ('Baker'), ('Pilot')")


def downgrade() -> None:
    op.drop_table("jobs")
