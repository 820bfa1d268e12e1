"""What ONNX Runtime makes of exported plans, on whole test splits.

    python -m benchmarks.exports [--studies fashion-thin,fashion-resnet20] [--plans W8A8,W7A8,mixed,W4A4]
                                 [--samples 5000] [--markdown FILE] [--into FILE] [--json FILE] [--latency] [--quick]

Every plan is exported, read back, and run operator by operator and as the runtime likes it; both are compared with the
simulated network that the export is judged by, and that with the plan's own. The mixed plan is the frontier's, by
Hessian traces, of an eighth of the FP32 size. The study ``attention`` is a small transformer, which is trained first.
``--latency`` times every file beside FP32 in fresh processes; ``--into`` puts the table into a page, between comments.
"""

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import onnx
import torch

if __package__ in (None, ""):  # run as a file: the folder above is where `benchmarks` and `explorer` lie
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks.built import attention
from benchmarks.report import report
from benchmarks.tables import Column, Table, as_markdown
from benchmarks.timing import machine
from explorer import plans, studies
from explorer.curvature import weight_traces
from explorer.export import Options, Subject, export
from explorer.export.latency import EXPORTED, benchmark
from explorer.export.onnx_files.running import Running
from explorer.export.onnx_files.trying import compared
from explorer.plans import Plan
from explorer.quantizers.deployed import deploy
from explorer.studies import Study
from explorer.studies.calibration import calibration_batches

