"""Tracks of a week: where each nurse was during each visit, made inside the database."""

from sqlalchemy import text

from safety.bench.week.plan import Visit
from safety.bench.week.size import HOUR_MS, NOW_MS, Size
from safety.store.database import Database
from safety.store.postgres import is_postgres
from safety.store.track_days import make_days

# In the order in which the points came in: those of one nurse lie far apart, as they do in earnest.
_POINTS = text("""
    INSERT INTO tracks (nurse, time_ms, device, visit, lat, lon, accuracy_m, received_ms)
    WITH RECURSIVE step (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM step WHERE n < :steps)
    SELECT visits.nurse, visits.starts_ms + n * :every_ms + :shift_ms, devices.id, visits.id,
        visits.lat + n % 23 * :little_deg, visits.lon + n % 19 * :little_deg, 5 + n % 17,
        visits.starts_ms + n * :every_ms + :shift_ms + 400 + n % 7
    FROM visits JOIN devices ON devices.nurse = visits.nurse AND devices.kind = 'phone' CROSS JOIN step
    WHERE visits.starts_ms >= :from_ms AND visits.starts_ms < :to_ms
        AND visits.starts_ms + n * :every_ms < :now_ms
    ORDER BY 2
""")
_CACHE_KIB = 400_000


def store_tracks(database: Database, size: Size, planned: list[Visit]) -> int:
    """Store a point every `fix_every_s` of each visit up to now; return how many."""
    every_ms = round(size.fix_every_s * 1000)
    hours = sorted({visit.starts_ms // HOUR_MS for visit in planned if visit.starts_ms < NOW_MS})
    with database.writing() as connection:
        for day in range(1 - size.days, 1):
            make_days(connection, size.day_ms(day))
    points = 0
    for hour in hours:
        told = {
            "steps": HOUR_MS // every_ms - 1,
            "every_ms": every_ms,
            "shift_ms": 137,
            "little_deg": 1e-5,
            "from_ms": hour * HOUR_MS,
            "to_ms": (hour + 1) * HOUR_MS,
            "now_ms": NOW_MS,
        }
        with database.writing() as connection:
            if not is_postgres(connection):
                connection.exec_driver_sql(f"PRAGMA cache_size=-{_CACHE_KIB}")
            points += connection.execute(_POINTS, told).rowcount
    return points
