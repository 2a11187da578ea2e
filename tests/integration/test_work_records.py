"""What a recorder notes, from its MQTT message to the answer about its visit."""

from typing import Any

import pytest

from tests.support.mqtt import publish_json
from tests.support.requires import require
from tests.support.service import Household, Service
from tests.support.waiting import wait_until

pytestmark = pytest.mark.integration


def segment(number: int, visit: str) -> dict[str, Any]:
    return {
        "kind": "segment",
        "seq": number,
        "visit": visit,
        "sha256": f"{number:064x}",
        "previous_sha256": f"{number - 1:064x}",
        "duration_s": 60,
        "bytes": 1000,
        "uri": f"recorder://r1/{number}",
    }


def test_a_missing_segment_shows_until_it_comes(service: Service, household: Household) -> None:
    require("mosquitto")
    recorder = service.add_device(household.nurse, "recorder")
    at = ("--lat", "31.23", "--lon", "121.47", "--start", "-1m", "--end", "+1h")
    visit = service.add("visit", "add", "--nurse", household.nurse, *at)
    first = {**segment(1, visit), "previous_sha256": None}
    waste = {"kind": "waste", "seq": 5, "visit": visit, "item": "needle", "quantity": 1, "unit": "piece"}
    for said in (first, segment(2, visit), segment(4, visit), waste):
        publish_json(service.mqtt_port, recorder, "record", said)

    def recording(segments: int) -> dict[str, Any]:
        def whole() -> dict[str, Any] | None:
            answer = household.http.get(f"/api/v1/visits/{visit}/recordings")
            assert answer.status_code == 200, answer.text
            said: dict[str, Any] = answer.json()
            return said if len(said["segments"]) == segments else None

        return wait_until(whole, what=f"{segments} segments")

    found = recording(3)
    assert (found["intact"], [one["link"] for one in found["segments"]]) == (
        False,
        ["first", "linked", "gap"],
    )
    publish_json(service.mqtt_port, recorder, "record", segment(3, visit))
    mended = recording(4)
    assert (mended["intact"], mended["duration_s"], mended["bytes"]) == (True, 240, 4000)
    notes = household.http.get(f"/api/v1/visits/{visit}/records", params={"kind": "waste"}).json()["items"]
    assert [(note["item"], note["quantity"], note["device"]) for note in notes] == [
        ("needle", 1, recorder["id"])
    ]
