"""JUnit XML: how a CI shows which expectations held."""

import re
from typing import NamedTuple
from xml.etree import ElementTree  # only written here, never read

# What no XML may hold, not even escaped (XML 1.0, 2.2).
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Verdict(NamedTuple):
    """What became of one expectation; `fault` is None if it held."""

    name: str
    took_s: float
    fault: str | None


def render(suite: str, verdicts: list[Verdict]) -> bytes:
    """Return one test suite, a test case for each verdict."""
    suite = _legible(suite)
    root = ElementTree.Element("testsuites")
    faults = sum(verdict.fault is not None for verdict in verdicts)
    element = ElementTree.SubElement(
        root,
        "testsuite",
        name=suite,
        tests=str(len(verdicts)),
        failures=str(faults),
        errors="0",
        skipped="0",
        time=f"{sum(verdict.took_s for verdict in verdicts):.3f}",
    )
    for verdict in verdicts:
        case = ElementTree.SubElement(
            element, "testcase", classname=suite, name=_legible(verdict.name), time=f"{verdict.took_s:.3f}"
        )
        if verdict.fault is not None:
            fault = _legible(verdict.fault)
            ElementTree.SubElement(case, "failure", message=fault).text = fault
    ElementTree.indent(root)
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _legible(text: str) -> str:
    return _NO_XML.sub("\ufffd", text)
