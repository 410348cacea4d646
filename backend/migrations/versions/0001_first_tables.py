"""Sessions, participants and check-ins."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "sessions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
        sa.CheckConstraint("capacity > 0", name=op.f("ck_sessions_capacity_positive")),
    )
    op.create_index("ix_sessions_starts_at_id", "sessions", ["starts_at", "id"])
    op.create_table(
        "participants",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_participants"),
        sa.UniqueConstraint("email", name="uq_participants_email"),
        sa.CheckConstraint("email = lower(email)", name=op.f("ck_participants_email_lower_case")),
    )
    op.create_index("ix_participants_name_id", "participants", ["name", "id"])
    op.create_table(
        "check_ins",
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("participant_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("checked_in_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("session_id", "participant_id", name="pk_check_ins"),
        sa.ForeignKeyConstraint(["session_id"], ["sessions.id"], name="fk_check_ins_session_id"),
        sa.ForeignKeyConstraint(["participant_id"], ["participants.id"], name="fk_check_ins_participant_id"),
        sa.CheckConstraint("status IN ('on_time', 'late')", name=op.f("ck_check_ins_status_known")),
    )
    op.create_index(
        "ix_check_ins_session_id_checked_in_at_participant_id", "check_ins", ["session_id", "checked_in_at", "participant_id"]
    )


def downgrade() -> None:
    op.drop_table("check_ins")
    op.drop_table("participants")
    op.drop_table("sessions")
