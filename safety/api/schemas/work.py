"""What recorders noted of a visit."""

from datetime import datetime

from safety.api.schemas.shapes import Shape
from safety.domain.recording_chain import Link
from safety.rules.effects import RecordKind


class WorkRecord(Shape):
    """A note of a recorder's; what its kind does not have is null. `at` is by the recorder's clock."""

    id: str
    kind: RecordKind
    visit: str | None
    device: str
    at: datetime
    received_at: datetime
    seq: int | None
    sha256: str | None
    previous_sha256: str | None
    duration_s: float | None
    bytes: int | None
    uri: str | None
    code: str | None
    item: str | None
    quantity: float | None
    unit: str | None
    score: int | None


class RecordedSegment(WorkRecord):
    """A segment, and how it hangs on the one before."""

    link: Link


class Recording(Shape):
    """All that was recorded of a visit; `intact` is null where no segment says which one it follows."""

    visit: str
    intact: bool | None
    duration_s: float
    bytes: int
    segments: list[RecordedSegment]
