"""The engine's benchmark in its short form: every figure is there, and the world raises nothing by itself."""

from safety.bench.engine import BATCH, loaded, run
from safety.bench.engine_world import make_world
from safety.engine import run as run_batch
from safety.rules.effects import PlacePosition, RaiseAlert


def test_the_short_form_has_every_figure() -> None:
    rows = {row["what"]: row for row in run(300, 50, growth=False)["rows"]}
    assert rows["fixes a second and core, batch 256"]["value"] > 0
    assert rows["fixes a second and core, batch 256"]["floor"]
    assert rows["one alarm alone, p99"]["value"] > 0
    assert rows["restore of 300 nurses"]["ok"]


def test_the_same_seed_makes_the_same_world() -> None:
    assert make_world(20, 5).fixes(0) == make_world(20, 5).fixes(0)
    assert make_world(20, 5).fixes(0) != make_world(20, 5, seed=2).fixes(0)


def test_every_fix_is_placed_and_nobody_is_in_danger() -> None:
    world = make_world(300, 0)
    engine = loaded(world)
    effects = run_batch(engine, world.fixes(0)[:BATCH])
    assert sum(isinstance(effect, PlacePosition) for effect in effects) == BATCH
    assert not [effect for effect in effects if isinstance(effect, RaiseAlert)]
