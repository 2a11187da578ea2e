"""The tables of master data: who and where, and who may look."""

from sqlalchemy import JSON, BigInteger, Column, Float, ForeignKey, Index, Integer, String, Table

from devices.registry.tables import metadata

orgs = Table(
    "orgs",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("parent", String, ForeignKey("orgs.id")),
    Column("created_ms", BigInteger, nullable=False),
)

nurses = Table(
    "nurses",
    metadata,
    Column("id", String, primary_key=True),
    Column("org", String, ForeignKey("orgs.id"), nullable=False),
    Column("name", String, nullable=False),
    Column("phone", String),
    Column("pin_hash", String),
    Column("duress_pin_hash", String),
    Column("created_ms", BigInteger, nullable=False),
    Index("nurses_org", "org", "id"),
)

responders = Table(
    "responders",
    metadata,
    Column("id", String, primary_key=True),
    Column("org", String, ForeignKey("orgs.id"), nullable=False),
    Column("name", String, nullable=False),
    # A list of channel addresses: the URL of a webhook, or `log:`.
    Column("channels", JSON, nullable=False),
    Column("lat", Float),
    Column("lon", Float),
    Column("created_ms", BigInteger, nullable=False),
    Index("responders_org", "org"),
)

visits = Table(
    "visits",
    metadata,
    Column("id", String, primary_key=True),
    Column("nurse", String, ForeignKey("nurses.id"), nullable=False),
    Column("org", String, ForeignKey("orgs.id"), nullable=False),
    Column("lat", Float, nullable=False),
    Column("lon", Float, nullable=False),
    Column("radius_m", Float, nullable=False),
    Column("starts_ms", BigInteger, nullable=False),
    Column("ends_ms", BigInteger, nullable=False),
    Column("check_in_every_s", Float),
    Column("patient", String),
    Column("risk", String, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("cancelled_ms", BigInteger),
    Index("visits_nurse_ends", "nurse", "ends_ms"),
    Index("visits_org_ends", "org", "ends_ms"),
    Index("visits_ends", "ends_ms", "starts_ms", "nurse", "cancelled_ms"),
    Index("visits_starts", "starts_ms", "id", "org", "ends_ms"),
)

Index("visits_longest", visits.c.ends_ms - visits.c.starts_ms)

fences = Table(
    "fences",
    metadata,
    Column("id", String, primary_key=True),
    Column("org", String, ForeignKey("orgs.id"), nullable=False),
    Column("name", String, nullable=False),
    Column("mode", String, nullable=False),  # stay_in, keep_out
    Column("geometry", JSON, nullable=False),  # GeoJSON, WGS-84
    Column("radius_m", Float),  # of a Point: the circle around it
    Column("created_ms", BigInteger, nullable=False),
    Column("width_m", Float),  # of a line: from side to side
    Column("schedule", JSON),  # safety.domain.schedule.Schedule; null: always
    Column("limits", JSON),  # safety.domain.fence_limits.FenceLimits; null: as usual
    Column("visit", String, ForeignKey("visits.id")),  # of this visit only
    Index("fences_org", "org"),
    Index("fences_visit", "visit"),
)

policies = Table(
    "policies",
    metadata,
    Column("id", String, primary_key=True),
    Column("org", String, ForeignKey("orgs.id"), nullable=False, unique=True),
    Column("name", String, nullable=False),
    # [{"after_s": seconds since the tier before, "responders": [ids]}]
    Column("tiers", JSON, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
)

users = Table(
    "users",
    metadata,
    Column("id", String, primary_key=True),
    Column("org", String, ForeignKey("orgs.id"), nullable=False),
    Column("login", String, nullable=False, unique=True),
    Column("role", String, nullable=False),  # dispatcher, supervisor, admin, auditor
    Column("password_hash", String, nullable=False),
    Column("disabled_ms", BigInteger),
    Column("created_ms", BigInteger, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", String, primary_key=True),
    Column("user", String, ForeignKey("users.id"), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
)

login_failures = Table(
    "login_failures",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("subject", String, nullable=False),  # "login:NAME" or "address:IP"
    Column("at_ms", BigInteger, nullable=False),
    Index("login_failures_subject_at", "subject", "at_ms"),
)
