"""What is kept of a computation: its draws, its history, and what it takes to go on."""

from collections.abc import Callable
from itertools import count

import pytest
import torch

from explorer.curvature import Draws, Kept, Traces, activation_traces, weight_traces
from explorer.curvature.estimators import reporting
from explorer.watching import Stopped, Unwatched
from tests.curvature.networks import Mixed, Smooth, seeded, study_of
from tests.watched import Watched

Estimate = Callable[..., Traces]


@pytest.mark.parametrize("method", ["exact", "output-probes"])
@pytest.mark.parametrize("estimate", [weight_traces, activation_traces])
def test_the_draws_are_what_the_traces_are_the_mean_of(method: str, estimate: object) -> None:
    study = study_of(seeded(Mixed), size=40)
    found = estimate(study, method=method, rel_se=0.1)  # type: ignore[operator]
    draws = found.draws
    assert draws.values.mean(0).tolist() == pytest.approx([b.trace for b in found.blocks], rel=1e-9)
    assert float(draws.proposal.sum()) == pytest.approx(1)
    assert len(draws.values) == found.blocks[0].samples
    again = Draws.from_tensors(draws.tensors())
    assert torch.equal(again.own_traces, draws.own_traces)


def test_own_traces_of_the_draws_are_those_of_single_samples() -> None:
    study = study_of(seeded(Mixed), size=12)
    exact = weight_traces(study, method="exact", dtype=torch.float64).draws
    assert exact is not None
    assert sorted(exact.positions.tolist()) == list(range(12))
    for position, own in zip(exact.positions.tolist(), exact.own_traces, strict=True):
        alone = weight_traces(study, method="exact", rows=torch.tensor([position]), dtype=torch.float64)
        assert own.tolist() == pytest.approx([b.trace for b in alone.blocks], rel=1e-10)
    drawn = weight_traces(study, rel_se=1e-9, samples=6000, dtype=torch.float64).draws
    assert drawn is not None
    one = drawn.positions == drawn.positions[0]
    values, true = drawn.own_traces[one], exact.own_traces[exact.positions == drawn.positions[0]][0]
    assert ((values.mean(0) - true).abs() <= 4 * values.std(0) / len(values) ** 0.5).all()


@pytest.mark.parametrize("method", ["exact", "output-probes", "hutchinson"])
def test_the_history_leads_to_the_result_and_is_not_long(method: str) -> None:
    found = weight_traces(study_of(seeded(Mixed), size=700), method=method, rel_se=0.1, samples=12_000)
    samples = [moment.samples for moment in found.history]
    assert samples == sorted(set(samples))
    assert 0 < len(samples) < 120
    last = found.history[-1]
    assert last.traces == tuple(b.trace for b in found.blocks)
    assert last.stderrs == tuple(b.stderr for b in found.blocks)
    assert (last.probes > 0) == (method != "exact")


