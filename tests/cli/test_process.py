"""What only a process of its own shows: how it starts, what it prints in all, how it stops."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from explorer.runs import Store

ROOT = Path(__file__).parents[2]
EXPLORE = (sys.executable, "-m", "explorer")
ENDLESS = ("--rel-se", "1e-9", "--samples", str(10**8))
PATIENCE = 600.0  # seconds that a slow machine may take to start


def run(*words: object, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*EXPLORE, *map(str, words)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
        text=True,
    )


def test_the_help_and_a_misspelt_option_do_not_wait_for_pytorch() -> None:
    code = (
        "import sys; from explorer.cli import main; main(['--help']); main(['traces', '--hlep']); "
        "main(['frontier', '--help']); sys.exit('torch' in sys.modules or 'sqlalchemy' in sys.modules)"
    )
    finished = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=False, text=True
    )
    assert finished.returncode == 0, finished.stderr
    for verb in ("studies", "traces", "frontier", "evaluate", "finetune"):
        assert f"  {verb} " in finished.stdout
    assert (
        finished.stderr == "No such option: --hlep (Possible options: --help)\n"
        or "--hlep" in finished.stderr
    )


def test_no_command_shows_the_help() -> None:
    finished = run()
    assert finished.returncode == 0
    assert "Commands:" in finished.stdout


def test_a_relative_study_from_another_folder(folder: Path) -> None:
    """Nothing but the object on standard output, no warning of any library on either."""
    finished = run("traces", "--study", folder.name, "--json", folder=folder.parent)
    assert finished.returncode == 0, finished.stderr
    assert json.loads(finished.stdout)["study"] == "tiny"
    said = finished.stderr.splitlines()
    assert [
        line for line in said if not re.fullmatch(r" *\d+% .*", line)
    ] == []  # a slow machine tells how far it is


def test_a_mistake_is_one_line_and_status_2() -> None:
    for words in (("traces", "--study", "nowhere", "--json"), ("traces", "--no-such-option")):
        finished = run(*words)
        assert finished.returncode == 2
        assert finished.stdout == ""
        assert finished.stderr.count("\n") == 1


def test_ctrl_c_exits_130_and_leaves_a_run_that_goes_on_later(folder: Path) -> None:
    process = subprocess.Popen(
        [*EXPLORE, "traces", "--study", folder, "--method", "hutchinson", *ENDLESS, "--json"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A test run started in the background of a shell ignores Ctrl-C, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        _wait_until_running(process)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
    finally:
        process.kill()
    assert (process.returncode, out) == (130, ""), err
    assert err.splitlines(keepends=True)[-1] == "stopped; ask again to go on from the last checkpoint\n"
    (left,) = Store.open().list()
    assert left.status == "cancelled"
    assert left.resumable


def _wait_until_running(process: "subprocess.Popen[str]") -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        if any(run.status == "running" and run.fraction > 0 for run in Store.open().list()):
            return
        time.sleep(0.2)
    raise AssertionError("the computation did not start")
