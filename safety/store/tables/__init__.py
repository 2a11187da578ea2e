"""The tables of the store. Times are UTC epoch milliseconds (`*_ms`); JSON columns hold plain objects."""

from devices.registry.tables import certificates, devices, metadata
from safety.store.tables.alerts import IS_OPEN, alerts, commands, notifications, timeline
from safety.store.tables.deliveries import deliveries
from safety.store.tables.engine import audit, checkpoints, claims, plan_changes
from safety.store.tables.fleet import device_bindings, device_tests
from safety.store.tables.gateways import gateways
from safety.store.tables.handouts import handouts, http_devices
from safety.store.tables.limits import limits
from safety.store.tables.people import (
    fences,
    login_failures,
    nurses,
    orgs,
    policies,
    responders,
    sessions,
    users,
    visits,
)
from safety.store.tables.records import work_records
from safety.store.tables.traces import dead_letters, device_states, positions, tracks
from safety.store.tables.turns import turns

__all__ = [
    "IS_OPEN",
    "alerts",
    "audit",
    "certificates",
    "checkpoints",
    "claims",
    "commands",
    "dead_letters",
    "deliveries",
    "device_bindings",
    "device_states",
    "device_tests",
    "devices",
    "fences",
    "gateways",
    "handouts",
    "http_devices",
    "limits",
    "login_failures",
    "metadata",
    "notifications",
    "nurses",
    "orgs",
    "plan_changes",
    "policies",
    "positions",
    "responders",
    "sessions",
    "timeline",
    "tracks",
    "turns",
    "users",
    "visits",
    "work_records",
]
