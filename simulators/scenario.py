"""The scenario format: devices, steps in time, and what must come of them.

simulators/scenarios/README.md explains it to people.
"""

import re
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import msgspec
import yaml

from devices.commands import CommandKind
from simulators import marked_yaml, vocabulary
from simulators.dialects.chirpstack import Model
from simulators.dialects.osmand import Form
from simulators.errors import BadFile
from simulators.payloads import AlarmKind, EventKind, RecordKind
from simulators.quirks import PERFECT, Quirks
from simulators.refusals import refusal
from simulators.roster import Kind, Latitude, Longitude
from simulators.speech import Codec, Dialect, Way

Motion = Literal["stay", "walk", "jump"]
Network = Literal["kill", "connect"]
Desk = Literal["acknowledge", "resolve"]
Other = Literal["fix", "report", "publish"]
Do = AlarmKind | EventKind | RecordKind | Motion | Network | Desk | Other

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h)?")
_UNIT_S = {"ms": 0.001, "s": 1.0, None: 1.0, "m": 60.0, "h": 3600.0}
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")

SHIPPED = Path(__file__).with_name("scenarios")
FILE = "scenario.yaml"

Span = str | int | float
Positive = Annotated[float, msgspec.Meta(gt=0)]


class _Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Unknown keys are refused: a misspelt expectation must not pass."""


class Spot(_Strict, frozen=True):
    """A place: WGS-84 degrees."""

    lat: Latitude
    lon: Longitude


class VisitSpec(_Strict, frozen=True):
    """A visit to be provisioned, from the moment the scenario starts."""

    lat: Latitude
    lon: Longitude
    radius_m: Positive = 150.0
    lasts: Span = "2h"
    check_in_every: Span | None = None
    risk: Literal["low", "high"] = "low"
    limits: dict[vocabulary.Limit, float | str | None] = {}


class GatewaySpec(_Strict, frozen=True):
    """How the server logs in that brings what a device says."""

    id: str
    secret: str


class DeviceSpec(_Strict, frozen=True, rename={"name": "as"}):
    """A device and what the steps call it. Without `id` it is taken from --devices, or provisioned."""

    name: str
    id: str | None = None
    secret: str | None = None
    kind: Kind = "phone"
    codec: Codec = "native"
    by: Way | None = None
    form: Form = "json"
    model: Model = "ws101"
    external_id: str | None = None
    gateway: GatewaySpec | None = None
    quirks: Quirks = PERFECT
    at: Spot = Spot(lat=31.2292, lon=121.4640)
    fix_every: Span = 0
    connect: bool = True
    nurse: str | None = None
    visit: VisitSpec | None = None

    def __post_init__(self) -> None:
        if self.codec == "osmand" and self.by == "mqtt":
            raise ValueError("osmand is spoken over HTTP only: leave out `by: mqtt`")
        seconds(self.fix_every)

    @property
    def dialect(self) -> Dialect:
        """What it speaks, and how."""
        way = self.by or ("http" if self.codec == "osmand" else "mqtt")
        return Dialect(self.codec, way, self.form, self.model)


class Expectation(_Strict, frozen=True):
    """Either an alert at the API or a command at the device, `within` a time from its step.

    Without `device` it is that of its step, and at the end of the scenario any of them.
    """

    device: str | None = None
    alert: vocabulary.Alert | None = None
    down: CommandKind | None = None
    within: Span = "5s"
    exactly: Annotated[int, msgspec.Meta(ge=0)] | None = None
    at_least: Annotated[int, msgspec.Meta(ge=1)] = 1
    where: dict[str, str | int | float | bool | None] = {}

    def __post_init__(self) -> None:
        if (self.alert is None) == (self.down is None):
            raise ValueError("an expectation names either `alert` or `down`")
        if self.where and self.alert is None:
            raise ValueError("`where` compares fields of an `alert`")
        for path, value in self.where.items():
            vocabulary.check_field(path, value)
        seconds(self.within)


Expected = Expectation | tuple[Expectation, ...]


class Step(_Strict, frozen=True):
    """What happens at one moment, and what is then expected."""

    at: Span
    do: Do | None = None
    device: str | None = None
    to: Spot | tuple[Spot, ...] | None = None
    streets: bool = False
    speed_mps: Positive = 1.35
    every: Span | None = None
    visit: str | None = None
    pin: str | None = None
    alert: vocabulary.Alert | None = None
    reason: vocabulary.Reason = "test"
    test: bool = False
    silent: bool = False
    bare: bool = False
    channel: str | None = None
    payload: str | None = None
    fields: dict[str, str | int | float | None] = {}
    expect: Expected = ()

    def __post_init__(self) -> None:
        seconds(self.at)
        if self.do is None and not self.expect:
            raise ValueError("a step needs `do` or `expect`")
        if self.do is not None and self.device is None:
            raise ValueError(f"`do: {self.do}` needs a `device`")
        if self.do in ("walk", "jump") and not self.to:
            raise ValueError(f"`do: {self.do}` needs `to: {{lat, lon}}`")
        if self.do == "publish" and (self.channel is None or self.payload is None):
            raise ValueError("`do: publish` needs `channel` and `payload`")
        if self.at_the_desk and self.alert is None:
            raise ValueError(f"`do: {self.do}` needs the kind of `alert`")
        if self.do == "report":
            seconds(self.every if self.every is not None else "")

    @property
    def at_the_desk(self) -> bool:
        """Whether it is a dispatcher's, at the API."""
        return self.do in get_args(Desk)

    @property
    def expected(self) -> list[Expectation]:
        """What is expected of it; the device is its own if none is named."""
        given = _several(self.expect)
        return [each if each.device else msgspec.structs.replace(each, device=self.device) for each in given]

    @property
    def places(self) -> list[Spot]:
        """Where to go, one place after the other."""
        return [self.to] if isinstance(self.to, Spot) else list(self.to or ())


