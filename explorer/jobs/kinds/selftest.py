"""A computation that tests the machinery and nothing else: a chain of hashes, one checkpoint a step.

The result depends on every step in order, so a resumed run equals an uninterrupted one only if nothing was
lost or done twice. Parameters: ``steps``; ``pause``, seconds a step; ``hold``, a file: while it is there, the step
whose number it holds is not begun, nor any after it; ``deaf``, never look whether to stop; ``fail_at``, the step that
raises, and ``error``, whether that is a mendable one.
"""

import hashlib
import time
from pathlib import Path
from typing import Any

import numpy as np

from explorer.errors import RunError
from explorer.questions.selftest import SelftestQuestion
from explorer.runs.context import RunContext


def run(question: SelftestQuestion, context: RunContext) -> dict[str, Any]:
    """Walk the chain from the seed, or from the last checkpoint."""
    options: dict[str, Any] = question.options()
    step, chain = 0, np.frombuffer(hashlib.sha256(str(context.spec.seed).encode()).digest(), np.uint8)
    saved = context.restore()
    if saved is not None:
        step, chain = saved.state["step"], saved.arrays["chain"]
    resumed_at = step
    while step < options["steps"]:
        while True:
            if not options["deaf"]:
                context.check_stop()
            if not _held(options["hold"], step):
                break
            time.sleep(0.01)
        time.sleep(options["pause"])
        if step == options["fail_at"]:
            if options["error"] == "mendable":
                raise RunError(f"Step {step} was told to fail; ask for a run without it.")
            raise ZeroDivisionError(f"step {step}")
        chain = np.frombuffer(hashlib.sha256(chain.tobytes() + bytes([step % 256])).digest(), np.uint8)
        step += 1
        context.point("chain", {"step": step, "first": int(chain[0])})
        context.report(step / options["steps"], f"step {step} of {options['steps']}")
        context.save({"chain": chain}, {"step": step})
    context.keep("chain", {"chain": chain})
    return {"chain": chain.tobytes().hex(), "steps": step, "resumed_at": resumed_at}


def _held(hold: str | None, step: int) -> bool:
    if hold is None:
        return False
    try:
        return step >= int(Path(hold).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return False
