"""JUnit XML: what a CI reads out of it."""

from xml.etree import ElementTree

from simulators.junit import Verdict, render


def test_each_verdict_is_a_test_case() -> None:
    report = render(
        "a <panic> & more", [Verdict("one", 0.5, None), Verdict("two", 1.25, "there were 0 instead of 1")]
    )
    [suite] = ElementTree.fromstring(report)  # noqa: S314 - our own text
    assert (suite.get("name"), suite.get("tests"), suite.get("failures")) == ("a <panic> & more", "2", "1")
    good, bad = suite
    assert (good.get("name"), good.get("time"), good.find("failure")) == ("one", "0.500", None)
    failure = bad.find("failure")
    assert failure is not None
    assert failure.get("message") == "there were 0 instead of 1"


def test_what_no_xml_may_hold_leaves_it_readable() -> None:
    [suite] = ElementTree.fromstring(render("a\0b", [Verdict("\x1b[1m", 0, "\ud800\x07")]))  # noqa: S314 - our own text
    assert (suite.get("name"), suite[0].get("name")) == ("a\ufffdb", "\ufffd[1m")
    assert suite[0][0].get("message") == "\ufffd\ufffd"
