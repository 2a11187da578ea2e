"""What simulated devices say in each dialect is what its codec reads: the same place, the same alarm."""

import json
from typing import get_args

import pytest

from devices import reports
from devices.codecs.dialects import DIALECTS
from devices.reports import AlarmBase, Fix, Report
from simulators.dialects.chirpstack import ChirpStackWords
from simulators.dialects.native import NativeWords
from simulators.dialects.osmand import OsmandWords
from simulators.dialects.owntracks import OwnTracksWords, last_will
from simulators.dialects.platforms import Gb28181Words, Jt808Words
from simulators.dialects.traccar import TraccarWords
from simulators.dialects.words import Moment, NoWords, Phrase, Words
from simulators.payloads import AlarmKind, Measured
from simulators.speech import Codec

NOW_MS = 1_795_352_400_000
MOMENT = Moment(17, NOW_MS, 62.0, -80.0)
HERE = Measured(31.23042, 121.47371, 9.0, 1.35, 90.0)
EUI = "24e124535b316056"

WORDS: dict[str, tuple[str, Words]] = {
    "native": ("native", NativeWords(1000)),
    "owntracks": ("owntracks", OwnTracksWords()),
    "osmand query": ("osmand", OsmandWords("query", "dev_1~s")),
    "osmand json": ("osmand", OsmandWords("json", "dev_1~s")),
    "ws101": ("chirpstack", ChirpStackWords("ws101", EUI)),
    "at101": ("chirpstack", ChirpStackWords("at101", EUI)),
    "traccar": ("traccar", TraccarWords("861510000000007")),
    "jt808": ("jt808", Jt808Words("13912345678")),
    "gb28181": ("gb28181", Gb28181Words("34020000001320000001")),
}
CANNOT_FALL = {"ws101", "at101", "jt808", "gb28181"}


def read(dialect: str, phrase: Phrase) -> list[Report]:
    reading = DIALECTS[dialect](phrase.channel, phrase.payload, NOW_MS + 400)
    assert reading.faults == []
    return reading.reports


def alarms(name: str, kind: AlarmKind, where: Measured | None = HERE, test: bool = False) -> list[AlarmBase]:
    dialect, words = WORDS[name]
    phrases = words.alarm(MOMENT, kind, where, "a-1", test=test, silent=False)
    said = [report for phrase in phrases for report in read(dialect, phrase)]
    return [report for report in said if isinstance(report, AlarmBase)]


def test_there_are_words_for_every_dialect() -> None:
    assert {dialect for dialect, _words in WORDS.values()} == set(get_args(Codec)) == set(DIALECTS)


@pytest.mark.parametrize("name", [name for name in WORDS if name != "ws101"])
def test_a_position_arrives_as_it_was_measured(name: str) -> None:
    dialect, words = WORDS[name]
    [fix] = [
        report
        for report in read(dialect, Phrase(words.fix_channel, words.fix(MOMENT, HERE)))
        if isinstance(report, Fix)
    ]
    assert (fix.position.lat, fix.position.lon) == pytest.approx((HERE.lat, HERE.lon), abs=1e-6)
    assert fix.time_ms == pytest.approx(NOW_MS, abs=999)
    if fix.position.speed_mps is not None:
        assert fix.position.speed_mps == pytest.approx(HERE.speed_mps, abs=0.15)


@pytest.mark.parametrize("where", [HERE, None], ids=["somewhere", "nowhere"])
@pytest.mark.parametrize("name", [name for name in WORDS if name != "at101"])
def test_a_press_is_one_panic_with_or_without_a_place(name: str, where: Measured | None) -> None:
    said = alarms(name, "panic", where)
    assert {type(report) for report in said} == {reports.PanicPressed}
    assert len({(report.alarm, report.time_ms) for report in said}) == 1, "told twice it is the same alarm"
    assert not any(report.doubts or report.test for report in said)
    if where is None:
        assert all(report.position is None for report in said)


@pytest.mark.parametrize("name", WORDS)
def test_what_a_dialect_has_no_word_for_is_refused_and_not_made_up(name: str) -> None:
    if name in CANNOT_FALL:
        with pytest.raises(NoWords, match="has no words for fall"):
            alarms(name, "fall")
    else:
        assert {type(report) for report in alarms(name, "fall")} == {reports.FallDetected}


@pytest.mark.parametrize("name", ["native", "owntracks", "osmand query", "osmand json", "ws101"])
def test_a_test_alarm_says_so(name: str) -> None:
    assert [report.test for report in alarms(name, "panic", test=True)] == [True]


@pytest.mark.parametrize("name", WORDS)
def test_a_status_raises_nothing(name: str) -> None:
    dialect, words = WORDS[name]
    for phrase in words.status(MOMENT, "sim-1.0"):
        said = read(dialect, phrase)
        assert [type(report) for report in said] == [reports.StatusReported]
        assert all(isinstance(report, reports.StatusReported) and report.online for report in said)


def test_a_tracker_that_is_taken_off_says_so() -> None:
    assert [type(report) for report in alarms("at101", "tamper")] == [reports.TamperDetected]


def test_a_double_press_of_a_button_is_a_check_in() -> None:
    [phrase] = WORDS["ws101"][1].event(MOMENT, "check_in", None, {})
    assert [type(report) for report in read("chirpstack", phrase)] == [
        reports.CheckedIn,
        reports.StatusReported,
    ]


def test_a_recorder_behind_its_platform_says_that_it_records() -> None:
    [phrase] = WORDS["gb28181"][1].record(MOMENT, "recording_started", {})
    assert reports.RecordingStarted in {type(report) for report in read("gb28181", phrase)}


def test_the_last_will_of_the_app_says_that_it_is_gone() -> None:
    [report] = read("owntracks", Phrase("", last_will(NOW_MS)))
    assert isinstance(report, reports.StatusReported)
    assert report.online is False


@pytest.mark.parametrize(
    ("said", "kind", "every_s"),
    [
        ({"_type": "cmd", "action": "reportLocation"}, "locate", None),
        (
            {
                "_type": "cmd",
                "action": "setConfiguration",
                "configuration": {"monitoring": 2, "moveModeLocatorInterval": 5},
            },
            "configure",
            5.0,
        ),
        (
            {"_type": "cmd", "action": "setConfiguration", "configuration": {"monitoring": 1}},
            "configure",
            None,
        ),
    ],
)
def test_the_app_understands_its_own_commands(
    said: dict[str, object], kind: str, every_s: float | None
) -> None:
    heard = OwnTracksWords().hear(json.dumps(said).encode())
    assert heard is not None
    assert heard.kind == kind
    if kind == "configure":
        assert heard.fix_every_s == every_s
    assert OwnTracksWords().hear(b"{") is None
