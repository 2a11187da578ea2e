"""A nursing work recorder: it films the visit, and reports manifests of what it keeps, never media."""

from hashlib import sha256

from simulators.device import Device

_SEGMENT_S = 60
_BITRATE_BPS = 1_200_000


class Recorder(Device):
    """A recorder worn on the chest."""

    def start(self, visit: str | None = None) -> None:
        """Begin to record."""
        self.record("recording_started", visit=visit)

    def stop(self, visit: str | None = None) -> None:
        """End the recording."""
        self.record("recording_stopped", visit=visit)

    def segment(self, visit: str | None = None, duration_s: float = _SEGMENT_S) -> None:
        """Report that a piece of media exists in the recorder's own store."""
        media = self._rng.randbytes(32)  # stands for the film: only its digest ever leaves
        digest = sha256(media).hexdigest()
        size_bytes = round(duration_s * _BITRATE_BPS / 8 * self._rng.uniform(0.8, 1.2))
        self.record(
            "segment",
            visit=visit,
            sha256=digest,
            duration_s=duration_s,
            bytes=size_bytes,
            uri=f"recorder://{self.id}/{digest[:16]}.mp4",
        )

    def step(self, code: str, visit: str | None = None) -> None:
        """Report that a step of the nursing work was done."""
        self.record("step", visit=visit, code=code)

    def use(self, item: str, quantity: float, unit: str, visit: str | None = None) -> None:
        """Report a consumable that was used."""
        self.record("consumable", visit=visit, item=item, quantity=quantity, unit=unit)

    def discard(self, item: str, quantity: float, unit: str, visit: str | None = None) -> None:
        """Report medical waste that was collected."""
        self.record("waste", visit=visit, item=item, quantity=quantity, unit=unit)

    def rate(self, score: int, visit: str | None = None) -> None:
        """Report the patient's satisfaction, 1 to 5."""
        self.record("satisfaction", visit=visit, score=score)
