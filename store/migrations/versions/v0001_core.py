"""Everything that the core keeps: incidents, facts, rooms, effects, timers, alerts, people."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def upgrade() -> None:
    """Make the tables. Instants are microseconds since 1970, JSON is text."""
    op.create_table(
        "account",
        sa.Column("connection", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("locale", sa.String(), nullable=True),
        sa.Column("tz", sa.String(), nullable=True),
        sa.Column("outsider", sa.Boolean(), nullable=False),
        sa.Column("bot", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("connection", "id", name="pk_account"),
    )
    op.create_index("ix_account_person", "account", ["person", "connection"])
    op.create_table(
        "alert",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("starts_at", sa.BigInteger(), nullable=False),
        sa.Column("as_of", sa.BigInteger(), nullable=False),
        sa.Column("rank", sa.BigInteger(), nullable=False),
        sa.Column("labels", sa.Text(), nullable=False),
        sa.Column("annotations", sa.Text(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=True),
        sa.Column("group", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=True),
        sa.Column("filed", sa.BigInteger(), nullable=True),
        sa.Column("last_seen", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "fingerprint", name="pk_alert"),
    )
    op.create_index("ix_alert_filed", "alert", ["filed", "state", "starts_at"], **_where("filed IS NOT NULL"))
    op.create_index("ix_alert_resolved", "alert", ["last_seen"], **_where("state = 'resolved'"))
    op.create_table(
        "alert_group",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("service", sa.String(), nullable=True),
        sa.Column("severity", sa.String(), nullable=True),
        sa.Column("incident", sa.String(), nullable=True),
        sa.Column("firing", sa.BigInteger(), nullable=False),
        sa.Column("resolved", sa.BigInteger(), nullable=False),
        sa.Column("truncated", sa.BigInteger(), nullable=False),
        sa.Column("seen_by", sa.String(), nullable=True),
        sa.Column("seen_at", sa.BigInteger(), nullable=True),
        sa.Column("quiet_until", sa.BigInteger(), nullable=True),
        sa.Column("dismissed_why", sa.String(), nullable=True),
        sa.Column("judged_by", sa.String(), nullable=True),
        sa.Column("judged_at", sa.BigInteger(), nullable=True),
        sa.Column("flaps", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_alert_group"),
    )
    op.create_index("ix_alert_group_incident", "alert_group", ["incident", "id"], **_where("incident IS NOT NULL"))
    op.create_index("ix_alert_group_key", "alert_group", ["key", "id"])
    op.create_index("ix_alert_group_proposed", "alert_group", ["id"], **_where("state = 'proposed'"))
    op.create_index("open_key", "alert_group", ["key"], unique=True, **_where("open"))
    op.create_table(
        "bucket",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("tat", sa.BigInteger(), nullable=False),
        sa.Column("held_until", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("name", name="pk_bucket"),
    )
    op.create_table(
        "counter",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_counter"),
    )
    op.create_table(
        "deadline",
        sa.Column("incident", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("slot", sa.String(), nullable=False),
        sa.Column("due", sa.BigInteger(), nullable=False),
        sa.Column("fired_for", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("incident", "kind", "slot", name="pk_deadline"),
    )
    op.create_index("ix_deadline_due", "deadline", ["due"], **_where("fired_for IS NULL"))
    op.create_table(
        "delivery",
        sa.Column("connection", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("connection", "key", name="pk_delivery"),
    )
    op.create_index("ix_delivery_at", "delivery", ["at"])
    op.create_table(
        "effect",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("lane", sa.String(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("connection", sa.String(), nullable=False),
        sa.Column("wish", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("urgency", sa.SmallInteger(), nullable=False),
        sa.Column("run_at", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("maybe_sent", sa.Boolean(), nullable=False),
        sa.Column("incident", sa.String(), nullable=True),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("key", sa.String(), nullable=True),
        sa.Column("lo", sa.BigInteger(), nullable=True),
        sa.Column("hi", sa.BigInteger(), nullable=True),
        sa.Column("code", sa.String(), nullable=True),
        sa.Column("first_tried_at", sa.BigInteger(), nullable=True),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("lease", sa.BigInteger(), nullable=True),
        sa.Column("settled_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_effect"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_effect_dead", "effect", ["id"], **_where("state = 'dead'"))
    op.create_index("ix_effect_done", "effect", ["settled_at"], **_where("state = 'done'"))
    op.create_index(
        "ix_effect_due",
        "effect",
        ["urgency", "id", "state", "run_at", "lease", "connection", "lane"],
        **_where("state IN ('todo', 'running')"),
    )
    op.create_index("ix_effect_lane", "effect", ["lane", "id", "state"], **_where("state IN ('todo', 'running')"))
    op.create_index("send_key", "effect", ["key"], unique=True, **_where("NOT wish"))
    op.create_index("waiting", "effect", ["lane", "kind", "target"], unique=True, **_where("state = 'todo' AND wish"))
    op.create_table(
        "event",
        sa.Column("seq", SERIAL, nullable=False),
        sa.Column("incident", sa.String(), nullable=True),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("v", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("via", sa.Text(), nullable=True),
        sa.Column("audience", sa.String(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_event"),
    )
    op.create_index("ix_event_actor", "event", ["actor", "recorded_at", "seq"])
    op.create_index("ix_event_incident", "event", ["incident", "n"], unique=True)
    op.create_table(
        "incident",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("day", sa.String(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("severity", sa.String(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("declared_at", sa.BigInteger(), nullable=False),
        sa.Column("declared_by", sa.String(), nullable=False),
        sa.Column("provisional", sa.Boolean(), nullable=False),
        sa.Column("title_en", sa.String(), nullable=True),
        sa.Column("services", sa.Text(), nullable=False),
        sa.Column("impact", sa.Text(), nullable=False),
        sa.Column("commander", sa.String(), nullable=True),
        sa.Column("commander_since", sa.BigInteger(), nullable=True),
        sa.Column("offered_to", sa.String(), nullable=True),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("involved", sa.Text(), nullable=False),
        sa.Column("invited", sa.Text(), nullable=False),
        sa.Column("drill", sa.Boolean(), nullable=False),
        sa.Column("private", sa.Boolean(), nullable=False),
        sa.Column("automatic", sa.Boolean(), nullable=False),
        sa.Column("report", sa.Boolean(), nullable=False),
        sa.Column("by_rule", sa.String(), nullable=True),
        sa.Column("marks", sa.Text(), nullable=False),
        sa.Column("latest", sa.Text(), nullable=True),
        sa.Column("next_update_by", sa.BigInteger(), nullable=True),
        sa.Column("firing", sa.BigInteger(), nullable=False),
        sa.Column("resolved", sa.BigInteger(), nullable=False),
        sa.Column("groups", sa.Text(), nullable=False),
        sa.Column("linked", sa.Text(), nullable=False),
        sa.Column("bridge", sa.String(), nullable=True),
        sa.Column("recovery", sa.Text(), nullable=False),
        sa.Column("method", sa.String(), nullable=True),
        sa.Column("observe_until", sa.BigInteger(), nullable=True),
        sa.Column("recovery_asked_at", sa.BigInteger(), nullable=True),
        sa.Column("commander_nagged_at", sa.BigInteger(), nullable=True),
        sa.Column("handled_since", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("merged_into", sa.String(), nullable=True),
        sa.Column("waiver", sa.String(), nullable=True),
        sa.Column("waived_by", sa.String(), nullable=True),
        sa.Column("held_back", sa.Boolean(), nullable=False),
        sa.Column("undelivered", sa.BigInteger(), nullable=False),
        sa.Column("waiting_rooms", sa.Text(), nullable=False),
        sa.Column("home", sa.String(), nullable=True),
        sa.Column("lang", sa.String(), nullable=False),
        sa.Column("changed", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_incident"),
    )
    op.create_index("ix_incident_declared_at", "incident", ["declared_at", "id"])
    op.create_index("ix_incident_number", "incident", ["number", "day"])
    op.create_index("ix_incident_open", "incident", ["declared_at", "id"], **_where("status <> 'closed'"))
    op.create_index("ix_incident_severity", "incident", ["severity", "declared_at", "id"])
    op.create_index("ix_incident_status", "incident", ["status", "declared_at", "id"])
    op.create_table(
        "incident_person",
        sa.Column("incident", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.Column("declared_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("incident", "person", name="pk_incident_person"),
    )
    op.create_index("ix_incident_person_open", "incident_person", ["person", "declared_at", "incident", "open"], **_where("open"))
    op.create_index("ix_incident_person_person", "incident_person", ["person", "declared_at", "incident"])
    op.create_table(
        "incident_service",
        sa.Column("incident", sa.String(), nullable=False),
        sa.Column("service", sa.String(), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.Column("declared_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("incident", "service", name="pk_incident_service"),
    )
    op.create_index(
        "ix_incident_service_open", "incident_service", ["service", "declared_at", "incident", "live", "open"], **_where("open")
    )
    op.create_index("ix_incident_service_service", "incident_service", ["service", "declared_at", "incident"])
    op.create_table(
        "person",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("mobile", sa.String(), nullable=True),
        sa.Column("lang", sa.String(), nullable=True),
        sa.Column("tz", sa.String(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("merged_into", sa.String(), nullable=True),
        sa.Column("aliases", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_person"),
    )
    op.create_index("ix_person_merged_into", "person", ["merged_into"], **_where("merged_into IS NOT NULL"))
    op.create_table(
        "person_name",
        sa.Column("word", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("word", "person", name="pk_person_name"),
    )
    op.create_table(
        "room",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("incident", sa.String(), nullable=False),
        sa.Column("connection", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("lang", sa.String(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("told", sa.BigInteger(), nullable=False),
        sa.Column("address", sa.String(), nullable=True),
        sa.Column("home", sa.Boolean(), nullable=False),
        sa.Column("automatic", sa.Boolean(), nullable=False),
        sa.Column("link", sa.String(), nullable=True),
        sa.Column("extra", sa.String(), nullable=False),
        sa.Column("ways", sa.String(), nullable=False),
        sa.Column("bound", sa.Boolean(), nullable=False),
        sa.Column("heard_on", sa.String(), nullable=True),
        sa.Column("heard_at", sa.String(), nullable=True),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.Column("wanted_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_room"),
    )
    op.create_index("ix_room_automatic", "room", ["wanted_at"], **_where("automatic"))
    op.create_index("ix_room_incident", "room", ["incident", "id"])
    op.create_table(
        "room_address",
        sa.Column("connection", sa.String(), nullable=False),
        sa.Column("chat", sa.String(), nullable=False),
        sa.Column("room", sa.BigInteger(), nullable=False),
        sa.Column("ways", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("connection", "chat", name="pk_room_address"),
    )
    op.create_table(
        "shown",
        sa.Column("slot", sa.String(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("headline", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("slot", name="pk_shown"),
    )
    op.create_table(
        "source",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("heard_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_source"),
    )
