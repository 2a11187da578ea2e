"""PINs: whether one that was given is hers, a wrong one, or says that she is under threat."""

from devices.identity import hash_pin
from safety.domain.plan import NursePlan


def is_duress(pin: str | None, plan: NursePlan | None) -> bool:
    """Tell whether it is her duress PIN."""
    if pin is None or plan is None or plan.duress_pin_hash is None:
        return False
    return hash_pin(plan.nurse, pin) == plan.duress_pin_hash


def is_wrong(pin: str | None, plan: NursePlan | None) -> bool:
    """Tell whether a PIN was given that is neither hers nor her duress PIN, which must look like hers."""
    if pin is None or plan is None or plan.pin_hash is None:
        return False
    return hash_pin(plan.nurse, pin) not in (plan.pin_hash, plan.duress_pin_hash)
