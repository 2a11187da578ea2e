"""Whatever comes in at whichever door: it is logged, kept or refused, and never breaks anything."""

import asyncio
import json

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.gateway import APP, CLIENT, PHONE, SECRET, Door, basic, bearer, brought, gateway

CODECS = ("traccar", "chirpstack", "jt808", "gb28181")
MANY = [one for codec in CODECS for one in (gateway(codec), brought(codec, f"7{codec}"))]
DOORS: dict[str, dict[str, str]] = {
    "native/location": basic(PHONE.id),
    "native/alarm": basic(PHONE.id),
    "native/event": basic(PHONE.id),
    "native/status": basic(PHONE.id),
    "native/record": basic(PHONE.id),
    "owntracks": basic(APP.id),
    f"osmand?id={CLIENT.id}~{SECRET}": {},
    **{codec: bearer(f"{gateway(codec).id}~{SECRET}") for codec in CODECS},
}
leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
names = st.sampled_from(
    ["_type", "alarm", "kind", "lat", "lon", "device", "uniqueId", "deviceInfo", "devEui", "data", "event"]
)
trees = st.recursive(
    leaves,
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(names, inside, max_size=4),
    max_leaves=8,
)
bodies = st.binary(max_size=200) | trees.map(lambda tree: json.dumps(tree).encode())


@pytest.mark.parametrize("path", DOORS)
@settings(max_examples=15)
@given(body=bodies)
def test_whatever_comes_in_is_logged_or_kept(path: str, body: bytes) -> None:
    async def say() -> tuple[httpx.Response, int, int]:
        door = Door(*MANY)
        async with door.client() as client:
            answer = await client.post(f"/gateway/{path}", content=body, headers=DOORS[path])
        door.gateway.close()
        return answer, len(await door.arrivals()), len(await door.letters())

    answer, arrivals, letters = asyncio.run(say())
    assert answer.status_code in {200, 422}, answer.text
    assert (answer.status_code == 422) <= path.startswith("native/")
    if answer.status_code == 422 or "faults" in answer.json():
        assert bool(answer.json().get("faults", True)) == bool(letters)
    if path == "native/alarm":
        assert arrivals == 1