_BEGIN, _END = "<!-- exports -->", "<!-- end -->"
_COLUMNS = (
    Column("study", "study"),
    Column("plan", "plan"),
    Column("file", "file"),
    Column("weight_bytes", "weights in the file, bytes", "count"),
    Column("promised_bytes", "plan's, bytes", "count"),
    Column("written", "flips, as written beside simulated"),
    Column("written_same", "same", "percent"),
    Column("run", "flips, as run beside as written"),
    Column("run_same", "same", "percent"),
    Column("exact", "flips, as run without saturation"),
    Column("exact_same", "same", "percent"),
    Column("plan_flips", "flips, simulated beside the plan"),
    Column("accuracy", "accuracy as run", "percent"),
    Column("operators", "QLinearConv / QLinearAdd / QGemm"),
)
_NOTES = (
    "Flips are samples of another class; the same are those whose outputs agree within 0.001.",
    "As run is ONNX Runtime with its defaults. Without VNNI it saturates sums of two products of 8 bits; without "
    "saturation is session.x64quantprecision=1, beside as written.",
)
_LATENCY = (
    Column("study", "study"),
    Column("plan", "plan"),
    Column("what", "network"),
    Column("batch", "batch", "count"),
    Column("ratio", "times as fast as FP32 in ONNX Runtime", "times"),
    Column("lowest", "least of the rounds", "times"),
    Column("highest", "greatest", "times"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--studies", default="fashion-resnet20,fashion-mobilenet,fashion-thin")
    parser.add_argument("--samples", type=int, default=5000, help="test samples, at most all")
    parser.add_argument("--plans", default="", help="names of plans with commas between; all without it")
    parser.add_argument("--markdown", type=Path, help="write the tables there")
    parser.add_argument(
        "--into", type=Path, help="put the table there, between <!-- exports --> and <!-- end -->"
    )
    parser.add_argument("--json", type=Path, help="write the numbers there")
    parser.add_argument("--latency", action="store_true", help="time the integer files too")
    parser.add_argument("--quick", action="store_true", help="one plan, to see that everything works")
    options = parser.parse_args(arguments)
    rows: list[dict[str, Any]] = []
    times: list[dict[str, Any]] = []
    for name in options.studies.split(","):
        study = attention() if name == "attention" else studies.load_network(name)
        for plan in _plans(study, quick=options.quick):
            if options.plans and plan.name not in options.plans.split(","):
                continue
            with tempfile.TemporaryDirectory() as folder:
                rows += _exported(study, plan, Path(folder), options.samples)
                if options.latency:
                    times += _timed(study, plan, Path(folder) / "integer-int8/model.onnx")
    tables = [Table("exports", "Exported plans in ONNX Runtime", _COLUMNS, tuple(rows), _NOTES)]
    if times:
        tables.append(Table("latency", "Latency, as ratios of one round", _LATENCY, tuple(times), ()))
    if options.into is not None:
        _put(options.into, tables[0], options.samples)
    report(
        tables,
        script="exports",
        title="Exported plans",
        markdown=options.markdown,
        numbers=options.json,
    )
    return 0


def _plans(study: Study, *, quick: bool) -> Iterator[Plan]:
    """W8A8, W7A8 (which saturates nowhere), a mixed plan, and W4A4."""
    blocks = study.blocks()
    if not quick:
        yield Plan.uniform(study, blocks, 8, 8, name="W8A8")
    yield Plan.uniform(study, blocks, 7, 8, name="W7A8")
    if not quick:
        yield _mixed(study)
        yield Plan.uniform(study, blocks, 4, 4, name="W4A4")


def _mixed(study: Study) -> Plan:
    """Of the frontier by Hessian traces, at most an eighth of the FP32 size."""
    traces = weight_traces(study, rel_se=0.2)
    curve = plans.frontier(study, traces, cost="size", bits=(2, 3, 4, 6, 8))
    chosen = curve.best_under(plans.Budget("ratio", 8))
    return Plan.of_weights(study, study.blocks(), dict(chosen.bits), a_bits=8, name="mixed")


def _put(path: Path, table: Table, samples: int) -> None:
    """Put a table into a page, between the comments that begin and end its place."""
    page = path.read_text(encoding="utf-8")
    head, rest = page.split(_BEGIN, 1)
    _, tail = rest.split(_END, 1)
    lines = "\n".join(f"- {line}" for line in machine())
    said = f"`python -m benchmarks.exports` wrote this table, on {samples:,} test samples of each study.\n\n{lines}\n"
    path.write_text(f"{head}{_BEGIN}\n{said}\n{as_markdown(table)}\n{_END}{tail}", encoding="utf-8")


def _exported(study: Study, plan: Plan, folder: Path, samples: int) -> Iterator[dict[str, Any]]:
    blocks = study.blocks()
    untrained = Subject.untrained(study, plan, blocks, Options(tried=samples))
    own = [each.detach() for each in untrained.outputs(untrained.network)]
    for flavour, carrier in (("integer", "int8"), ("integer", "packed"), ("faithful", "int8")):
        print(f"{study.name} {plan.name} {flavour} {carrier} ...", file=sys.stderr)
        subject = Subject(
            study,
            plan,
            blocks,
            untrained.network,
            Options(flavour=flavour, carrier=carrier, tried=samples),  # type: ignore[arg-type]
        )
        place = folder / f"{flavour}-{carrier}"
        manifest = export(subject, "onnx", place)
        path = place / "model.onnx"
        graph = folder / "run.onnx"
        exact = Running(path, exact=True, threads=1, optimised_to=graph)
        raw = Running(path, optimised=False, threads=1)
        batches = [inputs for inputs, _ in subject.batches()]
        saturated = compared(study.metric, [exact(each) for each in batches], [raw(each) for each in batches])
        row: dict[str, Any] = {"study": study.name, "plan": plan.name, "file": f"{flavour}, {carrier}"}
        row |= {"weight_bytes": manifest.weight_bytes, "promised_bytes": manifest.promised_bytes}
        for short, name in (
            ("written", "as written beside the simulated network"),
            ("run", "as run beside as written"),
        ):
            row |= {
                short: str(manifest.checks[name]["flips"]),
                f"{short}_same": manifest.checks[name]["same"],
            }
        row |= {"exact": str(saturated["flips"]), "exact_same": saturated["same"]}
        row["accuracy"] = manifest.checks["accuracy as run"]["value"]
        if flavour == "integer":
            ready = deploy(subject.network, calibration_batches(study)).network
            few = [each.detach() for each in untrained.outputs(ready)]
            found = compared(study.metric, few, own)
            row["plan_flips"] = f"{found['flips']} of {found['samples']}"
            operators = Counter(node.op_type for node in onnx.load(graph).graph.node)
            row["operators"] = " / ".join(
                str(operators[name]) for name in ("QLinearConv", "QLinearAdd", "QGemm")
            )
        yield row


def _timed(study: Study, plan: Plan, path: Path) -> Iterator[dict[str, Any]]:
    for each in benchmark(path, study, threads=torch.get_num_threads()):
        if each.what == EXPORTED:
            yield {"study": study.name, "plan": plan.name, **each.to_json()}


if __name__ == "__main__":
    sys.exit(main())
