"""Many inputs to every target, two processes at once, and a table of what came of them.

    python -m tests.fuzz 20000

The exit status is 1 where an input was neither taken nor refused in a sentence, took more than 2 s of processor time
or 500 MB.
"""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.fuzz.engine import MOST_MEMORY
from tests.fuzz.targets import TARGETS

MOST_SECONDS = 2.0
_CHILD_SECONDS = 20.0  # of an input whose reader loads PyTorch first


def main(inputs: int) -> int:
    """Run them; the exit status."""
    counts = counted(inputs)
    print(
        f"{'kind':<12}{'inputs':>8}{'taken':>8}{'refused':>9}{'seconds':>9}{'slowest':>9}{'MB':>7}{'faults':>8}"
    )
    for found in counts:
        print(
            f"{found['kind']:<12}{found['inputs']:>8}{found['taken']:>8}{found['refused']:>9}{found['seconds']:>9}"
            f"{found['slowest']:>9}{found['memory'] / 1e6:>7.0f}{len(found['faults']):>8}"
        )
    for found in counts:
        for number, fault in found["faults"].items():
            print(f"{found['kind']} {number}: {fault}")
    return int(any(map(is_wrong, counts)))


def counted(inputs: int) -> list[dict[str, Any]]:
    """What came of so many inputs, shared out between the targets; see `tests.fuzz.engine.Count`."""
    whole = sum(target.share for target in TARGETS.values())
    asked = {kind: max(1, round(inputs * target.share / whole)) for kind, target in TARGETS.items()}
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(_run, asked, asked.values()))


def is_wrong(found: dict[str, Any]) -> bool:
    """Whether a target said something that is no sentence, or took too long or too much memory."""
    most = _CHILD_SECONDS if TARGETS[found["kind"]].child else MOST_SECONDS
    return bool(found["faults"]) or found["memory"] > MOST_MEMORY or found["slowest"] > most


def _run(kind: str, inputs: int) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.engine", kind, str(inputs)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or [""])[-1]
        raise SystemExit(f"the process of {kind} ended with {done.returncode}: {last}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000))
