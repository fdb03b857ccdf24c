"""A check's gates as JUnit XML, which CI systems show as tests.

The schema followed is that of Jenkins' xUnit plugin (junit-10.xsd), which the others read too.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET

from ..result import CheckResult
from .summary import rows, statements, title


def to_junit(result: CheckResult) -> bytes:
    """One test case per gate; the figures go to the suite's output."""
    failed = [gate for gate in result.gates if not gate.passed]
    counts = {"tests": str(len(result.gates)), "failures": str(len(failed)), "errors": "0", "skipped": "0"}
    suites = ET.Element("testsuites", counts)
    suite = ET.SubElement(suites, "testsuite", {"name": _printable(f"planish check {title(result)}"), **counts})
    for gate in result.gates:
        case = ET.SubElement(suite, "testcase", {"classname": "planish.check", "name": gate.name.replace("_", "-")})
        if not gate.passed:
            ET.SubElement(case, "failure", {"message": str(gate), "type": "threshold"}).text = str(gate)
    lines = [": ".join((row[0], "  ".join(cell for cell in row[1:] if cell))) for row in rows(result)]
    ET.SubElement(suite, "system-out").text = _printable("\n".join([*lines, *statements(result)]))
    return bytes(ET.tostring(suites, encoding="utf-8", xml_declaration=True))


def _printable(text: str) -> str:
    """Without the control characters that XML 1.0 cannot hold."""
    return "".join(character for character in text if character >= " " or character in "\n\t")
