"""The estimators agree with the exact traces within their own standard errors, and those errors are
honest."""

import json
import math

import pytest
import torch
from torch import Tensor, nn

from explorer.curvature import Kept, Traces, activation_traces, weight_traces
from explorer.curvature.estimators import reporting
from explorer.errors import CurvatureError
from explorer.questions import TracesQuestion
from explorer.studies.losses import Loss
from explorer.watching import Stopped
from tests.curvature.networks import Attention, Mixed, Smooth, seeded, study_of
from tests.watched import Watched


def assert_agree(found: Traces, exact: Traces, within: float = 3.0) -> None:
    for a, b in zip(found.blocks, exact.blocks, strict=True):
        assert a.name == b.name
        assert abs(a.trace - b.trace) <= within * a.stderr + 1e-6 * abs(b.trace), (a, b)


@pytest.mark.parametrize("method", ["output-probes", "hutchinson"])
def test_estimators_agree_with_exact_on_a_convolutional_network(method: str) -> None:
    study = study_of(seeded(Mixed), size=70)
    exact = weight_traces(study, method="exact")
    found = weight_traces(study, method=method, rel_se=0.1, samples=64 * 300)
    assert found.method == method
    assert_agree(found, exact)


@pytest.mark.parametrize("method", ["auto", "hutchinson"])
def test_estimators_agree_on_activations(method: str) -> None:
    study = study_of(seeded(Mixed), size=30)
    assert_agree(
        activation_traces(study, method=method, rel_se=0.1, samples=30 * 200),
        activation_traces(study, method="exact"),
    )


@pytest.mark.parametrize("build", [Smooth, Attention])
def test_auto_sees_and_adds_the_remainder_of_a_smooth_network(build: type[nn.Module]) -> None:
    study = study_of(seeded(build), size=12)
    found = weight_traces(study, rel_se=0.1, samples=20_000)
    assert "not piecewise linear in" in found.note
    assert "remainder" in found.note
    assert_agree(found, weight_traces(study, method="exact", dtype=torch.float64))


def test_a_negative_trace_keeps_its_sign() -> None:
    concave = Loss("factory", function=lambda f, y: -f.square().sum(1))
    study = study_of(nn.Sequential(nn.Flatten(), seeded(nn.Linear, 72, 3)), loss=concave)
    x = study.data.inputs("train", slice(None)).flatten(1)
    expected = -6 * float(x.square().sum(1).mean())
    for method in ("exact", "output-probes", "hutchinson"):
        block = weight_traces(study, method=method, samples=2000).blocks[0]
        assert block.trace == pytest.approx(expected, abs=4 * block.stderr + 1e-4 * abs(expected))
        assert block.mean_trace < 0


@pytest.mark.slow
@pytest.mark.parametrize("method", ["output-probes", "hutchinson"])
def test_95_percent_intervals_cover_about_95_percent(method: str) -> None:
    study = study_of(
        nn.Sequential(nn.Flatten(), seeded(nn.Linear, 72, 6), nn.ReLU(), seeded(nn.Linear, 6, 3)), size=200
    )
    exact = weight_traces(study, method="exact")
    draws = 128 if method == "output-probes" else 64 * 10
    covered = total = 0
    for seed in range(100):
        found = weight_traces(study, method=method, seed=seed, samples=draws, rel_se=1e-9)
        for a, b in zip(found.blocks, exact.blocks, strict=True):
            covered += abs(a.trace - b.trace) <= 1.97 * a.stderr
            total += 1
    assert 0.91 <= covered / total <= 0.99


def test_it_stops_when_every_block_is_within_the_error_and_says_who_is_not() -> None:
    study = study_of(seeded(Mixed), size=40)
    done = weight_traces(study, rel_se=0.08)
    assert done.unfinished == ()
    assert all(b.stderr <= 0.08 * abs(b.trace) for b in done.blocks)
    short = weight_traces(study, rel_se=0.001, samples=300)
    assert set(short.unfinished) == {b.name for b in short.blocks}
    assert "not yet within 0.1%" in short.note
    assert all(block.samples == 300 for block in short.blocks)


@pytest.mark.parametrize("method", ["output-probes", "hutchinson"])
def test_interrupted_and_resumed_reaches_the_same_numbers(method: str) -> None:
    study = study_of(seeded(Smooth), size=40)
    whole = weight_traces(study, method=method, rel_se=1e-9, samples=1000, seed=4)
    question = TracesQuestion(method=method, rel_se=1e-9, samples=1000, seed=4)
    part = Watched(stop=lambda asked: asked >= 9)
    with pytest.raises(Stopped):
        weight_traces(study, question, watcher=part)
    assert part.states[-1].state["sums"], "what was reached is in what was saved"
    resumed = weight_traces(study, question, watcher=Watched(begun=part.states[-1]))
    assert resumed.blocks == whole.blocks
    with pytest.raises(CurvatureError, match="has seed 4"):
        weight_traces(study, question.but(seed=5), watcher=Watched(begun=part.states[-1]))


