"""Commands as the OwnTracks app understands them (booklet, "JSON", `_type=cmd`), and where it hears them."""

from typing import Any

from devices.commands import Command, CommandKind
from devices.errors import CannotSay

KINDS: tuple[CommandKind, ...] = ("locate", "configure")
"""What the app has words for."""

PHONE = "phone"
"""The app's own name for itself in the configuration that it is given: a level of its topics."""

_SIGNIFICANT, _MOVE = 1, 2  # the app's own names of how it watches for movement


def topic(device: str) -> str:
    """Return the topic on which the app of `device` hears commands."""
    return f"owntracks/{device}/{PHONE}/cmd"


def said(command: Command) -> dict[str, Any]:
    """Return `command` as the app understands it.

    Raises:
        CannotSay: it is none of `KINDS`.
    """
    if command.kind not in KINDS:
        raise CannotSay(f"command {command.id}: OwnTracks has no words for {command.kind}")
    if command.kind == "locate":
        return {"_type": "cmd", "action": "reportLocation"}
    every_s = command.details.get("fix_every_s")
    configuration: dict[str, Any] = {"_type": "configuration", "monitoring": _SIGNIFICANT}
    if isinstance(every_s, int | float):
        configuration |= {"monitoring": _MOVE, "moveModeLocatorInterval": max(1, round(every_s))}
    return {"_type": "cmd", "action": "setConfiguration", "configuration": configuration}
