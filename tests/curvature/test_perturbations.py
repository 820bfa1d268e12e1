"""dW . H dW against the whole Hessian, by another route, sample by sample and over all samples."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from explorer.curvature import perturbations, weight_traces
from explorer.curvature.estimators import output_probes
from explorer.curvature.operators import tangents
from explorer.curvature.perturbations import perturbation_forms
from explorer.errors import CurvatureError
from explorer.studies import Loss, Study
from explorer.watching import Stopped
from tests.curvature.dense import dense_hessian
from tests.curvature.networks import Attention, Mixed, Smooth, Twice, seeded, study_of
from tests.watched import Watched


class Branch(nn.Module):
    """Two layers that make one block at module granularity, with mixed second derivatives."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(2, 3, 3, padding=1)
        self.second = nn.Conv2d(3, 2, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(torch.relu(self.first(x)))


class Nested(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.branch = Branch()
        self.head = nn.Linear(72, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.branch(x).flatten(1))


NETWORKS = {"nested": Nested, "mixed": Mixed, "smooth": Smooth, "twice": Twice, "attention": Attention}


def moved(study: Study, seed: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {
        layer.parameter: torch.randn(layer.shape, generator=generator) * 0.1
        for block in study.blocks()
        for layer in block.layers
    }


def dense_forms(
    study: Study, changes: list[dict[str, Tensor]], rows: Tensor | None, granularity: Any
) -> Tensor:
    forms = []
    for block in study.blocks(granularity):
        hessian = dense_hessian(study, block.parameters, rows)
        vectors = [torch.cat([c[name].double().flatten() for name in block.parameters]) for c in changes]
        forms.append(torch.stack([v @ hessian @ v for v in vectors]))
    return torch.stack(forms, 1)


@pytest.mark.parametrize("granularity", ["layer", "module"])
@pytest.mark.parametrize("name", NETWORKS)
def test_on_one_sample_the_form_is_the_hessians_to_rounding(name: str, granularity: Any) -> None:
    """With one row nothing is drawn; every kind of layer, tied weights and smooth activations are among them."""
    study = study_of(seeded(NETWORKS[name]))
    changes = [moved(study, 1), moved(study, 2)]
    row = torch.tensor([4])
    found = perturbation_forms(
        study,
        changes,
        blocks=study.blocks(granularity),
        samples=3,
        rows=row,
        dtype=torch.float64,
    )
    expected = dense_forms(study, changes, row, granularity)
    torch.testing.assert_close(found.values, expected, rtol=1e-6, atol=1e-9 * float(expected.abs().max()))
    assert float(found.stderrs.abs().max()) <= 1e-9 * float(expected.abs().max())


def saddle(outputs: Tensor, targets: Tensor) -> Tensor:
    """A loss whose Hessian at the outputs has eigenvalues of both signs."""
    return outputs[:, 0].square() - 0.5 * outputs[:, 1].square() + (outputs[:, 2] * outputs[:, 0]).sin()


LOSSES = [Loss("cross_entropy"), Loss("mse"), Loss("cross_entropy", 0.1, (1.0, 2.0, 0.5))]


@pytest.mark.parametrize("summed", [True, False])
@pytest.mark.parametrize("loss", LOSSES)
def test_drawn_samples_give_the_mean_over_all_to_within_their_error(
    loss: Loss, summed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over all directions at the outputs, and by random signs along them."""
    monkeypatch.setattr(perturbations, "_is_cheap_to_sum", lambda *_: summed)
    study = study_of(seeded(Mixed), loss=loss)
    changes = [moved(study, 1), moved(study, 2)]
    found = perturbation_forms(study, changes, samples=2000)
    expected = dense_forms(study, changes, None, "layer")
    off = (found.values - expected) / found.stderrs
    assert float(off.abs().max()) < 4.5
    assert 0.4 < float(off.square().mean()) < 2.5, "the errors are of the right size"
    assert found.products == 0, "a piecewise linear network needs no Hessian-vector product"


def test_many_outputs_are_summed_over_by_random_signs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tangents, "LARGEST_EIGEN", 2)
    study = study_of(seeded(Mixed))
    changes = [moved(study, 1)]
    found = perturbation_forms(study, changes, samples=3000)
    off = (found.values - dense_forms(study, changes, None, "layer")) / found.stderrs
    assert float(off.abs().max()) < 4.5


def test_a_loss_of_ones_own_that_is_not_convex_keeps_its_negative_curvature() -> None:
    loss = Loss("net.py:loss", function=lambda outputs, targets: -outputs.square().sum(1))
    study = study_of(seeded(nn.Sequential, nn.Flatten(), nn.Linear(72, 3)), loss=loss)
    changes = [moved(study, 1)]
    found = perturbation_forms(study, changes, samples=200)
    assert float(found.values) < 0
    assert abs(float(found.values - dense_forms(study, changes, None, "layer"))) < 4.5 * float(found.stderrs)


@pytest.mark.parametrize("loss", [LOSSES[0], Loss("net.py:saddle", function=saddle)])
def test_each_draw_is_unbiased_and_its_errors_are_of_the_right_size(loss: Loss) -> None:
    """Few draws a seed, signs at the outputs: the mean over seeds is the form, their scatter what each seed claims."""
    study = study_of(seeded(Mixed), loss=loss)
    changes = [moved(study, 1)]
    runs = [perturbation_forms(study, changes, samples=40, seed=seed) for seed in range(24)]
    values = torch.stack([run.values for run in runs])
    expected = dense_forms(study, changes, None, "layer")
    assert float(((values.mean(0) - expected) / (values.std(0) / len(runs) ** 0.5)).abs().max()) < 4
    claimed = torch.stack([run.stderrs for run in runs]).square().mean(0)
    assert 0.5 < float((claimed / values.var(0)).median()) < 2
    assert torch.equal(runs[0].draws.mean(0), runs[0].values)


def test_draws_double_until_every_form_is_precise_enough() -> None:
    study = study_of(seeded(Mixed))
    changes = [moved(study, 1), moved(study, 2)]
    found = perturbation_forms(study, changes, samples=100_000, rel_se=0.04)
    assert found.samples in {256 * 2**k for k in range(1, 9)}
    assert bool((found.stderrs <= 0.04 * found.values).all())
    before = found.draws[: found.samples // 2]
    assert bool((before.std(0) / len(before) ** 0.5 > 0.04 * before.mean(0)).any()), "half were not enough"
    assert perturbation_forms(study, changes, samples=300, rel_se=1e-6).samples == 300
    with pytest.raises(CurvatureError, match="rel_se=0 is no error to reach"):
        perturbation_forms(study, changes, rel_se=0)


def test_the_proposal_of_the_traces_saves_the_scoring_and_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    study = study_of(seeded(Mixed))
    changes = [moved(study, 1)]
    draws = weight_traces(study, rel_se=0.5).draws
    assert draws is not None
    alone = perturbation_forms(study, changes, samples=20)
    monkeypatch.setattr(output_probes, "scores", None)
    shared = perturbation_forms(study, changes, samples=20, proposal=draws.proposal)
    assert torch.equal(alone.values, shared.values)
    with pytest.raises(CurvatureError, match="the proposal is of 23 samples and the data are 5"):
        perturbation_forms(study, changes, rows=torch.arange(5), proposal=draws.proposal)


def test_draws_follow_the_seed_and_stay_when_other_blocks_are_asked_for() -> None:
    study = study_of(seeded(Mixed))
    changes = [moved(study, 1)]
    first, again, other = (perturbation_forms(study, changes, samples=20, seed=s) for s in (0, 0, 1))
    assert torch.equal(first.values, again.values)
    assert not torch.equal(first.values, other.values)


def test_progress_rises_to_the_end_and_stopping_stops() -> None:
    study = study_of(seeded(Nested))
    told = Watched()
    perturbation_forms(
        study,
        [moved(study, 1)],
        blocks=study.blocks("module"),
        samples=40,
        watcher=told,
    )
    assert told.fractions == sorted(told.fractions)
    assert told.fractions[-1] == pytest.approx(1)
    with pytest.raises(Stopped):
        perturbation_forms(study, [moved(study, 1)], watcher=Watched(stop=lambda _: True))
    with pytest.raises(CurvatureError, match="samples=1 gives no standard error"):
        perturbation_forms(study, [moved(study, 1)], samples=1)
