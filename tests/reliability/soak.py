"""A soak: kills at random moments for as long as asked, then load; ``python -m tests.reliability.soak --minutes 10``.

Every round has a store of its own, the app beside it and a session that looks at it. Of every kind of run some worker
is killed at a random moment and resumed, the app now and then too; at the end of a round every answer is compared with
that of an uninterrupted run, and the store is checked. The figures go to ``--figures`` as JSON, and to the page that
`tests.reliability.report` makes of them. Exit status 1 if anything was found.
"""

import argparse
import asyncio
import json
import os
import random
import statistics
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from explorer.jobs import execute, request, stop
from explorer.jobs.queue.room import workers
from explorer.jobs.requests import spec_of
from explorer.questions import EvaluateQuestion, LandscapeQuestion, TracesQuestion
from explorer.runs import RunSpec, Store
from tests.fuzz import __main__ as fuzzing
from tests.fuzz import guided
from tests.reliability import asking, killing, load, machine, report
from tests.reliability.serving import Server, serve

PARTS = ("kills", "load", "fuzz")
SEEDS = 2  # runs of each kind that are known uninterrupted


@dataclass
class Found:
    """Figures so far."""

    kills: Counter[str] = field(default_factory=Counter)
    at: list[float] = field(default_factory=list)
    seen: list[float] = field(default_factory=list)
    runs: int = 0
    rounds: int = 0
    server: int = 0
    wrong: list[str] = field(default_factory=list)


class Soak:
    """The study, what is known of it, and the rounds."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.found = Found()
        self.study = asking.write_study(folder / "learnable")
        self._folder = folder
        self._draw = random.Random(seed)
        self._known: dict[tuple[str, int], tuple[dict[str, Any], float]] = {}

    def round(self) -> None:
        """Every kind once, in a store of its own."""
        home = self._folder / f"round {self.found.rounds}"
        self.found.rounds += 1
        store = Store.open(home=home)
        log = home.with_suffix(".log")
        with killing.no_worker_left(home):
            execute(store, spec_of(self.study, EvaluateQuestion()), study=self.study)
            kinds = list(asking.KINDS)
            self._draw.shuffle(kinds)
            for part in (kinds[::2], kinds[1::2]):
                with serve(home, self.study.reference, log) as server:
                    asyncio.run(load.draw_again(server.url, 2))
                    for number, kind in enumerate(part):
                        if number == len(part) // 2:
                            server.kill()
                            self.found.server += 1
                        self._attack(store, kind)
                    if server.tracebacks():
                        self.found.wrong.append(f"the app's log has {server.tracebacks()} tracebacks")
            self.found.wrong += killing.unsound(store, runs=1 + len(kinds))
        store.close()

    def _attack(self, store: Store, kind: str) -> None:
        seed = self._draw.randrange(SEEDS)
        whole, seconds = self._uninterrupted(kind, seed)
        kills = self._draw.choice((1, 2, 2, 3, 4))
        spec = asking.spec(kind, self.study, seed + 1)  # seed 0 of `evaluate` is the app's own question
        killed = killing.kill_again_and_again(store, spec, kills=kills, seconds=seconds, draw=self._draw)
        self.found.runs += 1
        self.found.kills[kind] += len(killed.at)
        self.found.at += killed.at
        self.found.seen += killed.seen
        answer = asking.found(store, killed.run)
        parts = [part for part in whole if whole[part] != answer[part]]
        self.found.wrong += [f"{kind} {killed.run.id}: {part} differs after a kill" for part in parts]

    def _uninterrupted(self, kind: str, seed: int) -> tuple[dict[str, Any], float]:
        if (kind, seed) not in self._known:
            store = Store.open(home=self._folder / "uninterrupted" / f"{kind} {seed}")
            run, seconds = killing.uninterrupted(store, asking.spec(kind, self.study, seed + 1), self.study)
            self._known[kind, seed] = asking.found(store, run), seconds
            store.close()
        return self._known[kind, seed]


def measure_load(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Sessions that click, reruns of one session, two hundred runs that wait."""
    study = asking.write_study(folder / "learnable")
    home = folder / "load"
    store = Store.open(home=home)
    with killing.no_worker_left(home):
        for question in (EvaluateQuestion(), TracesQuestion(), LandscapeQuestion(points=9)):
            execute(store, spec_of(study, question), study=study)
        with serve(home, study.reference, folder / "load.log") as server:
            request(store, asking.spec("spectrum", study, 99))
            clicked = load.click(
                server, sessions=options.sessions, seconds=options.seconds, seed=options.seed
            )
            asyncio.run(load.draw_again(server.url, 50))
            before = server.memory()
            asyncio.run(load.draw_again(server.url, options.reruns))
            memory = [before, server.memory()]
            queue = _two_hundred(store, server)
            tracebacks = server.tracebacks()
        wrong = killing.unsound(store, runs=204)
    store.close()
    return {
        "sessions": {
            "sessions": options.sessions,
            "seconds": round(clicked.seconds, 1),
            "reruns": _times(clicked.reruns),
            "polls": _times(clicked.polls),
            "errors": len(clicked.errors) + tracebacks,
            "cores": round(clicked.cores, 2),
        },
        "memory": {"reruns": options.reruns, "before": memory[0], "after": memory[1]},
        "queue": queue,
        "wrong": sorted(set(clicked.errors)) + wrong,
    }


