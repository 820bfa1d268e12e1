"""HAWQ-V2's Table 2 on the shipped detector: 4 bits throughout, mixed weights, mixed inputs too, and inputs of 6 bits.

    python -m benchmarks.detector [--epochs 1] [--seeds 0,1,2] [--rel-se 0.1] [--markdown FILE]

Every plan's weights take at most what 4 bits throughout take; mixed inputs are `INPUTS` times smaller than in FP32, as
in the paper. The plans are those of least Ω: mean traces of the Hessian over weights and over inputs, times squared
quantization errors.
Without `--epochs` nothing is trained. Every trace, evaluation and training is a run in EXPLORER_HOME, so that a
benchmark that was ended goes on.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

if __package__ in (None, ""):  # run as a file: the folder above is where `benchmarks` and `explorer` lie
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks.tables import Column, Table, as_markdown, as_text
from explorer import plans, studies
from explorer.curvature import Traces
from explorer.jobs import execute
from explorer.jobs.requests import spec_of
from explorer.plans import BlockBits, Plan
from explorer.questions import EvaluateQuestion, FinetuneQuestion, Question, TracesQuestion
from explorer.runs import Store
from explorer.studies import Study

MENU, DIRECT, WIDER = (2, 3, 4, 6, 8), 4, 6
INPUTS = 7.62  # times smaller than in FP32, what HAWQ-V2's mixed inputs are
FULL = 32
TRAINING = {"method": "lsq", "optimizer": "adamw", "batch_size": 16, "logits": 0.0, "channels": 0.0}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--study", default="detector-fashion")
    parser.add_argument("--epochs", type=int, default=0, help="of training each plan; 0: none")
    parser.add_argument("--seeds", default="0", help="of the trainings, with commas between")
    parser.add_argument("--rel-se", type=float, default=0.1, help="of the traces")
    parser.add_argument("--samples", type=int, help="at most so many scenes of a trace")
    parser.add_argument("--markdown", type=Path, help="write the table there")
    asked = parser.parse_args(arguments)
    study, store = studies.load_network(asked.study), Store.open()

    def ran(question: Question) -> dict[str, Any]:
        return execute(store, spec_of(study, question), study=study).result or {}

    def traces(of: Any) -> Traces:
        question = TracesQuestion(of=of, rel_se=asked.rel_se, samples=asked.samples)
        return Traces.from_json({**ran(question), "study": study.name})

    rows = []
    for name, plan in chosen(study, traces("weights"), traces("activations")):
        row = costs(study, name, plan)
        content = plan.to_json()
        before = ran(EvaluateQuestion(plan=content))
        row["untrained"] = said(before["accuracy"], before["accuracy_stderr"])
        seeds = [int(seed) for seed in asked.seeds.split(",")]
        if asked.epochs and min(plan.w_bits.values()) < FULL:
            after = [
                ran(FinetuneQuestion(plan=content, epochs=asked.epochs, seed=seed, **TRAINING))["after"]
                for seed in seeds
            ]
            row["trained"] = over_seeds(after)
        rows.append(row)
        print(row, flush=True)
    made = table(study, rows, asked.epochs, asked.seeds)
    print(as_text(made))
    if asked.markdown is not None:
        asked.markdown.write_text(as_markdown(made), encoding="utf-8")
    return 0


def chosen(study: Study, weights: Traces, inputs: Traces) -> Iterator[tuple[str, Plan]]:
    """The rows of the table: FP32, 4 bits throughout, and the plans of least Ω within its costs."""
    blocks = study.blocks()
    direct = uniform(study, DIRECT, DIRECT)
    most = plans.Budget("at_most", plans.size_bytes(blocks, direct.w_bits))
    yield "FP32", uniform(study, FULL, FULL)
    yield "4 bits throughout", direct
    for name, a_bits in (
        ("mixed weights", DIRECT),
        ("mixed weights and inputs", None),
        ("mixed weights", WIDER),
    ):
        options: dict[str, Any] = {"a_bits": a_bits}
        if a_bits is None:
            limit = {"activations": memory(study, uniform(study, FULL, FULL)) / INPUTS}
            options = {"a_menu": MENU, "limits": limit, "activation_traces": inputs}
        frontier = plans.frontier(study, weights, bits=MENU, damage="trace", **options)
        yield name, frontier.best_under(most).plan(study, blocks)


def uniform(study: Study, w_bits: int, a_bits: int) -> Plan:
    """The plan with the same widths throughout."""
    bits = {block.name: BlockBits(w_bits, a_bits) for block in study.blocks()}
    return Plan(study.name, study.weights_sha256, bits)


def memory(study: Study, plan: Plan) -> float:
    """Bytes of all layers' inputs for one scene, the first of the test."""
    counted = plans.activations_table(study.blocks(), {*MENU, FULL})
    return counted.in_unit(counted.count(plan.w_bits, plan.a_bits))


def costs(study: Study, name: str, plan: Plan) -> dict[str, Any]:
    """The cells of a row that need no measurement."""
    blocks, full = study.blocks(), uniform(study, FULL, FULL)
    return {
        "plan": name,
        "w": _widths(plan.w_bits.values()),
        "a": _widths(plan.a_bits.values()),
        "size": plans.size_bytes(blocks, plan.w_bits),
        "w_comp": f"{plans.compression(blocks, plan.w_bits):.2f}",
        "a_comp": f"{memory(study, full) / memory(study, plan):.2f}",
    }


def said(value: float, stderr: float) -> str:
    """An mAP in points, with its standard error."""
    return f"{100 * value:.1f} ± {100 * stderr:.1f}"


def over_seeds(after: Sequence[dict[str, Any]]) -> str:
    """Mean ± standard deviation over trainings in points; of one its own standard error."""
    values = [each["accuracy"] for each in after]
    if len(values) == 1:
        return said(values[0], after[0]["accuracy_stderr"])
    return said(mean(values), stdev(values))


def table(study: Study, rows: Sequence[dict[str, Any]], epochs: int, seeds: str) -> Table:
    """The table, with what was done for it."""
    columns = [
        Column("plan", "plan"),
        Column("w", "weights"),
        Column("a", "inputs"),
        Column("w_comp", "weights smaller"),
        Column("a_comp", "inputs smaller"),
        Column("size", "bytes", "count"),
        Column("untrained", f"{study.metric.name}, untrained"),
    ]
    notes = [
        f"{study.metric.name} in points of 100 on {study.data.size('test'):,} test {study.noun.many}, ± the "
        "bootstrap's standard error over them. Mixed: widths of 2, 3, 4, 6 and 8 bits were on offer."
    ]
    if epochs:
        columns.append(Column("trained", f"after {epochs} epoch{'s' * (epochs > 1)}, seeds {seeds}"))
        notes.append(
            "Trained: mean ± standard deviation of the seeds; of one seed ± the bootstrap's standard error."
        )
        notes.append(
            f"Trained by LSQ with AdamW, batches of {TRAINING['batch_size']}, without a teacher, on "
            f"{study.data.size('train'):,} {study.noun.many} less a tenth that is held out and chooses what is kept."
        )
    return Table(
        "detector", f"{study.card.title}: what widths cost", tuple(columns), tuple(rows), tuple(notes)
    )


def _widths(bits: Iterable[int]) -> str:
    low, *others = sorted(set(bits))
    return f"{low} to {others[-1]}" if others else str(low)


if __name__ == "__main__":
    sys.exit(main())
