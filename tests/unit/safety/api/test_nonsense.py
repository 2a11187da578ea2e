"""Nonsense: whatever is sent to whatever route, the answer is a refusal and never a fault of ours."""

import asyncio
import json
from urllib.parse import quote

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from safety.store.audit import verify_audit
from tests.support.calls import calls
from tests.support.dispatch import Dispatch

TEXTS = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        ["", "\x00", "%", "'; --", "NaN", "-1", "1e400", "9" * 30, "null", "2026-99-99T00:00:00Z"]
    ),
)
NUMBERS = st.one_of(st.integers(-(2**70), 2**70), st.floats())
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=6,
)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None,
    max_examples=200,
)
@given(data=st.data())
def test_nonsense_is_refused(dispatch: Dispatch, data: st.DataObject) -> None:
    house = data.draw(st.sampled_from([dispatch.ours, dispatch.child]))
    everything = [call for call in calls(dispatch, house) if call.method != "delete"]
    call = data.draw(st.sampled_from(everything))
    if data.draw(st.booleans(), label="another path"):
        places = {name: quote(data.draw(TEXTS), safe="") or "x" for name in _names(call.template)}
        call.path = call.template.format(**places)
    wanted = [each["name"] for each in call.operation.get("parameters", []) if each["in"] == "query"]
    params = {name: data.draw(TEXTS, label=name) for name in wanted if data.draw(st.booleans())}
    if call.body is not None:
        # Mostly valid, so that it gets far before it is found out.
        for name in sorted(call.body):
            if data.draw(st.booleans(), label=f"another {name}"):
                call.body[name] = data.draw(st.one_of(VALUES, NUMBERS, TEXTS), label=name)
        call.body[data.draw(TEXTS)] = 1

    async def send() -> int:
        async with dispatch.client(dispatch.ours, "admin") as client:
            # NaN and infinities as a careless client writes them.
            content = None if call.body is None else json.dumps(call.body).encode()
            headers = {"Content-Type": "application/json"}
            answer = await client.request(
                call.method.upper(), call.path, params=params, content=content, headers=headers
            )
        return answer.status_code

    assert asyncio.run(send()) < 500
    with dispatch.database.reading() as connection:
        assert verify_audit(connection) is None


def _names(template: str) -> list[str]:
    return [part[1:-1] for part in template.split("/") if part.startswith("{")]
