"""JUnit XML: how a CI shows which expectations held."""

from typing import NamedTuple
from xml.etree import ElementTree  # only written here, never read


class Verdict(NamedTuple):
    """What became of one expectation; `fault` is None if it held."""

    name: str
    took_s: float
    fault: str | None


def render(suite: str, verdicts: list[Verdict]) -> bytes:
    """Return one test suite, a test case for each verdict."""
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
            element, "testcase", classname=suite, name=verdict.name, time=f"{verdict.took_s:.3f}"
        )
        if verdict.fault is not None:
            ElementTree.SubElement(case, "failure", message=verdict.fault).text = verdict.fault
    ElementTree.indent(root)
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"
