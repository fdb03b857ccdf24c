"""JUnit XML, read back by a parser."""

import xml.etree.ElementTree as ET

from planish.runtime_check.check import check
from planish.runtime_check.gates import Thresholds
from planish.runtime_check.report.junit import to_junit


def test_gates_are_test_cases(classifier):
    model = classifier()
    model.graph.name = 'quo"te <&> \x07'
    limits = Thresholds(max_abs_error=0.5, min_mac_ratio=2)
    root = ET.fromstring(to_junit(check(model, classifier(), latency_seconds=0, thresholds=limits)))
    suite = root.find("testsuite")
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    failed = [case.get("name") for case in suite.iter("testcase") if case.find("failure") is not None]
    assert failed == ["min-mac-ratio"]
    assert suite.find(".//failure").get("message") == "min-mac-ratio: 1, limit 2"
    assert "MACs: 2,735  2,735  1.00" in suite.find("system-out").text


def test_without_gates_there_are_no_cases(classifier):
    root = ET.fromstring(to_junit(check(classifier(), latency_seconds=0)))
    assert root.get("tests") == "0"
