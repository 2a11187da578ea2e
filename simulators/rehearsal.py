"""Rehearsal: whether each device has words for its steps, found before anything is made or said."""

from simulators.errors import BadFile, SimulatorError
from simulators.journal import Journal
from simulators.provisioning import Provided
from simulators.roster import Credentials
from simulators.scenario import DeviceSpec, Scenario, Step
from simulators.speech import Doors
from simulators.stage import Actor, Stage

_NOBODY = Credentials(id="nobody", secret="")


async def rehearse(scenario: Scenario, doors: Doors) -> None:
    """Take the steps of `scenario` with devices that never connect; what a dispatcher does is left out.

    Raises:
        BadFile: a device cannot do its step.
    """
    actors = {spec.name: _actor(spec, doors) for spec in scenario.devices}
    stage = Stage(list(actors.values()), None, doors.clock, 0)
    for name, actor in actors.items():
        await _try(name, actor, stage, Step(at=0, do="stay", device=name))
    for step in scenario.steps:
        if step.device is not None and not step.at_the_desk:
            await _try(f"the step at {step.at}: {step.device}", actors[step.device], stage, step)


def _actor(spec: DeviceSpec, doors: Doors) -> Actor:
    actor = Actor(Provided(spec, _NOBODY, None, spec.external_id or "0", _NOBODY), doors, "", Journal())
    actor.begin()
    return actor


async def _try(what: str, actor: Actor, stage: Stage, step: Step) -> None:
    try:
        await stage.do(step)
        if actor.phone.fix_every_s > 0:
            actor.phone.report_position()
    except SimulatorError as error:
        raise BadFile(f"{what}: {error}") from error
