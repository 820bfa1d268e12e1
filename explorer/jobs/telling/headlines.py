"""The few numbers that a finished run is remembered by, each with its standard error where it has one."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from explorer.jobs import registry
from explorer.runs.run import Run

_METRIC = "accuracy"  # begins the name of a number that is a mean of what the study counts


@dataclass(frozen=True)
class Number:
    """One result in a line.

    Attributes:
        name: what it is, with its block where it has one.
        value, stderr: the error is None where there is none to state.
        unit: ``%`` for a share, which is then given in per cent; else what the number counts.
    """

    name: str
    value: float
    stderr: float | None = None
    unit: str = ""

    @property
    def text(self) -> str:
        """The number as a person reads it."""
        decimals = ",.0f" if self.unit == "B" else ".2f" if self.unit in ("%", "s") else ".4g"
        error = "" if self.stderr is None else f" ± {self.stderr:.2g}"
        return f"{self.value:{decimals}}{error} {self.unit}".rstrip()


def of(run: Run, metric: str = _METRIC) -> tuple[Number, ...]:
    """Numbers of a run that is done; none of a kind that has none to be remembered by.

    Raises:
        RunError: the result is damaged.
    """
    told = _NUMBERS.get(run.spec.kind)
    if told is None or run.result is None:
        return ()
    found = told(registry.result(run.spec.kind, run.result))
    return tuple(_called(number, metric) for number in found)


def _called(number: Number, metric: str) -> Number:
    if not number.name.startswith(_METRIC):
        return number
    return replace(number, name=metric + number.name.removeprefix(_METRIC))


def _value(of: Any, when: str = "") -> Iterator[Number]:
    if of.accuracy is not None:
        error = None if of.accuracy_stderr is None else of.accuracy_stderr * 100
        yield Number(f"{_METRIC}{when}", of.accuracy * 100, error, "%")
    yield Number(f"loss{when}", of.loss, of.loss_stderr)


def _evaluate(result: Any) -> Iterator[Number]:
    yield from _value(result)
    yield Number("size", result.size_bytes, unit="B")


def _measure_frontier(result: Any) -> Iterator[Number]:
    yield from _value(result.full, " of FP32")
    for plan in result.plans:
        yield from _value(plan, f" at {plan.size_bytes:,} B")
    if result.enough is not None:
        yield Number("smallest size that equals FP32 within noise", result.enough.size_bytes, unit="B")


def _finetune(result: Any) -> Iterator[Number]:
    yield from _value(result.after, " after training")
    yield from _value(result.before, " without training")
    yield Number("size", result.after.size_bytes, unit="B")
    yield Number("training", result.seconds, unit="s")


def _export(result: Any) -> Iterator[Number]:
    yield from _value(result.value, " where it runs")
    yield from _value(result.own, " of the plan")
    yield Number("weights in the file", result.manifest["weight_bytes"], unit="B")


def _export_latency(result: Any) -> Iterator[Number]:
    for each in result.latencies:
        yield Number(f"{each.what}, batch {each.batch}", each.milliseconds, unit="ms")


def _choose(result: Any) -> Iterator[Number]:
    yield Number("size", result.size_bytes, unit="B")
    for when, drop in (("samples held out", result.promised), ("test samples", result.measured)):
        yield Number(f"{_METRIC} lost on {when}", drop.value * 100, drop.stderr * 100, "%")
    yield Number(_METRIC, result.accuracy * 100, result.accuracy_stderr * 100, "%")


def _traces(result: Any) -> Iterator[Number]:
    for block in result.blocks:
        yield Number(f"mean trace of {block.name}", block.mean_trace, block.mean_stderr)


def _eigenvalues(result: Any) -> Iterator[Number]:
    for pairs in result.found:
        yield Number(f"top eigenvalue of {pairs.block or 'the network'}", pairs.values[0], pairs.stderrs[0])


def _spectrum(result: Any) -> Iterator[Number]:
    yield Number("mean eigenvalue", result.mean, result.mean_stderr)


def _landscape(result: Any) -> Iterator[Number]:
    for axis in result.axes:
        yield Number(f"curvature along {axis.label}", axis.curvature, axis.curvature_stderr)


def _lapq(result: Any) -> Iterator[Number]:
    for name, stage in result.stages.items():
        yield Number(f"calibration loss, {name}", stage.calibration_loss)
        yield from _value(stage, f", {name}")


def _lapq_table(result: Any) -> Iterator[Number]:
    for row in result.rows:
        corrected = "" if row.bias_correction == "none" else f", bias correction {row.bias_correction}"
        yield Number(f"test loss, {row.method}{corrected}", row.test_loss, row.test_loss_stderr)


_NUMBERS: Mapping[str, Callable[[Any], Iterator[Number]]] = {
    "evaluate": _evaluate,
    "measure_frontier": _measure_frontier,
    "finetune": _finetune,
    "export": _export,
    "export_latency": _export_latency,
    "choose": _choose,
    "traces": _traces,
    "eigenvalues": _eigenvalues,
    "spectrum": _spectrum,
    "landscape": _landscape,
    "lapq": _lapq,
    "lapq_table": _lapq_table,
}
