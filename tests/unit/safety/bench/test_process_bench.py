"""The benchmark of the way from the log to the store, in its short form: that it measures, not how fast."""

from safety.bench.process import run


def test_the_short_form_has_every_figure() -> None:
    rows = {row["what"]: row for row in run(100, 2)["rows"]}
    speed = rows["fixes a second and core, from the embedded log to SQLite"]
    assert speed["value"] > 0
    assert speed["floor"]
    assert rows["share of the floor's speed"]["value"] > 0
