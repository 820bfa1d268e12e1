"""Runs are compared by what differs, and a difference that the errors explain is called noise."""

import pytest

from explorer.jobs.telling import comparison
from explorer.jobs.telling.comparison import Line
from explorer.jobs.telling.headlines import Number
from explorer.runs import Run, RunSpec, Store


def value(loss: float, error: float, size: int = 1_000) -> dict[str, object]:
    return {
        "split": "test",
        "samples": 100,
        "loss": loss,
        "loss_stderr": error,
        "accuracy": 0.9,
        "accuracy_stderr": 0.01,
        "size_bytes": size,
        "fp32_bytes": 4_000,
        "bops": 10,
    }


def plan(bits: int) -> dict[str, object]:
    changed = {"w_bits": bits, "a_bits": 8}
    blocks = {"a": changed, "b": {"w_bits": 4, "a_bits": 8}, "c": changed}
    return {"version": 1, "study": "net", "weights_sha256": "0", "blocks": blocks}


def evaluated(store: Store, bits: int, loss: float, error: float) -> Run:
    spec = RunSpec(kind="evaluate", study="net", fingerprint="0", parameters={"plan": plan(bits)})
    lease = store.claim(store.submit(spec).id)
    lease.finish(value(loss, error, size=100 * bits))
    return store.get(lease.run_id)


def test_only_what_differs_is_told_a_plan_with_its_blocks(store: Store) -> None:
    runs = [evaluated(store, 2, 0.50, 0.01), evaluated(store, 8, 0.52, 0.02)]
    assert comparison.settings(runs) == [Line("bits of a, c", ("W2 A8", "W8 A8"))]
    assert comparison.results(runs) == [
        Line("loss", ("0.5 ± 0.01", "0.52 ± 0.02"), "within noise"),
        Line("size", ("200 B", "800 B")),
    ]


def test_settings_of_different_kinds_leave_gaps(store: Store) -> None:
    traces = store.submit(RunSpec(kind="traces", study="net", fingerprint="0"))
    other = store.submit(RunSpec(kind="spectrum", study="net", fingerprint="0", seed=1))
    found = {line.name: line.values for line in comparison.settings([traces, other])}
    assert found["kind"] == ("traces", "spectrum")
    assert found["seed"] == ("0", "1")
    assert found["rel se"][1] == ""
    assert "study" not in found


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ([Number("loss", 1.0, 0.1), Number("loss", 1.2, 0.1)], "within noise"),
        ([Number("loss", 1.0, 0.1), Number("loss", 1.3, 0.1)], "differ"),
        ([Number("loss", 1.0, 0.1), Number("loss", 1.2, 0.1), Number("loss", 1.4, 0.1)], "differ"),
        ([Number("loss", 1.0, 0.1), Number("loss", 1.3)], ""),
        ([Number("loss", 1.0, 0.1)], ""),
    ],
)
def test_two_standard_errors_of_the_difference_decide(numbers: list[Number], said: str) -> None:
    """0.2 is 1.4 and 0.3 is 2.1 standard errors of a difference of two errors of 0.1."""
    assert comparison.judged(numbers) == said


def test_numbers_are_written_with_their_units() -> None:
    assert Number("accuracy", 91.234, 0.456, "%").text == "91.23 ± 0.46 %"
    assert Number("size", 12_345, unit="B").text == "12,345 B"
    assert Number("loss", 0.123456).text == "0.1235"
