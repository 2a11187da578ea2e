"""The notice: what a responder is told of an alert, in words and as data."""

import msgspec

_KINDS: dict[str, tuple[str, str]] = {
    "panic": ("一键报警", "Panic alarm"),
    "duress": ("胁迫报警", "Duress alarm"),
    "fall": ("跌倒报警", "Fall"),
    "no_motion": ("长时间无活动", "No motion"),
    "tamper": ("设备被拆或被毁", "Device tampered with"),
    "fence_exit": ("离开服务区域", "Left the area"),
    "fence_enter": ("进入禁入区域", "Entered a forbidden area"),
    "missed_check_in": ("未按时报平安", "Missed check-in"),
    "overdue_visit": ("服务超时未结束", "Visit overdue"),
    "device_silent": ("设备失联", "Device silent"),
    "battery_low": ("设备电量低", "Battery low"),
    "device_fault": ("设备故障", "Device fault"),
}
_SEVERITIES: dict[str, tuple[str, str]] = {
    "critical": ("紧急", "critical"),
    "high": ("重要", "high"),
    "warning": ("警告", "warning"),
    "info": ("提示", "info"),
}


class NoticePosition(msgspec.Struct, frozen=True, kw_only=True):
    """Where she was: degrees WGS-84, and how old that is; `source` is `alarm` or `last_known`."""

    lat: float
    lon: float
    accuracy_m: float | None
    time: str
    age_s: int
    source: str


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """An alert as one responder is told of it through one channel.

    `id` is the notification's: sending the same notice again repeats it. `tier` counts from 1. Times are
    RFC 3339. `silent` asks that nothing near the nurse rings or calls back.
    """

    id: str
    alert: str
    responder: str
    channel: str
    tier: int
    kind: str
    severity: str
    nurse_name: str | None
    occurred_at: str
    raised_at: str
    late: bool
    silent: bool
    position: NoticePosition | None
    link: str | None

    def text(self) -> dict[str, str]:
        """Return the notice in words: {"zh": …, "en": …}."""
        kind_zh, kind_en = _KINDS.get(self.kind, (self.kind, self.kind))
        severity_zh, severity_en = _SEVERITIES.get(self.severity, (self.severity, self.severity))
        where_zh, where_en = _where(self.position)
        zh = [
            f"【{severity_zh}】{kind_zh}：{self.nurse_name or '未知护士'}",
            f"时间 {_spoken(self.occurred_at)}",
            where_zh,
        ]
        en = [
            f"[{severity_en}] {kind_en}: {self.nurse_name or 'nurse unknown'}",
            f"at {_spoken(self.occurred_at)}",
            where_en,
        ]
        if self.late:
            zh.append("迟到的报警")
            en.append("the alarm came late")
        if self.silent:
            zh.append("静默报警：请勿直接回拨")
            en.append("silent alarm: do not call her back")
        if self.link:
            zh.append(self.link)
            en.append(self.link)
        return {"zh": "；".join(zh), "en": "; ".join(en)}

    def payload(self) -> dict[str, object]:
        """Return the notice as the JSON object that a webhook gets."""
        position = None if self.position is None else msgspec.structs.asdict(self.position)
        return {
            "id": self.alert,
            "notification": self.id,
            "tier": self.tier,
            "kind": self.kind,
            "severity": self.severity,
            "nurse_name": self.nurse_name,
            "occurred_at": self.occurred_at,
            "raised_at": self.raised_at,
            "late": self.late,
            "silent": self.silent,
            "position": position,
            "link": self.link,
            "text": self.text(),
        }


def _where(position: NoticePosition | None) -> tuple[str, str]:
    """Return the place in words, never without its age: an old position must not pass for a new one."""
    if position is None:
        return "位置未知", "position unknown"
    radius = "" if position.accuracy_m is None else f" ±{position.accuracy_m:.0f} m"
    place = f"{position.lat:.6f},{position.lon:.6f}{radius}"
    what_zh, what_en = (
        ("最后位置", "last position") if position.source == "last_known" else ("位置", "position")
    )
    return f"{what_zh} {place}（{position.age_s} 秒前）", f"{what_en} {place} ({position.age_s} s ago)"


def _spoken(time: str) -> str:
    """Return an RFC 3339 time in UTC as people read it, without hiding which zone it is in."""
    return f"{time[:10]} {time[11:19]} UTC"


def scheme_of(address: str) -> str:
    """Return which kind of channel an address is of, e.g. `https`."""
    return address.partition(":")[0].lower()


def not_sent(why: str, attempts: int, error: str | None) -> str:
    """Return what became of a notice that is not sent any more: what was tried may have arrived."""
    if not attempts:
        return f"not sent: {why}"
    return f"stopped after {attempts} {'attempt' if attempts == 1 else 'attempts'}: {why}; last: {error}"
