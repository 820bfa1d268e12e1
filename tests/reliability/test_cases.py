"""The table of cases: each has a test that exists, or says why it does not apply."""

import ast
from pathlib import Path

from tests.reliability.cases import CASES

ROOT = Path(__file__).resolve().parents[2]


def test_every_case_is_tested_or_does_not_apply() -> None:
    assert [case.number for case in CASES] == list(range(1, 46))
    assert [case.number for case in CASES if bool(case.tests) == bool(case.reason)] == []


def test_every_test_that_is_referred_to_exists() -> None:
    """A test that was renamed or removed leaves a case that nobody shows."""
    named = {test for case in CASES for test in case.tests}
    there = {
        f"{file}::{each.name}"
        for file in {test.partition("::")[0] for test in named}
        if (ROOT / file).is_file()
        for each in ast.parse((ROOT / file).read_text(encoding="utf-8")).body
        if isinstance(each, ast.FunctionDef)
    }
    assert named - there == set()
