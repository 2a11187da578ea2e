"""Positions: where each nurse was last."""

from tests.support.dispatch import Dispatch


async def test_a_listed_position_bears_its_fix_by_itself(dispatch: Dispatch) -> None:
    async with dispatch.client(dispatch.ours) as client:
        listed = (await client.get("/api/v1/positions")).json()["items"]
    assert listed
    for shown in listed:
        assert shown["fix"] == {name: shown[name] for name in ("lat", "lon", "accuracy_m", "time")}
        assert shown["age_s"] >= 0
