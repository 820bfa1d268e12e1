"""Slices against what is known: quadratics, finite differences, direct evaluation, quantized networks."""

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from explorer.curvature.operators.hessian import hessian_rows
from explorer.errors import CurvatureError
from explorer.landscape import MARKED, Slice, measure_slice, recording
from explorer.landscape.radius import own_radius
from explorer.quantizers.weights import quantize_weight
from explorer.studies import Study
from explorer.studies.losses import Loss
from explorer.watching import Stopped
from tests.curvature.networks import Mixed, Smooth, seeded, study_of
from tests.watched import State, Watched

DOUBLE = torch.float64


class Line(nn.Module):
    """Linear in all its weights, so that squared error is a quadratic."""

    def __init__(self) -> None:
        super().__init__()
        self.only = nn.Linear(72, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.only(x.flatten(1))


def sliced(study: Study, **options: Any) -> Slice:
    return measure_slice(study, **{"samples": 16, "points": 5, **options})


def directions_of(watched: Watched) -> list[dict[str, Tensor]]:
    """Directions as they were kept, by dotted parameter name."""
    named = [(key.partition(":"), tensor) for key, tensor in watched.states[-1].tensors.items() if ":" in key]
    return [{name: part for (k, _, name), part in named if k == number} for number in ("0", "1")]


class Stopping(Watched):
    """Stops once so many points are measured, however many were told by then."""

    def __init__(self, points: int) -> None:
        super().__init__(stop=lambda _: self.measured >= points)
        self.measured = 0

    def report(self, fraction: float, message: str = "") -> None:
        super().report(fraction, message)
        if " points, about " in message:
            self.measured = int(message.split()[0])


def loss_of(study: Study, weights: dict[str, Tensor], rows: Tensor) -> float:
    """The mean loss with these weights, by nothing of ours but the study."""
    model = study.model().double()
    with torch.no_grad():
        for name, value in weights.items():
            model.get_parameter(name).copy_(value)
        return float(
            study.loss(model(study.data.inputs("train", rows).double()), study.data.targets("train", rows))
        )


@pytest.mark.parametrize("kind", ["eigen", "random", "quantization"])
@pytest.mark.parametrize("dims", [1, 2])
def test_of_a_quadratic_the_prediction_is_the_measurement(kind: Any, dims: int) -> None:
    study = study_of(seeded(Line), loss=Loss("mse"))
    found = sliced(study, directions=kind, dims=dims, radius=2.0, dtype=DOUBLE)
    np.testing.assert_allclose(found.loss, found.predicted, rtol=1e-6)
    for mark in found.marks:
        assert mark.predicted == pytest.approx(mark.loss, rel=1e-6), "at the quantized weights themselves"
    assert found.loss.shape == (5,) * dims
    assert np.ptp(found.loss) > 0.01, "it is no plain"


def test_slope_and_curvature_are_those_of_finite_differences() -> None:
    """A tanh network, the eigenvectors of one layer: g.d, d.Hd and d1.Hd2 from five losses each."""
    study = study_of(seeded(Smooth), size=40)
    step = 1e-3
    for directions in ("eigen", "random"):
        found = sliced(study, block="first", directions=directions, radius=2 * step, dtype=DOUBLE)
        loss, c = found.loss, 2
        h = found.coordinates[3] - found.coordinates[2]
        assert h == pytest.approx(step)
        for axis, line in ((found.axes[0], loss[:, c]), (found.axes[1], loss[c, :])):
            slope = (line[0] - 8 * line[1] + 8 * line[3] - line[4]) / (12 * h)
            bend = (-line[0] + 16 * line[1] - 30 * line[2] + 16 * line[3] - line[4]) / (12 * h * h)
            assert axis.slope == pytest.approx(slope, rel=1e-6, abs=1e-10)
            assert axis.curvature == pytest.approx(bend, rel=1e-4, abs=1e-7)
        near = (loss[3, 3] - loss[3, 1] - loss[1, 3] + loss[1, 1]) / (4 * h * h)
        far = (loss[4, 4] - loss[4, 0] - loss[0, 4] + loss[0, 0]) / (16 * h * h)
        assert found.cross == pytest.approx((4 * near - far) / 3, rel=1e-4, abs=1e-7)


def test_along_a_width_its_mark_lies_on_the_slice_and_its_loss_is_the_slices() -> None:
    study = study_of(seeded(Mixed))
    for bits in (4, 2):
        length = sliced(study, block="grouped", directions="quantization", dims=1, bits=[bits]).axes[0].scale
        found = sliced(
            study,
            block="grouped",
            directions="quantization",
            dims=1,
            bits=[bits],
            radius=length,
            dtype=DOUBLE,
        )
        mark = next(mark for mark in found.marks if mark.bits == bits)
        assert mark.coordinates == pytest.approx((mark.norm,))
        assert mark.norm == pytest.approx(length, rel=1e-6)
        assert mark.share == pytest.approx(1)
        assert found.loss[-1] == pytest.approx(mark.loss, rel=1e-9)
        assert all(other.share < 1 for other in found.marks if other.bits != bits)


def test_a_mark_is_the_loss_of_the_quantized_network_wherever_that_is() -> None:
    study = study_of(seeded(Mixed))
    found = sliced(study, block=None, directions="random", dtype=DOUBLE)
    rows = hessian_rows(study.data.size("train"), 16, 0)
    weights = {f"{name}.weight" for name in ("stem", "depthwise", "grouped", "point", "linear")}
    assert [mark.bits for mark in found.marks] == list(MARKED)
    for mark in found.marks:
        quantized = {
            name: quantize_weight(study.network.get_parameter(name).double(), mark.bits) for name in weights
        }
        assert mark.loss == pytest.approx(loss_of(study, quantized, rows), rel=1e-9)
        moved = sum(
            float((value - study.network.get_parameter(name).detach()).square().sum())
            for name, value in quantized.items()
        )
        assert mark.norm == pytest.approx(moved**0.5, rel=1e-6)
        assert 0 <= mark.share <= 1
    longest = next(mark.norm for mark in found.marks if mark.bits == 4)
    assert found.radius == own_radius([longest], quantization=False)
    assert longest <= found.radius <= 1.7 * longest


@pytest.mark.parametrize("block", ["depthwise", "linear", None])
def test_every_point_is_the_loss_at_the_weights_it_stands_for(block: str | None) -> None:
    """Coarse to fine and replayed, or one direct evaluation each: the same grid."""
    study = study_of(seeded(Mixed))
    kept = Watched()
    found = sliced(study, block=block, directions="random", points=9, watcher=kept, dtype=DOUBLE)
    rows = hessian_rows(study.data.size("train"), 16, 0)
    first, second = directions_of(kept)
    for i in range(0, 9, 2):
        for j in range(9):
            weights = {
                name: study.network.get_parameter(name).double()
                + found.coordinates[i] * first[name]
                + found.coordinates[j] * second[name]
                for name in first
            }
            assert found.loss[i, j] == pytest.approx(loss_of(study, weights, rows), rel=1e-9)
    assert found.complete
    assert found.loss[4, 4] == pytest.approx(found.centre_loss, rel=1e-12)
    assert found.stderr[4, 4] == 0, "the centre does not differ from itself"


def test_the_error_of_a_point_is_that_of_the_paired_difference() -> None:
    study = study_of(seeded(Smooth), size=40)
    kept = Watched()
    found = sliced(study, directions="random", dims=1, samples=10, watcher=kept, dtype=DOUBLE)
    rows = hessian_rows(40, 10, 0)

    def losses(step: float) -> Tensor:
        model = study.model().double()
        with torch.no_grad():
            for name, part in directions_of(kept)[0].items():
                model.get_parameter(name).add_(step * part)
            outputs = model(study.data.inputs("train", rows).double())
        return study.loss.per_sample(outputs, study.data.targets("train", rows))

    difference = losses(float(found.coordinates[0])) - losses(0.0)
    expected = float(difference.std()) / math.sqrt(10) * math.sqrt(1 - 10 / 40)
    assert found.stderr[0] == pytest.approx(expected, rel=1e-9)
    assert sliced(study, directions="random", dims=1, samples=None).stderr[0] == 0, "nothing was drawn"


@pytest.mark.parametrize("count", [0, 1, 25, 40])
def test_stopped_and_resumed_it_ends_with_the_same_numbers(count: int) -> None:
    study = study_of(seeded(Mixed))
    asked: dict[str, Any] = {"block": "point", "directions": "quantization", "points": 9}
    whole = sliced(study, **asked)
    part = Stopping(count)
    with pytest.raises(Stopped):
        sliced(study, **asked, watcher=part)
    if count == 0:
        assert part.states == [], "before anything was known"
        return
    stored = part.states[-1]
    assert int(stored.tensors["measured"].sum()) == count
    assert sum(len(points["at"]) for points in part.series("points")) == count, (
        "all that was measured is told"
    )
    again = Watched(begun=State(json.loads(json.dumps(stored.state)), stored.tensors))
    ended = sliced(study, **asked, watcher=again)
    assert sum(len(points["at"]) for points in again.series("points")) == 81 - count, (
        "nothing is measured twice"
    )
    assert len(part.series("slice")) + len(again.series("slice")) == 2, (
        "with the directions, and with the marks"
    )
    np.testing.assert_array_equal(ended.loss, whole.loss)
    np.testing.assert_array_equal(ended.stderr, whole.stderr)
    np.testing.assert_array_equal(ended.predicted, whole.predicted)
    assert ended.marks == whole.marks
    assert ended.forwards > stored.state["slice"]["forwards"]


def test_a_resume_of_another_question_is_refused() -> None:
    study = study_of(seeded(Smooth))
    part = Stopping(2)
    with pytest.raises(Stopped):
        sliced(study, directions="random", watcher=part)
    with pytest.raises(CurvatureError, match="the slice to go on from is another one, of all blocks of tiny"):
        sliced(study, block="first", directions="random", watcher=Watched(begun=part.states[-1]))


@pytest.mark.parametrize("seconds", [0.0, 1e9])
def test_points_make_the_slice_whether_told_one_by_one_or_at_once(
    seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "RECORD_SECONDS", seconds)
    seen = Watched()
    found = sliced(study_of(seeded(Smooth)), directions="random", watcher=seen)
    frame, marked = (Slice.from_json(json.loads(json.dumps(each))) for each in seen.series("slice"))
    assert not frame.measured.any()
    assert marked.marks == found.marks
    built = frame
    for points in seen.series("points"):
        built = built.with_points(json.loads(json.dumps(points)))
    assert len(seen.series("points")) == (25 if seconds == 0 else 1)
    np.testing.assert_array_equal(built.loss, found.loss)
    np.testing.assert_array_equal(built.stderr, found.stderr)
    assert built.complete
    assert seen.fractions == sorted(seen.fractions)
    assert any(message == "25 of 25 points, about 0 s left" for _, message in seen.reports)


def test_losses_that_are_not_finite_are_kept_and_said() -> None:
    """A square root of the weights: beyond a point there is no loss."""

    class Rooted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.line = nn.Linear(72, 3, bias=False)
            with torch.no_grad():
                self.line.weight.fill_(0.5).add_(0.01 * torch.arange(216.0).view(3, 72).sin())

        def forward(self, x: Tensor) -> Tensor:
            return nn.functional.linear(x.flatten(1), self.line.weight.sqrt())

    found = sliced(study_of(Rooted()), directions="random", radius=200.0)
    assert found.not_finite > 0
    assert np.isfinite(found.centre_loss)
    assert np.isnan(found.loss).sum() == found.not_finite
    assert f"At {found.not_finite} points the loss is not finite" in found.note
    text = json.dumps(found.to_json())
    back = Slice.from_json(json.loads(text))
    np.testing.assert_array_equal(back.loss, found.loss)
    assert back.not_finite == found.not_finite


def test_json_and_back() -> None:
    found = sliced(study_of(seeded(Smooth)), directions="quantization", block="second", bits=[3, 2])
    record = json.loads(json.dumps(found.to_json()))
    back = Slice.from_json(record)
    assert back.to_json() == found.to_json() == record
    assert (back.axes, back.marks, back.bits) == (found.axes, found.marks, (3, 2))
    nulls = {**record, "marks": [{**record["marks"][0], "loss": None}]}
    assert math.isnan(Slice.from_json(nulls).marks[0].loss), "as the command line writes it"


def test_the_network_of_the_study_is_left_alone_and_work_is_counted() -> None:
    study = study_of(seeded(Mixed))
    before = {name: value.clone() for name, value in study.network.state_dict().items()}
    found = sliced(study, block="linear", directions="random", points=9)
    assert all(torch.equal(value, before[name]) for name, value in study.network.state_dict().items())
    assert found.forwards == 1 + 81 + len(MARKED)
    assert found.equivalents < 8, "the last layer costs next to nothing"
    assert "is replayed" in found.note
    first = sliced(study, block="stem", directions="random", points=9)
    assert first.equivalents >= 81
    assert first.products >= 5


def test_eigen_slices_are_of_the_same_rows_as_the_eigenvectors() -> None:
    """The curvature along the top eigenvector is its eigenvalue, to the residual; the plane has no cross term."""
    found = sliced(study_of(seeded(Smooth), size=40), block="first", samples=20, dtype=DOUBLE)
    top, second = found.axes
    assert top.curvature >= second.curvature
    assert abs(found.cross) < 1e-2 * abs(top.curvature)
    assert top.held_out is not None
    assert replace(found, loss=found.predicted).loss is found.predicted
    assert found.axes[0].label == "top eigenvector"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"directions": "up"}, "there are no directions 'up'; use one of eigen, random, quantization"),
        ({"dims": 3}, "dims=3 cannot be drawn; use 1 or 2"),
        ({"points": 10}, "points=10 cannot be refined"),
        ({"radius": 0.0}, "reaches nowhere"),
        ({"radius": math.nan}, "reaches nowhere"),
        ({"directions": "quantization", "bits": [4]}, "span no 2-D slice"),
        ({"directions": "quantization", "bits": [4, 4]}, "give 2 different widths"),
        ({"block": "nowhere"}, "tiny has no block 'nowhere'"),
    ],
)
def test_a_wrong_option_is_a_sentence(options: dict[str, Any], words: str) -> None:
    with pytest.raises(CurvatureError, match=words):
        measure_slice(study_of(seeded(Smooth)), **options)
