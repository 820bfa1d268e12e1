"""A worker that dies leaves a reason, whatever its code or the system did; one that leaves in order has none."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from explorer.jobs import request, stop
from explorer.jobs.launching import guard, reporting
from explorer.runs import Run, RunSpec, Store, Worker, process
from explorer.runs.workers import this_process
from tests.jobs.holding import Hold

Specs = Callable[..., RunSpec]
Wait = Callable[..., None]

SITE = """
import os, signal, sys
from explorer.jobs.kinds import selftest

def dies(question, context):
    {how}

selftest.run = dies
"""


def held(store: Store, spec: Specs, wait: Wait, hold: Hold) -> tuple[Run, psutil.Process]:
    """A real worker that has done its first step."""
    hold.before(1)
    run = request(store, spec(hold=str(hold.path)))
    wait(lambda: store.points(run.id, "chain"))
    worker = store.worker(run.id)
    assert worker is not None
    return store.get(run.id), psutil.Process(worker.pid)


def test_the_guard_is_small_and_leaves_with_its_worker(
    store: Store, spec: Specs, wait: Wait, hold: Hold
) -> None:
    run, worker = held(store, spec, wait, hold)
    parent = worker.parent()
    assert parent is not None
    assert str(Path(guard.__file__)) in parent.cmdline()
    assert parent.memory_info().rss < 15e6
    assert worker.pid == os.getpgid(worker.pid) == os.getsid(worker.pid), (
        "signals to its group reach it alone"
    )
    assert os.getsid(parent.pid) == parent.pid, "it outlives the app too"
    hold.release()
    wait(lambda: process.birth(parent.pid) is None)
    assert store.get(run.id).status == "done"
    assert store.get(run.id).error is None


@pytest.mark.parametrize(
    ("number", "status", "said"),
    [
        (
            signal.SIGKILL,
            "lost",
            r"Its process was ended from outside \(signal 9, SIGKILL\) before it was done\.",
        ),
        (
            signal.SIGSEGV,
            "failed",
            r"Its process was ended by signal 11 \(segmentation fault\) before it .*\.log\.",
        ),
    ],
)
def test_a_signal_is_named_and_the_run_goes_on_when_resumed(
    store: Store, spec: Specs, wait: Wait, hold: Hold, number: signal.Signals, status: str, said: str
) -> None:
    run, worker = held(store, spec, wait, hold)
    worker.send_signal(number)
    wait(lambda: store.get(run.id).error is not None)
    told = store.get(run.id)
    assert told.status == status
    assert re.fullmatch(said, told.error or "")
    assert told.resumable
    assert store.resume(run.id).error is None


@pytest.mark.parametrize("how", ["os._exit(0)", "os._exit(3)"])
def test_code_that_ends_the_process_is_told_from_a_worker_that_leaves(
    store: Store, spec: Specs, wait: Wait, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Whatever the status: the worker's own are 0 to 3 too."""
    (tmp_path / "sitecustomize.py").write_text(SITE.format(how=how), encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    run = request(store, spec())
    wait(lambda: store.get(run.id).status == "failed")
    status = how[-2]
    assert (store.get(run.id).error or "").startswith(
        f"Its code ended the process with status {status} before"
    )


def test_a_factory_or_kind_that_exits_fails_with_a_sentence(
    store: Store, spec: Specs, wait: Wait, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(SITE.format(how="sys.exit(3)"), encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    run = request(store, spec())
    wait(lambda: not store.get(run.id).live)
    assert "asked the process to end (SystemExit: 3)" in (store.get(run.id).error or "")


def test_a_worker_that_cannot_even_begin_says_so(
    store: Store, spec: Specs, wait: Wait, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It never claimed its run: the guard had stood for it."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\nif 'explorer.jobs.worker' in sys.orig_argv: raise SystemExit(7)", encoding="utf-8"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    run = request(store, spec())
    wait(lambda: not store.get(run.id).live)
    wait(lambda: store.get(run.id).error is not None)
    assert store.get(run.id).status == "failed"
    assert "ended the process with status" in (store.get(run.id).error or "")


def test_one_that_is_killed_because_it_was_cancelled_is_cancelled(
    store: Store, spec: Specs, wait: Wait, hold: Hold
) -> None:
    hold.before(1)
    run = request(store, spec(hold=str(hold.path), deaf=True))
    wait(lambda: store.points(run.id, "chain"))
    stop(store, run.id)
    wait(lambda: store.get(run.id).status == "cancelled")
    assert store.get(run.id).error is None


def test_what_the_system_ended_for_memory_says_so_and_what_to_lower(store: Store, spec: Specs) -> None:
    """The guard saw the kernel's count grow; what it becomes says so, and remembers how much the run needs."""
    run = store.submit(spec())
    store.claim(run.id, this_process(detached=True))
    mine = this_process()
    reporting.main(run.id, mine.pid, mine.birth, -signal.SIGKILL, 3_200_000_000, True)
    told = store.get(run.id)
    assert told.status == "failed", "it would happen again: nobody takes it over unasked"
    assert (told.error or "").startswith("Out of memory: the system ended it at 3.2 GB of the ")
    assert (told.error or "").endswith("; choose fewer samples, or use a machine with more memory.")
    assert store.queue.peaks(["selftest"]) == {("selftest", "0"): 3_200_000_000}


def test_a_reason_that_comes_late_changes_nothing(store: Store, spec: Specs) -> None:
    """The run is in other hands already."""
    run = store.submit(spec())
    store.claim(run.id)
    before = store.get(run.id)
    store.queue.died(
        run.id, Worker(process.host(), os.getpid(), "earlier", True), "It died.", failed=True, peak=1
    )
    assert store.get(run.id) == before


@pytest.mark.parametrize(
    ("files", "count"),
    [
        ({"/proc/vmstat": "oom_kill 3\nother 9\n"}, 3),
        ({"/proc/vmstat": "oom_kill 3\n", "/proc/self/cgroup": "0::/a\n"}, 3),
        (
            {
                "/proc/self/cgroup": "4:memory:/b\n0::/a\n",
                "/sys/fs/cgroup/a/memory.events": "oom 1\noom_kill 5\n",
                "/sys/fs/cgroup/memory/b/memory.oom_control": "under_oom 0\noom_kill 7\n",
            },
            12,
        ),
    ],
)
def test_the_kernels_counts_are_read_where_they_are(
    monkeypatch: pytest.MonkeyPatch, files: dict[str, str], count: int
) -> None:
    monkeypatch.setattr(guard, "_text", lambda path: files.get(path, ""))
    assert guard._ended_for_memory() == count


def test_only_a_shortage_at_about_its_death_is_the_reason(tmp_path: Path) -> None:
    """A kill that the guard sees while the count stands still is one from outside; one while it grows is not."""
    said = tmp_path / "said"
    code = (
        "import os, sys; sys.path.insert(0, sys.argv[1]); import guard; counts = iter([1, {after}]);"
        "guard._ended_for_memory = lambda: next(counts);"
        "os.execv = lambda path, words: (open(sys.argv[2], 'w').write(words[-1]), os._exit(0));"
        "guard._become = lambda command, leaving: os.kill(os.getpid(), 9);"
        "guard.main('x', [])"
    )
    folder = str(Path(guard.__file__).parent)
    for after in (1, 2):
        subprocess.run(
            [sys.executable, "-c", code.format(after=after), folder, str(said)], check=True, timeout=600
        )
        assert said.read_text() == str(int(after > 1))
