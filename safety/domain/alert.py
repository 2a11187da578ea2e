"""The alert's lifecycle: its states, what people may do in each, and what follows."""

from typing import Literal, NamedTuple

State = Literal["raised", "acknowledged", "dispatched", "on_scene", "resolved", "cancelled"]
Action = Literal["acknowledge", "assign", "dispatch", "arrive", "note", "verify", "resolve"]
Resolution = Literal["false_alarm", "test", "assisted", "police", "medical", "no_fault_found"]
TimelineWord = Literal[
    "raised",
    "pressed_again",
    "evidence",
    "cancelled",
    "cancel_refused",
    "cancel_too_late",
    "duress_pin",
    "acknowledged",
    "assigned",
    "dispatched",
    "on_scene",
    "note",
    "verified",
    "resolved",
    "notified",
    "notify_failed",
    "escalated",
    "exhausted",
    "lapsed",
    "arrived",
    "ended",
    "left",
    "returned",
    "checked_in",
    "check_in_refused",
    "heard_again",
    "mended",
    "device_told",
]
"""What may happen to an alert, as its timeline has it."""

OPEN_STATES: frozenset[str] = frozenset({"raised", "acknowledged", "dispatched", "on_scene"})

_ADVANCES: dict[str, State] = {
    "acknowledge": "acknowledged",
    "dispatch": "dispatched",
    "arrive": "on_scene",
    "resolve": "resolved",
}
_RANK: dict[str, int] = {"raised": 0, "acknowledged": 1, "dispatched": 2, "on_scene": 3, "resolved": 4}


class Transition(NamedTuple):
    """What an action does: the state after it, and whether it takes the alert off the ladder."""

    state: State
    stops_escalation: bool


class RefusedAction(ValueError):
    """The action makes no sense in the alert's state; the message says why."""


def transition(state: str, action: str) -> Transition:
    """Return what `action` by a person does to an alert in `state`.

    Raises:
        RefusedAction: the alert is closed, or already further than the action would take it.
    """
    if state not in OPEN_STATES:
        if action == "note":
            return Transition(state, stops_escalation=False)  # type: ignore[arg-type]  # unchanged
        raise RefusedAction(f"the alert is {state}: only notes can be added")
    target = _ADVANCES.get(action)
    if target is None:
        return Transition(state, stops_escalation=False)  # type: ignore[arg-type]  # unchanged
    if _RANK[target] <= _RANK[state]:
        raise RefusedAction(f"the alert is already {state}")
    return Transition(target, stops_escalation=True)