@pytest.mark.parametrize("method", ["output-probes", "hutchinson"])
def test_a_smaller_error_continues_from_the_samples_kept(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = study_of(seeded(Mixed if method == "output-probes" else Smooth), size=60)
    first, then = (0.12, 0.06) if method == "output-probes" else (0.5, 0.3)
    coarse = weight_traces(study, method=method, rel_se=first, samples=60_000, seed=2)
    fine = weight_traces(study, method=method, rel_se=then, samples=60_000, seed=2)
    monkeypatch.setattr(reporting, "RECORD_SECONDS", 0.0)
    seen = Watched()
    extended = weight_traces(
        study, method=method, rel_se=then, samples=60_000, seed=2, resume=coarse.kept, watcher=seen
    )
    assert extended.blocks == fine.blocks
    samples = [point["blocks"][0]["samples"] for point in seen.series("blocks")]
    assert min(samples) > coarse.blocks[0].samples, "the first samples were not drawn again"
    assert not extended.unfinished


def test_an_exact_sum_that_is_stopped_goes_on_and_one_out_of_time_is_an_estimate() -> None:
    study = study_of(seeded(Mixed), size=1500)
    whole = weight_traces(study, method="exact", seed=3)
    ticks = count()
    part = weight_traces(study, method="exact", seed=3, max_seconds=35, clock=lambda: next(ticks))
    assert part.blocks[0].samples in (512, 1024)
    assert "not yet within" in part.note or not part.unfinished
    for a, b in zip(part.blocks, whole.blocks, strict=True):
        assert a.stderr > 0
        assert abs(a.trace - b.trace) <= 3.5 * a.stderr
    stopped = Watched(stop=lambda asked: asked >= 40)
    with pytest.raises(Stopped):
        weight_traces(study, method="exact", seed=3, watcher=stopped)
    kept = stopped.states[-1]
    assert len(kept.tensors["values"]) in (512, 1024)
    for rest in (
        weight_traces(study, method="exact", seed=3, watcher=Watched(begun=kept)),
        weight_traces(study, method="exact", seed=3, resume=part.kept),
    ):
        assert rest.blocks == whole.blocks
        assert all(b.stderr == 0 for b in rest.blocks)


def test_a_computation_stopped_before_anything_was_drawn_saves_nothing() -> None:
    stopped = Watched(stop=lambda _: True)
    with pytest.raises(Stopped):
        weight_traces(study_of(seeded(Mixed)), watcher=stopped)
    assert stopped.states == []


@pytest.mark.parametrize("estimate", [weight_traces, activation_traces])
@pytest.mark.parametrize("method", ["exact", "output-probes", "hutchinson"])
def test_the_time_allowed_is_kept_and_said(estimate: Estimate, method: str) -> None:
    """By a clock on which every report takes a second, so however fast the machine, the work is not over before."""
    now = 100.0

    class Ticking(Unwatched):
        def report(self, fraction: float, message: str = "") -> None:
            nonlocal now
            now += 1

    study = study_of(seeded(Mixed), size=3000)
    options = {"method": method, "rel_se": 1e-6, "samples": 10**7, "watcher": Ticking(), "clock": lambda: now}
    found = estimate(study, max_seconds=60, **options)
    assert found.blocks
    assert "the time allowed was over" in found.note
    assert found.unfinished
    assert found.seconds == 60
    later = estimate(study, max_seconds=20, resume=found.kept, **options)
    assert later.seconds == 80, "of both"
    assert later.blocks[0].samples > found.blocks[0].samples


def test_no_time_is_enough_for_nothing() -> None:
    none = weight_traces(study_of(seeded(Mixed)), method="output-probes", max_seconds=0.0, clock=lambda: 7.0)
    assert none.blocks == ()
    assert "while the samples were scored" in none.note


@pytest.mark.parametrize(
    ("probes", "jointly"), [("gaussian", True), ("rademacher", False), ("gaussian", False)]
)
def test_every_form_of_hutchinson_agrees_with_the_exact_trace(probes: str, jointly: bool) -> None:
    study = study_of(seeded(Mixed), size=30)
    for estimate, samples in ((weight_traces, 30 * 120), (activation_traces, 30 * 60)):
        exact = estimate(study, method="exact")
        found = estimate(
            study,
            method="hutchinson",
            probes=probes,
            jointly=jointly,
            rel_se=1e-6,
            samples=samples,
        )
        assert ("block at a time" in found.note) == (not jointly)
        assert ("normal variates" in found.note) == (probes == "gaussian")
        for a, b in zip(found.blocks, exact.blocks, strict=True):
            assert abs(a.trace - b.trace) <= 3.2 * a.stderr


def test_a_product_a_block_has_less_variance_than_a_joint_one_and_signs_less_than_normal_variates() -> None:
    """Jointly adds sum |H_ij|_F^2 over the other blocks; normal variates add the squares of the diagonal."""
    study = study_of(seeded(Smooth), size=20)
    kinds = (("rademacher", False), ("rademacher", True), ("gaussian", True))
    errors = []
    for probes, jointly in kinds:
        found = weight_traces(
            study,
            method="hutchinson",
            probes=probes,
            jointly=jointly,
            rel_se=1e-6,
            samples=20 * 300,
        )
        errors.append([b.stderr for b in found.blocks])
    alone, joint, gaussian = errors
    assert all(a < b for a, b in zip(alone, joint, strict=True))
    assert sum(joint) < sum(gaussian)


def test_kept_from_another_question_is_refused() -> None:
    study = study_of(seeded(Mixed))
    kept = weight_traces(study, rel_se=0.3).kept
    assert isinstance(kept, Kept)
    with pytest.raises(Exception, match="has of 'weights' and this computation 'activations'"):
        activation_traces(study, resume=kept)
