"""Killed with SIGKILL at random moments and resumed, every kind of run ends as if nobody had touched it."""

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from explorer.plans import Plan
from explorer.runs import RunSpec, Store
from explorer.studies import Study
from tests.reliability import asking, killing

KILLS = 1
STORM = 6  # kills of a run that records a checkpoint every few milliseconds


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["finetune", "traces"])
def test_a_killed_worker_costs_time_and_nothing_else(
    store: Store, study: Study, tmp_path: Path, kind: str, draw: random.Random
) -> None:
    """A chain of steps, and draws that are added up; ``make soak`` kills every kind."""
    spec = asking.spec(kind, study)
    elsewhere = Store.open(home=tmp_path / "elsewhere")
    whole, seconds = killing.uninterrupted(elsewhere, spec, study)
    killed = killing.kill_again_and_again(store, spec, kills=KILLS, seconds=seconds, draw=draw)
    assert asking.found(store, killed.run) == asking.found(elsewhere, whole)
    killing.assert_sound(store, runs=1)
    elsewhere.close()


@pytest.mark.slow
def test_a_kill_while_a_checkpoint_is_written_leaves_the_one_before(
    store: Store, study: Study, tmp_path: Path, draw: random.Random
) -> None:
    """A chain of 150 checkpoints, most of the time within the writing of one: no link is lost or done twice."""
    spec = RunSpec(kind="selftest", study="none", fingerprint="0", parameters={"steps": 150})
    elsewhere = Store.open(home=tmp_path / "elsewhere")
    whole, seconds = killing.uninterrupted(elsewhere, spec, study)
    killed = killing.kill_again_and_again(store, spec, kills=STORM, seconds=seconds, draw=draw)
    parts = [asking.found(where, run) for where, run in ((store, killed.run), (elsewhere, whole))]
    for part in parts:
        del part["result"]["resumed_at"]
    assert parts[0] == parts[1]
    killing.assert_sound(store, runs=1)
    elsewhere.close()


@pytest.mark.slow
def test_a_killed_command_goes_on_where_it_was(
    store: Store, study: Study, tmp_path: Path, draw: random.Random
) -> None:
    """The same command line again, after SIGKILL, prints what it would have printed."""
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps(Plan.uniform(study, study.blocks(), 2, 8).to_json()))
    arguments = ["finetune", "--study", study.reference, "--plan", str(plan), "--epochs", "4", "--json"]
    command = [sys.executable, "-m", "explorer", *arguments]
    elsewhere = os.environ | {"EXPLORER_HOME": str(tmp_path / "elsewhere")}
    whole = json.loads(subprocess.run(command, env=elsewhere, check=True, capture_output=True).stdout)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as started:
        killing.wait(lambda: any(run.fraction > 0 for run in store.list()), "the first step")
        time.sleep(draw.uniform(0, 0.5))
        started.kill()
    again = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    assert asking.lasting(again) == asking.lasting(whole)
    killing.assert_sound(store, runs=len(store.list()))