class Scenario(_Strict, frozen=True):
    """A scenario as its file tells it. `expect` is what must hold after the last step."""

    name: str
    devices: Annotated[tuple[DeviceSpec, ...], msgspec.Meta(min_length=1)]
    steps: tuple[Step, ...]
    expect: Expected = ()
    about: str = ""

    @property
    def in_the_end(self) -> list[Expectation]:
        """What must hold after the last step."""
        return _several(self.expect)

    @property
    def wanted(self) -> list[Expectation]:
        """All expectations."""
        return [*(each for step in self.steps for each in step.expected), *self.in_the_end]

    @property
    def needs_the_api(self) -> bool:
        """Whether it can only be played by somebody who sees alerts."""
        return any(each.alert for each in self.wanted) or any(step.at_the_desk for step in self.steps)

    @property
    def speaks_mqtt(self) -> bool:
        """Whether it takes a broker."""
        return any(device.dialect.way == "mqtt" for device in self.devices)

    def __post_init__(self) -> None:
        known = {device.name for device in self.devices}
        if len(known) < len(self.devices):
            raise ValueError("two devices have the same `as`")
        for name in [step.device for step in self.steps] + [each.device for each in self.wanted]:
            if name is not None and name not in known:
                raise ValueError(f"no device is called {name!r}: there are {', '.join(sorted(known))}")


def _several(expected: Expected) -> list[Expectation]:
    return [expected] if isinstance(expected, Expectation) else list(expected)


def seconds(span: Span) -> float:
    """Return a duration such as `500ms`, `2s`, `3m`, `1h` or a bare number of seconds.

    Raises:
        ValueError: it is no such duration.
    """
    matched = _DURATION.fullmatch(str(span).strip())
    if matched is None:
        raise ValueError(f"{span!r} is no duration: write 500ms, 2s, 3m or 1h")
    return float(matched[1]) * _UNIT_S[matched[2]]


def parse(text: str, variables: dict[str, str], source: str = "scenario") -> Scenario:
    """Read a scenario; `${NAME}` in it stands for `variables[NAME]`.

    Raises:
        BadFile: it is no scenario; says where and why in one line.
    """
    try:
        document = marked_yaml.read(text)
        tree = _filled(document.tree, variables)
    except KeyError as error:
        raise BadFile(f"{source}: ${{{error.args[0]}}} is not set: give --set {error.args[0]}=… ") from error
    except (yaml.YAMLError, ValueError) as error:
        raise BadFile(f"{source}: no YAML: {' '.join(str(error).split())}") from error
    except RecursionError as error:
        raise BadFile(f"{source}: no scenario is nested so deeply, or in itself") from error
    try:
        return msgspec.convert(tree, Scenario)
    except msgspec.ValidationError as error:
        raise BadFile(f"{source}: {refusal(error, document, Scenario)}") from error


def load(path: Path, variables: dict[str, str]) -> Scenario:
    """Read a scenario's file; a directory stands for the one in it, a name for one of those in SHIPPED.

    Raises:
        BadFile: it cannot be read, or is no scenario.
    """
    if not path.exists() and (SHIPPED / path / FILE).is_file():
        path = SHIPPED / path
    if path.is_dir():
        path /= FILE
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise BadFile(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadFile(f"{path}: not UTF-8") from error
    return parse(text, variables, str(path))


def _filled(tree: Any, variables: dict[str, str]) -> Any:
    """Fill in the variables after YAML was read, so that a value cannot change the structure."""
    if isinstance(tree, str):
        return _VARIABLE.sub(lambda found: variables[found[1]], tree)
    if isinstance(tree, list):
        return [_filled(each, variables) for each in tree]
    if isinstance(tree, dict):
        return {key: _filled(value, variables) for key, value in tree.items()}
    return tree
