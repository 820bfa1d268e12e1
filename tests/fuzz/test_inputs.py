"""Whatever is read from outside is taken or refused in a sentence, within bounded time and memory.

A small number of inputs here, each target in a process of its own; ``make fuzz N=20000`` runs more.
"""

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer.errors import ExplorerError
from explorer.questions import TracesQuestion
from explorer.reading import Kind, parse_json, parse_toml
from tests.examples import examples
from tests.fuzz.engine import MOST_MEMORY, Count, put
from tests.fuzz.targets import TARGETS, Target

ROOT = Path(__file__).parents[2]
MOST_SECONDS = 60  # of processor time for an input here; ``make fuzz`` asks for 2
INPUTS, OF_CHILDREN = 60, 2


@pytest.mark.parametrize(
    "child",
    [False, pytest.param(True, marks=pytest.mark.soak)],
    ids=["in one process", "in a child each"],
)
def test_no_input_breaks_what_reads_it(child: bool) -> None:
    kinds = [kind for kind, target in TARGETS.items() if target.child is child]
    inputs = OF_CHILDREN if child else INPUTS
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.engine", *kinds, str(inputs)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    counts: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    assert [found["kind"] for found in counts] == kinds
    assert [found["kind"] for found in counts if found["faults"]] == [], counts
    for found in counts:
        assert found["taken"] + found["refused"] == inputs
        assert found["refused"] > 0, f"the changes reach what reads {found['kind']}"
        assert found["memory"] < MOST_MEMORY
        assert found["slowest"] < MOST_SECONDS


class _Wordy(ExplorerError):
    def __str__(self) -> str:
        return "x" * 301


@pytest.mark.parametrize(
    "raised", [ValueError("bad"), RecursionError(), MemoryError(), SystemExit(1), _Wordy()]
)
def test_the_engine_tells_a_fault_from_a_refusal(
    monkeypatch: pytest.MonkeyPatch, raised: BaseException
) -> None:
    """Or every target would pass whatever it did."""

    def break_(number: int) -> None:
        raise raised

    monkeypatch.setitem(TARGETS, "broken", Target(break_, 1))
    found = Count("broken")
    put("broken", 7, found)
    assert list(found.faults) == [7]


_KIND = Kind("the file", 100_000, ExplorerError, "name another")


@settings(max_examples=examples(200))
@given(text=st.text(max_size=300))
def test_any_text_is_a_document_or_a_sentence(text: str) -> None:
    for parse in (parse_json, parse_toml):
        with suppress(ExplorerError):  # whose message tests/test_errors.py looks at
            parse(text, _KIND)


_RAW = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.lists(st.integers(), max_size=3)
)


@settings(max_examples=examples(200))
@given(options=st.dictionaries(st.sampled_from(sorted(TracesQuestion.model_fields)), _RAW))
def test_any_options_are_a_question_or_a_sentence(options: dict[str, Any]) -> None:
    with suppress(ExplorerError):
        asked = TracesQuestion(**options)
        assert TracesQuestion.from_parameters(asked.parameters(), asked.seed) == asked
