"""A disk that fills up, a migration that is killed: afterwards the same command goes on."""

import json
import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from explorer.plans import Plan
from explorer.runs import RunSpec, Store
from explorer.studies import Study
from tests.reliability import killing

OPENINGS = 8


@pytest.fixture
def small(tmp_path: Path) -> Iterator[tuple[Path, Callable[[], None] | None, Callable[[], None]]]:
    """A home on a disk of 400 kB, what a child does before it starts, and making room.

    Where no disk may be mounted, no file may grow beyond a size that the trained weights exceed.
    """
    home = tmp_path / "small"
    home.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=200k", "none", str(home)]
    mounted = subprocess.run(mount, check=False, capture_output=True).returncode == 0
    if mounted:
        yield home, None, lambda: _run("mount", "-o", "remount,size=50m", str(home))
        _run("umount", str(home))
    else:
        yield home, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (90_000, 90_000)), lambda: None


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


@pytest.mark.slow
def test_a_full_disk_is_a_sentence_and_with_room_the_command_goes_on(
    study: Study, tmp_path: Path, small: tuple[Path, Callable[[], None] | None, Callable[[], None]]
) -> None:
    home, before, make_room = small
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps(Plan.uniform(study, study.blocks(), 2, 8).to_json()))
    arguments = ["finetune", "--study", study.reference, "--plan", str(plan), "--epochs", "3", "--json"]
    command = [sys.executable, "-m", "explorer", *arguments]
    variables = os.environ | {"EXPLORER_HOME": str(home)}
    failed = subprocess.run(
        command, env=variables, check=False, capture_output=True, text=True, preexec_fn=before
    )
    assert failed.returncode == 2, failed.stderr
    assert "Traceback" not in failed.stderr
    assert "make room" in failed.stderr.splitlines()[-1]
    make_room()
    done = subprocess.run(command, env=variables, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    store = Store.open(home=home)
    killing.assert_sound(store, runs=len(store.list()))
    store.close()


@pytest.mark.slow
def test_a_migration_that_is_killed_is_done_by_whoever_opens_next(
    explorer_home: Path, draw: random.Random
) -> None:
    """Killed at a random moment of making the tables of a new store; then it opens and works."""
    opening = "from explorer.runs import Store; print('imported', flush=True); Store.open()"
    for number in range(OPENINGS):
        home = explorer_home / str(number)
        variables = os.environ | {"EXPLORER_HOME": str(home)}
        with subprocess.Popen([sys.executable, "-c", opening], env=variables, stdout=subprocess.PIPE) as one:
            assert one.stdout is not None
            one.stdout.readline()
            time.sleep(draw.uniform(0, 0.6))
            one.kill()
        store = Store.open(home=home)
        store.claim(store.submit(RunSpec(kind="selftest", study="none", fingerprint="0")).id).finish({"x": 1})
        killing.assert_sound(store, runs=1)
        store.close()
