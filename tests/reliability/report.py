"""The page docs/reliability.md, made of the cases and the figures of a soak: ``python -m tests.reliability.report``."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.reliability.asking import KINDS
from tests.reliability.cases import CASES, Case

ROOT = Path(__file__).resolve().parents[2]
FIGURES = ROOT / "docs" / "reliability.json"

_HEAD = """# Nothing wrong, nothing lost

How the project is attacked and what comes of it. Every case is a test of the suite that each change must pass; `make
soak MINUTES=10` goes on with kills at random moments for as long as asked, and wrote the figures of this page
(`docs/reliability.json`) and the page.
"""
_CASES = """## The cases

S1: wrong numbers, or a loss without a word. S2: everybody or the machine is affected. S3: one person is. S4: polish.
That is how severe a case is where it goes wrong; "holds" is said where a test shows that it does not.
"""


def page(figures: Mapping[str, Any]) -> str:
    """The page."""
    parts = [_HEAD, _machine(figures), _soak(figures), _load(figures), _fuzz(figures["fuzz"])]
    parts += [_CASES, _table(("#", "case", "area", "severity", "verdict", "shown by"), map(_row, CASES))]
    return "\n".join(parts)


def write(figures: Path = FIGURES) -> None:
    """Write the page beside the figures it is made of."""
    content = json.loads(figures.read_text(encoding="utf-8"))
    figures.with_suffix(".md").write_text(page(content), encoding="utf-8")


def _machine(figures: Mapping[str, Any]) -> str:
    return "\n".join(f"- {line}" for line in figures["machine"]) + "\n"


def _soak(figures: Mapping[str, Any]) -> str:
    soak = figures["kills"]
    wrong, workers = soak["wrong"], sum(soak["workers"].values())
    kinds = ", ".join(f"{kind.replace('_', ' ')} {count}" for kind, count in soak["workers"].items())
    lines = [
        f"{workers} workers and {soak['apps']} apps were killed with SIGKILL at random moments in "
        f"{soak['minutes']:g} minutes (seed {soak['seed']}), {soak['under_way']} of the workers with some of "
        f"their run recorded: {kinds}.",
        f"All {soak['runs']} runs were resumed and compared with uninterrupted ones: result, points and kept files, "
        "weights to the bit; figures of the work itself, such as seconds and forward passes, are left out.",
        f"After each of {soak['rounds']} rounds: `PRAGMA integrity_check`, every run there, no file left by a sweep, "
        "no file missing.",
        f"A death was seen within {soak['seen']:g} s, half of them within {soak['seen_median']:g} s.",
        *_newer(soak["workers"]),
        "Nothing was found." if not wrong else f"Found: {'; '.join(wrong)}.",
    ]
    return "## Kills\n\n" + "\n".join(f"- {line}" for line in lines) + "\n"


def _newer(attacked: Mapping[str, int]) -> list[str]:
    """That kinds of run are newer than the soak, where some are."""
    newer = [kind.replace("_", " ") for kind in KINDS if kind not in attacked]
    return [f"Newer than this soak, and not killed in it: {', '.join(newer)}."] if newer else []


def _load(figures: Mapping[str, Any]) -> str:
    sessions, memory, queue = (figures["load"][part] for part in ("sessions", "memory", "queue"))
    ended = ", ".join(f"{count} {status}" for status, count in queue["ended"].items())
    rows = [
        (
            f"{sessions['sessions']} sessions that click for {sessions['seconds']:.0f} s, a run at work",
            f"{sessions['errors']} errors; {_seconds(sessions['reruns'], 'reruns')}; "
            f"{_seconds(sessions['polls'], 'polls')}; {sessions['cores']:g} cores",
            "0 errors, p95 of a rerun under 5 s",
        ),
        (
            f"{memory['reruns']} reruns of one session",
            f"{memory['before'] / 2**20:.0f} MiB before, {memory['after'] / 2**20:.0f} MiB after",
            "memory flat",
        ),
        (
            f"{queue['asked']} runs asked for at once",
            f"{queue['asking']:g} s to ask; at most {queue['most']} at work (limit {queue['limit']}); {ended}; "
            f"{_seconds(queue['pages'], 'pages meanwhile')}",
            "never more than the limit, all end cleanly, pages under 1 s",
        ),
    ]
    words = (
        "A session speaks Streamlit's protocol over a WebSocket as a browser does, with its polls, and draws nothing, "
        "so that browsers do not count. It clicks 0.5 to 2.5 s after an answer: two times of five another "
        "page, else another value of a control. A rerun lasts from the click until the server has sent everything.\n"
    )
    return f"## Load\n\n{words}\n" + _table(("what", "measured", "asked"), rows)


def _fuzz(figures: Mapping[str, Any]) -> str:
    fuzz: Sequence[Mapping[str, Any]] = figures["counts"]
    rows = [
        (
            each["kind"],
            f"{each['inputs']:,}",
            f"{each['taken']:,}",
            f"{each['refused']:,}",
            f"{len(each['faults'])}",
            f"{each['slowest']:.2f} s",
            f"{each['memory'] / 1e6:.0f} MB",
        )
        for each in fuzz
    ]
    words = (
        f"{sum(each['inputs'] for each in fuzz):,} damaged inputs to all that reads (`make fuzz`). Each is taken "
        "or refused in one sentence; anything else is a fault. Asked are at most 2 s of "
        "processor time (20 s where PyTorch is loaded in a child) and 500 MB above the base.\n"
    )
    head = ("what is read", "inputs", "taken", "refused", "faults", "slowest", "memory above the base")
    parts = [f"## Hostile input\n\n{words}\n" + _table(head, rows)]
    if led := figures["guided"]:
        parts.append(
            f"Inputs that coverage guides (atheris), for {figures['guided_seconds']:g} s a kind; it ends at the first "
            "fault, after 2 s for an input, or 500 MB above the base.\n"
        )
        guided = [
            (
                each["kind"],
                f"{each['inputs']:,}",
                f"{each['covered_first']} → {each['covered']}",
                each["fault"] or "none",
            )
            for each in led
        ]
        parts.append(_table(("what is read", "inputs", "branches reached", "fault"), guided))
    return "\n".join(parts)


def _row(case: Case) -> tuple[str, ...]:
    verdict = "holds" if case.tests else f"does not apply: {case.reason}"
    tests = "<br>".join(f"`{test.removeprefix('tests/')}`" for test in case.tests)
    return str(case.number), case.title, case.area, case.severity, verdict, tests


def _seconds(times: Mapping[str, Any], what: str) -> str:
    return f"{times['count']:,} {what}, p50 {times['p50']:.2f} s, p95 {times['p95']:.2f} s, max {times['max']:.2f} s"


def _table(head: tuple[str, ...], rows: Any) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


if __name__ == "__main__":
    write(*map(Path, sys.argv[1:]))
