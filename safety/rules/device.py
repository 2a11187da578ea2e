"""DeviceState: what is remembered of one device, for the rules that look at devices."""

import msgspec

EPISODES = 16
"""So many counts of episodes are remembered, the newest: of several visits, as they may overlap."""


class Drops(msgspec.Struct, gc=False, array_like=True):
    """How unsteady a connection is: how many drops came close together, and when the last one did."""

    count: int
    last_ms: int


class Battery(msgspec.Struct, gc=False, array_like=True):
    """The charge as told, its latest value at `told_ms`; `samples` (epoch ms, %) show how it falls."""

    pct: float
    told_ms: int
    rising: bool = False
    samples: list[tuple[int, float]] = []


class Skew(msgspec.Struct, gc=False, array_like=True):
    """A clock that is off by about `skew_ms` (ahead: positive) in all from `since_ms` to `seen_ms` (receipt).

    `told_ms` is the time that the last of these reports had.
    """

    skew_ms: int
    since_ms: int
    seen_ms: int
    told_ms: int
    reports: int = 1


class Gap(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Numbers of reports that are missing, `first` to `last`, since `since_ms` (receipt)."""

    first: int
    last: int
    since_ms: int
    asked: bool = False


class Recording(msgspec.Struct, gc=False, array_like=True):
    """Whether a recorder records: since `since_ms`, with the last sign of it at `sign_ms` (receipt).

    `said_ms` is the time that its newest start or stop had (negative: there was none), `segment_s` the
    longest segment it told of. `alert` is of the last lack of a recording, during `visit`.
    """

    running: bool = False
    since_ms: int = 0
    sign_ms: int = 0
    said_ms: int = -1
    segment_s: float = 0.0
    alert: str | None = None
    visit: str | None = None


class DeviceState(msgspec.Struct, gc=False, array_like=True):
    """What was last heard of one device (epoch ms of receipt; None: never).

    `known_ms`: since when she carries it; what it saw before `bound_ms` is where somebody else was.
    `back_ms`: since when it speaks again after a long pause. `alert` is of its silence, told at `alert_ms`;
    `faults` are the open alerts of its health, by what is wrong. `gps_ms`: when its last usable fix came.

    `seq` is the highest number of its reports since its last reset (negative: none), told at `seq_ms` by its
    own clock; an ordinary report has the next one. `asks` requests for what is missing went without an
    answer, the last one at `asked_ms`.
    """

    kind: str = ""
    known_ms: int = 0
    heard_ms: int | None = None
    back_ms: int = 0
    offline_ms: int | None = None
    drops: Drops | None = None
    alert: str | None = None
    alert_ms: int = 0
    gps_ms: int = 0
    battery: Battery | None = None
    skew: Skew | None = None
    firmware: str | None = None
    faults: dict[str, str] = {}
    episodes: dict[str, int] | None = None
    seq: int = -2
    seq_ms: int = 0
    gaps: list[Gap] = []
    asks: int = 0
    asked_ms: int = 0
    recording: Recording | None = None
    bound_ms: int = 0


def episode(state: DeviceState, device: str, what: str) -> str:
    """Name a new episode of `what` by its number, not by the report that showed it.

    Whichever of several reports comes in first, it is the same episode.
    """
    known = state.episodes or {}
    number = known.pop(what, 0) + 1
    state.episodes = dict([*known.items(), (what, number)][-EPISODES:])
    return f"{device}/{what}/{number}"
