"""Several trainings under quantization, one after another, as one long experiment.

What has ended is saved, so an interrupted run goes on with the training that it was in.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from explorer.lessons.common.longs import Values
from explorer.plans import Plan
from explorer.qat import finetune
from explorer.quantizers import FLOAT_BITS
from explorer.studies import Study
from explorer.watching import Part, Through, Watcher


@dataclass(frozen=True)
class Asked:
    """One training: what it is called, its plan, and options of a `explorer.questions.FinetuneQuestion`."""

    name: str
    plan: Plan
    options: Mapping[str, Any]


class _Listening(Through):
    """A watcher that keeps the points of one series."""

    def __init__(self, whole: Watcher, series: str) -> None:
        super().__init__(whole)
        self._series = series
        self.points: list[dict[str, Any]] = []

    def point(self, series: str, values: Mapping[str, Any]) -> None:
        if series == self._series:
            self.points.append(dict(values))


def carry_out(study: Study, watcher: Watcher, asked: Sequence[Asked], series: str = "test") -> list[Values]:
    """Train each, and say what it was worth on the test split before and after.

    Args:
        series: whose points are kept, see `explorer.qat.finetuning`.

    Returns:
        For every training ``name``, ``before`` and ``after`` as accuracy and standard error, ``bytes`` of the packed
        weights and in FP32, ``kept`` and ``points``.
    """
    saved = watcher.restore()
    done: list[Values] = [] if saved is None else list(saved.state["done"])
    for n, each in enumerate(asked[len(done) :], len(done)):
        watcher.check_stop()
        listening = _Listening(Part(watcher, n / len(asked), (n + 1) / len(asked)), series)
        found = finetune(study, each.plan, study.blocks(), watcher=listening, **each.options)
        done.append(
            {
                "name": each.name,
                "before": [found.before.accuracy, found.before.accuracy_stderr],
                "after": [found.after.accuracy, found.after.accuracy_stderr],
                "bytes": [found.after.size_bytes, found.after.fp32_bytes],
                "kept": found.kept,
                "points": listening.points,
            }
        )
        watcher.save({}, {"done": done})
    return done


def inner_plan(study: Study, w_bits: int, a_bits: int, ends: tuple[int, int]) -> Plan:
    """All blocks at these widths but the first and the last, which get those of ``ends``; their inputs, too."""
    blocks = study.blocks()
    plan = Plan.uniform(study, blocks, w_bits, a_bits)
    for block in (blocks[0], blocks[-1]):
        plan = plan.with_bits(block.name, w_bits=ends[0], a_bits=ends[1])
    return plan


FLOAT_ENDS = (FLOAT_BITS, FLOAT_BITS)
