"""Calls: every route the application has, with something valid to send to each."""

from collections.abc import Iterator
from typing import Any

import httpx

from safety.api.application import PREFIX
from tests.support.dispatch import Dispatch, House

PUBLIC = {("get", "/healthz"), ("get", "/readyz"), ("get", "/metrics"), ("post", f"{PREFIX}/session")}
# What concerns only oneself: there is nothing of anybody else to see.
OWN = {("get", f"{PREFIX}/me"), ("get", f"{PREFIX}/config"), ("delete", f"{PREFIX}/session")}

AREA = {"type": "Polygon", "coordinates": [[[121.4, 31.2], [121.5, 31.2], [121.5, 31.3], [121.4, 31.2]]]}


class Call:
    """One route with everything in it that belongs to `house`."""

    def __init__(self, method: str, template: str, operation: dict[str, Any], house: House) -> None:
        self.method, self.template, self.operation = method, template, operation
        owned = {
            "alert": house.alert,
            "nurse": house.nurse,
            "device": house.device,
            "visit": house.visit,
            "fence": house.fence,
            "responder": house.responder,
            "policy": house.policy,
            "letter": house.letter,
            "gateway": house.gateway,
            "user": house.users["dispatcher"],
            "org": house.org,
        }
        self.path = template.format(**owned)
        self.names_something = "{" in template
        self.body = bodies(house).get((method, template.removeprefix(PREFIX)))
        assert method in {"get", "delete"} or self.body is not None, f"teach this walk {method} {template}"

    async def by(self, client: httpx.AsyncClient, **params: str) -> httpx.Response:
        return await client.request(self.method.upper(), self.path, json=self.body, params=params)

    def __repr__(self) -> str:
        return f"{self.method} {self.template}"


def bodies(house: House) -> dict[tuple[str, str], dict[str, Any]]:
    times = {"starts_at": "2026-11-22T13:00:00+08:00", "ends_at": "2026-11-22T14:00:00+08:00"}
    tiers = [{"responders": [house.responder]}]
    actions: dict[str, dict[str, Any]] = {
        "acknowledge": {},
        "assign": {},
        "dispatch": {"responder": house.responder},
        "arrive": {},
        "note": {"text": "hello"},
        "verify": {"level": 1},
        "resolve": {"reason": "test"},
    }
    return {
        **{("post", f"/alerts/{{alert}}/{name}"): {"version": 1, **more} for name, more in actions.items()},
        ("post", "/nurses"): {"name": "x", "org": house.org},
        ("patch", "/nurses/{nurse}"): {"phone": "110"},
        ("post", "/devices"): {"kind": "button", "nurse": house.nurse},
        ("patch", "/devices/{device}"): {"nurse": house.nurse},
        ("post", "/devices/{device}/rotate"): {},
        ("post", "/devices/{device}/commands"): {"kind": "locate"},
        ("post", "/gateways"): {"codec": "chirpstack", "org": house.org},
        ("patch", "/gateways/{gateway}"): {"revoked": True},
        ("post", "/gateways/{gateway}/rotate"): {},
        ("post", "/devices/{device}/test"): {},
        ("post", "/devices/import"): {"csv": f"kind,nurse\nbutton,{house.nurse}\n", "org": house.org},
        ("post", "/visits"): {"nurse": house.nurse, "lat": 31, "lon": 121, **times},
        ("patch", "/visits/{visit}"): {"radius_m": 99},
        ("post", "/fences"): {"name": "x", "geometry": AREA, "visit": house.visit},
        ("post", "/fences/import"): {"file": AREA, "org": house.org},
        ("patch", "/fences/{fence}"): {"limits": {"dwell_s": 60}},
        ("post", "/responders"): {"name": "x", "org": house.org},
        ("patch", "/responders/{responder}"): {"name": "y"},
        ("post", "/policies"): {"name": "x", "org": house.org, "tiers": tiers},
        ("patch", "/policies/{policy}"): {"name": "y"},
        ("post", "/orgs"): {"name": "x", "parent": house.org},
        ("patch", "/orgs/{org}"): {"limits": {"phone_silent_s": 120}},
        ("post", "/users"): {
            "login": "x",
            "role": "auditor",
            "password": "long enough",
            "org": house.org,
        },
        ("patch", "/users/{user}"): {"disabled": True},
    }


def calls(dispatch: Dispatch, house: House) -> Iterator[Call]:
    for path, operations in dispatch.app.openapi()["paths"].items():
        for method, operation in operations.items():
            if (method, path) not in PUBLIC:
                yield Call(method, path, operation, house)
