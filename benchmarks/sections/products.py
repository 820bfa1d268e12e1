"""ΔWᵀHΔW of every block at every width, beside the traces: what the better prediction costs from an empty store.

Which samples carry the curvature is found out once: products after traces are drawn as those were. Times are CPU
seconds, so that a busy machine disturbs their ratio little.
"""

import time
from collections.abc import Callable
from statistics import median

import torch

from benchmarks import ours
from benchmarks.peers import Peers
from benchmarks.problem import Problem, drawn
from benchmarks.settings import Settings
from benchmarks.tables import Claim, Column, Findings, Row, Table
from benchmarks.timing import Timed, in_turns
from explorer.curvature import Traces
from explorer.curvature.perturbations import Forms, perturbation_forms
from explorer.plans.damage.measures import weight_changes
from explorer.quantizers import WEIGHTS
from explorer.questions import DamageQuestion

_COLUMNS = (
    Column("what", "what"),
    Column("draws", "draws", "count"),
    Column("seconds", "CPU s", "seconds"),
    Column("times", "times the traces", "times"),
    Column("worst", "standard error, worst", "percent"),
    Column("median", "median", "percent"),
)
_ASKED = 1.3  # times the traces alone, for traces and products


def products(problem: Problem, _peers: Peers, settings: Settings) -> Findings:
    """The table, and whether traces and products together take at most 1.3 times the traces."""
    every = problem.on(drawn(problem.study, settings.whole))
    traced: dict[int, Traces] = {}
    found: dict[str, list[Forms]] = {"after": [], "alone": []}

    def trace(repeat: int) -> None:
        traced[repeat] = ours.probes(every, settings.rel_se, 300 + repeat)

    def after(repeat: int) -> None:
        found["after"].append(_forms(every, settings, 300 + repeat, traced[repeat]))

    def alone(repeat: int) -> None:
        found["alone"].append(_forms(every, settings, 300 + repeat, None))

    works: dict[str, Callable[[int], None]] = {"traces": trace, "after": after, "alone": alone}
    timed = in_turns(works, repeats=settings.seeds, warm_up=False, clock=time.process_time)
    last = [traced[repeat] for repeat in range(settings.seeds)]
    first = timed["traces"].median
    both = [a + b for a, b in zip(timed["traces"].seconds, timed["after"].seconds, strict=True)]
    share = median(b / t for b, t in zip(both, timed["traces"].seconds, strict=True))
    errors = torch.tensor([[block.stderr / abs(block.trace) for block in run.blocks] for run in last])
    rows: list[Row] = [
        {
            "what": f"traces to {settings.rel_se:.0%}",
            "draws": median(run.blocks[0].samples for run in last),
            "seconds": first,
            "times": 1.0,
            "worst": float(errors.amax(1).mean()),
            "median": float(errors.median()),
        },
        _row("products after the traces, as they were drawn", found["after"], timed["after"], first),
        _row("products alone", found["alone"], timed["alone"], first),
        {
            "what": "traces and products from an empty store",
            "seconds": median(both),
            "times": share,
        },
    ]
    widths = DamageQuestion.default("bits")
    blocks = len(every.study.blocks())
    table = Table(
        "g",
        f"{every.study.name}: ΔWᵀHΔW of {blocks} blocks at {len(widths)} widths over {every.size:,} samples",
        _COLUMNS,
        tuple(rows),
        (
            f"Medians of {settings.seeds} runs each, in turns, from the start of the call, the search for the steps "
            "of the quantizers included where they are searched. The errors of the products are over all blocks and "
            "widths.",
        ),
    )
    claim = Claim(
        every.study.name,
        f"traces and ΔWᵀHΔW of {blocks} blocks at {len(widths)} widths, CPU time over that of the traces",
        f"at most {_ASKED} times",
        f"{share:.2f} times; standard error of a product at most {rows[1]['worst']:.1%}, "
        f"median {rows[1]['median']:.1%}",
        share <= _ASKED,
    )
    return Findings([table], [claim])


def _forms(every: Problem, settings: Settings, seed: int, traces: Traces | None) -> Forms:
    study, draws = every.study, None if traces is None else traces.draws
    blocks, widths = study.blocks(), DamageQuestion.default("bits")
    return perturbation_forms(
        study,
        [weight_changes(study.model(), blocks, width, WEIGHTS) for width in widths],
        blocks=blocks,
        samples=None if settings.whole is None else settings.rows,
        rows=every.rows,
        seed=seed,
        proposal=None if draws is None else draws.proposal,
    )


def _row(what: str, runs: list[Forms], timed: Timed[None], traces: float) -> Row:
    errors = torch.stack([(run.stderrs / run.values.abs()).flatten() for run in runs])
    return {
        "what": what,
        "draws": median(run.samples for run in runs),
        "seconds": timed.median,
        "times": timed.median / traces,
        "worst": float(errors.amax(1).mean()),
        "median": float(errors.median()),
    }