def test_progress_shows_growing_estimates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reporting, "RECORD_SECONDS", 0.0)
    seen = Watched()
    weight_traces(study_of(seeded(Mixed)), rel_se=0.1, watcher=seen)
    assert seen.fractions == sorted(seen.fractions)
    assert seen.fractions[0] >= 0
    assert seen.fractions[-1] <= 1
    last = seen.series("blocks")[-1]["blocks"]
    assert [block["name"] for block in last] == ["stem", "depthwise", "grouped", "point", "linear"]
    assert math.isfinite(last[0]["stderr"])


def test_points_and_states_come_at_most_so_often() -> None:
    """By a clock on which every report takes a second, one in two of them at 1.5 seconds."""
    now = 0.0

    class Ticking(Watched):
        def report(self, fraction: float, message: str = "") -> None:
            nonlocal now
            now += 1
            super().report(fraction, message)

    seen = Ticking()
    weight_traces(study_of(seeded(Mixed)), rel_se=0.1, watcher=seen, clock=lambda: now)
    drawn = [message for _, message in seen.reports if message.endswith("samples drawn")]
    assert len(seen.points) == len(seen.states)
    assert abs(len(seen.points) - len(drawn) / 2) <= 1


def test_a_question_and_its_options_one_by_one_are_the_same() -> None:
    study = study_of(seeded(Mixed))
    question = TracesQuestion(of="activations", rel_se=0.3, seed=2)
    assert activation_traces(study, question).blocks == activation_traces(study, rel_se=0.3, seed=2).blocks
    with pytest.raises(CurvatureError, match="the question is about the traces of activations"):
        weight_traces(study, question)
    with pytest.raises(CurvatureError, match="seed was given beside a question"):
        activation_traces(study, question, seed=3)


def test_json_is_the_contract_and_comes_back() -> None:
    found = weight_traces(study_of(seeded(Mixed)), rel_se=0.2)
    record = found.summary()
    assert set(record) == {"study", "of", "method", "blocks", "seconds"}
    assert set(record["blocks"][0]) == {"name", "n", "trace", "mean_trace", "stderr", "samples"}
    back = Traces.from_json(json.loads(json.dumps(found.to_json())))
    assert back == found
    assert found.draws is not None
    assert found.kept is not None
    assert back.kept == Kept(json.loads(json.dumps(found.kept.state)))
    again = back.with_draws(found.draws.tensors()).draws
    assert again is not None
    assert torch.equal(again.values, found.draws.values)


@pytest.mark.parametrize("method", ["auto", "exact", "hutchinson"])
def test_a_nan_weight_names_its_block(method: str) -> None:
    network = seeded(Mixed)
    network.grouped.weight.data[0] = math.nan
    with pytest.raises(CurvatureError, match="block grouped"):
        weight_traces(study_of(network), method=method)


@pytest.mark.parametrize("method", ["auto", "exact", "hutchinson"])
def test_an_infinite_output_names_the_block_it_starts_in(method: str) -> None:
    network = seeded(Mixed)
    network.get_parameter("point.bias").data[0] = math.inf
    with pytest.raises(CurvatureError, match=r"block (point|stem)"):
        weight_traces(study_of(network), method=method)


class Detached(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.used = nn.Linear(72, 3)
        self.idle = nn.Linear(72, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = x.flatten(1)
        return self.used(x) + self.idle(x).detach()


@pytest.mark.parametrize("method", ["auto", "exact", "hutchinson"])
def test_a_block_the_loss_does_not_depend_on_is_named(method: str) -> None:
    with pytest.raises(CurvatureError, match="block idle: the loss does not depend"):
        weight_traces(study_of(seeded(Detached)), method=method)


def test_the_study_is_left_as_it_was() -> None:
    study = study_of(seeded(Mixed))
    before = {k: v.clone() for k, v in study.network.state_dict().items()}
    state = torch.get_rng_state()
    weight_traces(study, rel_se=0.2)
    assert torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(v, study.network.state_dict()[k]) for k, v in before.items())
    assert study.network.get_submodule("relu").inplace
    assert not any(m._forward_hooks for m in study.network.modules())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"method": "best"}, "no method 'best'"),
        ({"rel_se": 0}, "rel_se=0 is no error to reach"),
        ({"samples": 1}, "samples=1 gives no standard error"),
        ({"probes": "sine"}, "there are no 'sine' probes; use one of rademacher, gaussian"),
        ({"sample": 9}, "there is no option sample"),
    ],
)
def test_a_wrong_option_is_told_in_a_sentence(options: dict, words: str) -> None:
    with pytest.raises(CurvatureError, match=words):
        weight_traces(study_of(seeded(Mixed)), **options)
