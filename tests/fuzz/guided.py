"""Inputs that coverage guides, where Google's atheris is installed: whatever reaches new lines is changed further.

    python -m tests.fuzz.guided toml 60

runs one target for a minute and prints a JSON object; `found` runs all that take bytes. The process ends at the first
input that is neither taken nor refused in a sentence, takes 2 s, or 500 MB; libFuzzer says which it was.
"""

import importlib.util
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

MOST_MEMORY = 500  # MB above the base
MOST_SECONDS = 2
_TAIL = 400  # characters of what libFuzzer said at the end


def installed() -> bool:
    """Whether atheris is there."""
    return importlib.util.find_spec("atheris") is not None


def found(seconds: float, kinds: list[str] | None = None) -> list[dict[str, Any]]:
    """What came of so many seconds for each target that takes bytes and starts no child: inputs, coverage, fault."""
    from tests.fuzz.targets import TARGETS

    fit = [kind for kind, target in TARGETS.items() if target.take is not None and not target.child]
    return [_run(kind, seconds) for kind in kinds or fit]


def _run(kind: str, seconds: float) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.guided", kind, f"{seconds:g}"],
        capture_output=True,
        text=True,
        check=False,
    )
    units = re.search(r"stat::number_of_executed_units:\s*(\d+)", done.stderr)
    covered = re.findall(r"cov: (\d+)", done.stderr)
    return {
        "kind": kind,
        "inputs": int(units[1]) if units else 0,
        "covered_first": int(covered[0]) if covered else 0,
        "covered": int(covered[-1]) if covered else 0,
        "fault": "" if done.returncode == 0 else done.stderr[-_TAIL:],
    }


def main(kind: str, seconds: float) -> None:
    """Fuzz one target in this process, which ends with it."""
    import atheris
    import psutil

    with atheris.instrument_imports(include=["explorer"]):
        from explorer.errors import ExplorerError
        from tests.fuzz.engine import MOST_CHARACTERS
        from tests.fuzz.targets import TARGETS
    target = TARGETS[kind]
    assert target.take is not None
    assert target.honest is not None
    take, honest = target.take, target.honest()

    def one(content: bytes) -> None:
        try:
            take(content)
        except ExplorerError as error:
            message = str(error)
            if len(message) > MOST_CHARACTERS or not message.isprintable():
                raise AssertionError(f"says {message[:400]!r}") from error

    one(honest)  # loads what loads lazily
    with tempfile.TemporaryDirectory() as corpus:
        Path(corpus, "honest").write_bytes(honest)
        resident = psutil.Process().memory_info().rss // 2**20
        atheris.Setup(
            [
                sys.argv[0],
                corpus,
                f"-max_total_time={seconds:.0f}",
                f"-max_len={4 * len(honest)}",
                f"-timeout={MOST_SECONDS}",
                f"-rss_limit_mb={resident + MOST_MEMORY}",
                f"-artifact_prefix={tempfile.gettempdir()}/",
                "-print_final_stats=1",
            ],
            one,
        )
        atheris.Fuzz()


if __name__ == "__main__":
    if len(sys.argv) == 3:
        main(sys.argv[1], float(sys.argv[2]))
    else:
        counts = found(60)
        print(json.dumps(counts, indent=2))
        raise SystemExit(int(any(each["fault"] for each in counts)))
