"""The measuring process as the app meets it: estimates arrive by themselves, and its end is told."""

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from explorer import studies
from explorer.jobs.gauge.client import Found, Gauge, Gauges, key_of
from explorer.jobs.gauge.reading import Failure, Reading
from explorer.plans import Plan
from explorer.studies import Study
from tests import learnable

PATIENCE = 300.0  # seconds: it ends what never comes


@pytest.fixture(scope="module")
def toml(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return learnable.write(tmp_path_factory.mktemp("gauge") / "learnable").resolve()


@pytest.fixture(scope="module")
def study(toml: Path) -> Study:
    return studies.load_network(str(toml))


@pytest.fixture
def gauge(toml: Path, study: Study, tmp_path: Path) -> Iterator[Gauge]:
    made = Gauge(str(toml), study.fingerprint, tmp_path / "logs" / "measuring.log")
    yield made
    made.close()


def when(gauge: Gauge, plan: Plan, there: Callable[[Found], bool]) -> Found:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        found = gauge.found(plan)
        if found is not None and there(found):
            return found
        time.sleep(0.02)
    raise AssertionError(f"nothing came; the last was {gauge.found(plan)}")


def has_ended(found: Found) -> bool:
    return isinstance(found, Failure) or found.ended


def test_a_wish_is_measured_to_the_end_and_known_to_everyone(gauge: Gauge, study: Study) -> None:
    """Also under another name; the next plan of the same process needs no new start."""
    first, second = (Plan.uniform(study, study.blocks(), bits, 8) for bits in (2, 8))
    gauge.wish("a", first)
    reading = when(gauge, first, has_ended)
    assert isinstance(reading, Reading)
    assert reading.complete
    assert gauge.found(first.named("small")) == reading
    gauge.wish("a", second)
    better = when(gauge, second, has_ended)
    assert isinstance(better, Reading)
    assert better.loss < reading.loss


def test_another_study_in_the_same_files_is_not_measured(toml: Path, study: Study, tmp_path: Path) -> None:
    gauge = Gauge(str(toml), "another fingerprint", tmp_path / "log")
    plan = Plan.uniform(study, study.blocks(), 2, 8)
    gauge.wish("a", plan)
    found = when(gauge, plan, has_ended)
    gauge.close()
    assert found == Failure("The study's files have changed; reload the page.")


def test_a_process_that_ends_is_told_and_started_again_when_asked(study: Study, tmp_path: Path) -> None:
    """The first time it dies, the second it answers."""
    plan = Plan.uniform(study, study.blocks(), 2, 8)
    told = tmp_path / "told"
    script = (
        "import sys, json, os, pathlib\n"
        f"before = pathlib.Path({str(told)!r})\n"
        "wish = json.loads(sys.stdin.readline())\n"
        "if not before.exists(): before.touch(); os._exit(3)\n"
        f"print(json.dumps({{'fingerprint': {study.fingerprint!r}}}))\n"
        "print(json.dumps({'key': wish['key'], 'failure': 'no such network'}), flush=True)\n"
        "sys.stdin.read()\n"
    )
    log = tmp_path / "log"
    gauge = Gauge("any", study.fingerprint, log, command=(sys.executable, "-c", script))
    gauge.wish("a", plan)
    assert when(gauge, plan, has_ended) == Failure(
        f"The measuring process ended (status 3); {log} says more."
    )
    gauge.wish("a", plan)
    assert when(gauge, plan, has_ended) == Failure("no such network")
    gauge.close()


def test_few_processes_live(tmp_path: Path) -> None:
    """The studies looked at last keep theirs; a study that was edited is another."""
    gauges = Gauges(tmp_path)
    first = gauges.of("a", "1")
    assert gauges.of("a", "1") is first
    gauges.of("a", "2")
    gauges.of("b", "1")
    assert gauges.of("a", "1") is not first


def test_the_name_of_a_plan_is_no_part_of_what_is_measured(study: Study) -> None:
    plan = Plan.uniform(study, study.blocks(), 2, 8)
    assert key_of(plan) == key_of(plan.named("small"))
    assert key_of(plan) != key_of(plan.with_bits(study.blocks()[0].name, w_bits=3))