def _two_hundred(store: Store, server: Server) -> dict[str, Any]:
    """Ask for 200 runs at once, draw pages meanwhile, cancel the rest."""
    specs = [RunSpec(kind="selftest", study="none", fingerprint="0", seed=n) for n in range(200)]
    started = time.monotonic()
    asked = [request(store, spec) for spec in specs]
    took = time.monotonic() - started
    pages = asyncio.run(load.draw_again(server.url, 20))
    most = len(store.queue.line().at_work)
    while sum(store.get(run.id).status == "done" for run in asked) < 10:
        most = max(most, len(store.queue.line().at_work))
        time.sleep(0.05)
    for run in asked:
        stop(store, run.id)
    killing.wait(lambda: not store.live(), "the end of all")
    ended = Counter(store.get(run.id).status for run in asked)
    return {
        "asked": len(asked),
        "asking": round(took, 2),
        "pages": _times(pages[1:]),
        "limit": workers(),
        "most": most,
        "ended": dict(sorted(ended.items())),
    }


def _times(values: tuple[float, ...]) -> dict[str, float]:
    return {
        "count": len(values),
        "p50": round(load.share(values, 0.5), 3),
        "p95": round(load.share(values, 0.95), 3),
        "max": round(max(values), 3),
    }


def kill(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Rounds until time and kills are as asked."""
    started = time.monotonic()
    soak = Soak(folder, options.seed)
    found = soak.found
    while time.monotonic() - started < 60 * options.minutes or found.kills.total() < options.kills:
        soak.round()
        told = found.wrong or "nothing wrong"
        print(f"round {found.rounds}: {found.kills.total()} kills, {told}", flush=True)
    return {
        "seed": options.seed,
        "minutes": round((time.monotonic() - started) / 60, 1),
        "rounds": found.rounds,
        "runs": found.runs,
        "workers": dict(sorted(found.kills.items())),
        "apps": found.server,
        "under_way": sum(0 < at < 1 for at in found.at),
        "seen": round(max(found.seen), 2),
        "seen_median": round(statistics.median(found.seen), 3),
        "wrong": found.wrong,
    }


def fuzz(options: argparse.Namespace) -> dict[str, Any]:
    """Damaged inputs to everything that reads."""
    counts = fuzzing.counted(options.inputs)
    led = guided.found(options.guided) if guided.installed() else []
    wrong = [each["kind"] for each in counts if fuzzing.is_wrong(each)]
    wrong += [f"{each['kind']}: {each['fault']}" for each in led if each["fault"]]
    return {"counts": counts, "guided": led, "guided_seconds": options.guided, "wrong": wrong}


def main() -> int:
    """Run what is asked and write its figures and their page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="that workers are killed")
    parser.add_argument("--kills", type=int, default=50, help="of workers, at least")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=60, help="that the sessions click")
    parser.add_argument("--reruns", type=int, default=500, help="of one session")
    parser.add_argument("--inputs", type=int, default=20_000, help="that are damaged and read")
    parser.add_argument("--guided", type=float, default=20, help="seconds a kind of input guided by coverage")
    parser.add_argument("--figures", type=Path, default=report.FIGURES)
    parser.add_argument("--only", choices=PARTS, help="one part; the figures of the others stay")
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)
    print(f"seed {options.seed}", flush=True)
    figures: dict[str, Any] = {}
    if options.only and options.figures.exists():
        figures = json.loads(options.figures.read_text(encoding="utf-8"))
    figures["machine"] = machine.described()
    with tempfile.TemporaryDirectory(prefix="soak-") as made:
        for part in [options.only] if options.only else PARTS:
            if part == "kills":
                figures[part] = kill(Path(made), options)
            else:
                figures[part] = measure_load(Path(made), options) if part == "load" else fuzz(options)
    options.figures.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    if all(part in figures for part in PARTS):
        report.write(options.figures)
    wrong = [f"{part}: {each}" for part in PARTS for each in figures.get(part, {}).get("wrong", [])]
    for each in wrong:
        print(each)
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
