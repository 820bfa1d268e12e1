"""Changes of the outputs, by tangents and by differences, against dense Jacobians and direct differences."""

from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from explorer.curvature import output_changes as module
from explorer.curvature.operators import tangents
from explorer.curvature.operators.output_hessian import output_hessians
from explorer.curvature.output_changes import OutputChanges, output_changes
from explorer.curvature.perturbations import perturbation_forms
from explorer.errors import CurvatureError
from explorer.studies import Loss, Study
from explorer.watching import Stopped
from tests.curvature.networks import Attention, Mixed, Smooth, Twice, in_double, seeded, study_of
from tests.curvature.test_perturbations import Nested, moved
from tests.padded import Padded
from tests.watched import Watched


class Folded(nn.Module):
    """Rows of the image folded into the batch, so that a layer sees more inputs than there are samples."""

    def __init__(self) -> None:
        super().__init__()
        self.rows = nn.Linear(12, 3)
        self.leave = nn.Linear(18, 3)

    def forward(self, x: Tensor) -> Tensor:
        rows = x.permute(0, 2, 1, 3).reshape(-1, 12)
        return self.leave(torch.relu(self.rows(rows)).reshape(len(x), -1))


NETWORKS = {
    "nested": Nested,
    "mixed": Mixed,
    "smooth": Smooth,
    "twice": Twice,
    "attention": Attention,
    "padded": Padded,
    "folded": Folded,
}
ROW = torch.tensor([4])


def forms(found: OutputChanges, choice: tuple[int, ...]) -> Tensor:
    """(M,) of one change for each block."""
    total = sum(found.parts[:, block, k] for block, k in enumerate(choice))
    assert isinstance(total, Tensor)
    return (found.signs * total.square()).sum(1)


def outputs(study: Study, changes: dict[str, Tensor]) -> Tensor:
    """Of all training samples, in float64, with the weights changed."""
    model = study.model().double()
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
        for name, change in changes.items():
            model.get_parameter(name).add_(change.double())
        return model(in_double(study, slice(None))[0])


def by_outputs(study: Study, move: Any, choice: tuple[int, ...], changes: list[dict[str, Tensor]]) -> Tensor:
    """Of all training samples, (Σ u_i)ᵀ H_L (Σ u_i) with u_i by ``move`` of one block's own changes."""
    plain = outputs(study, {})
    total = torch.zeros_like(plain)
    for block, k in zip(study.blocks(), choice, strict=True):
        total += move(study, {name: changes[k][name] for name in block.parameters})
    hessians = output_hessians(study.loss, plain, study.data.targets("train", slice(None)))
    return torch.einsum("nc,ncd,nd->n", total, hessians, total)


def difference(study: Study, changes: dict[str, Tensor]) -> Tensor:
    return outputs(study, changes) - outputs(study, {})


def tangent(study: Study, changes: dict[str, Tensor]) -> Tensor:
    """J dW by a central difference with a step so small that no activation crosses a kink."""
    step = 1e-6
    ahead, behind = (outputs(study, {n: s * c.double() for n, c in changes.items()}) for s in (step, -step))
    return (ahead - behind) / (2 * step)


@pytest.mark.parametrize(("how", "move"), [("tangents", tangent), ("differences", difference)])
@pytest.mark.parametrize("name", NETWORKS)
def test_on_one_sample_the_form_is_that_of_the_outputs_changes(name: str, how: Any, move: Any) -> None:
    """Every choice of changes, on convolutions, tied weights, attention and smooth activations alike."""
    study = study_of(seeded(NETWORKS[name]))
    changes = [moved(study, 1), moved(study, 2)]
    found = output_changes(study, changes, how=how, samples=2, rows=ROW, dtype=torch.float64)
    assert found.distinct == 1
    for choice in list(product(range(2), repeat=len(study.blocks())))[::5]:
        expected = by_outputs(study, move, choice, changes)[ROW]
        torch.testing.assert_close(forms(found, choice)[:1], expected, rtol=1e-5, atol=1e-12)


@pytest.mark.parametrize("how", ["tangents", "differences"])
@pytest.mark.parametrize("loss", [Loss("cross_entropy"), Loss("mse")])
def test_drawn_samples_give_the_mean_over_all_to_within_their_error(loss: Loss, how: Any) -> None:
    study = study_of(seeded(Mixed), loss=loss)
    changes = [moved(study, 1), moved(study, 2)]
    move = tangent if how == "tangents" else difference
    choices = [(0,) * 5, (1,) * 5, (0, 1, 0, 1, 1)]
    expected = [float(by_outputs(study, move, choice, changes).mean()) for choice in choices]
    offs = []
    for seed in range(8):
        found = output_changes(study, changes, how=how, samples=100, seed=seed)
        for choice, value in zip(choices, expected, strict=True):
            each = forms(found, choice)
            offs.append((float(each.mean()) - value) / float(each.std()) * len(each) ** 0.5)
    assert max(map(abs, offs)) < 4.5
    assert 0.4 < sum(off**2 for off in offs) / len(offs) < 2.2, "the errors are of the right size"


@pytest.mark.parametrize("how", ["tangents", "differences"])
def test_small_changes_alone_are_the_hessians_forms(how: Any) -> None:
    """The terms of one block where the network is piecewise linear, against `perturbation_forms`, on one sample."""
    study = study_of(seeded(Mixed))
    small = {name: change * 1e-4 for name, change in moved(study, 3).items()}
    found = output_changes(study, [small], how=how, samples=2, rows=ROW, dtype=torch.float64)
    alone = (found.signs[:, None] * found.parts[:, :, 0].square()).sum(2)[0]
    expected = perturbation_forms(study, [small], samples=2, rows=ROW, dtype=torch.float64).values[0]
    torch.testing.assert_close(alone, expected, rtol=1e-4, atol=0.0)


@pytest.mark.parametrize("how", ["tangents", "differences"])
def test_many_outputs_are_summed_over_by_random_signs(how: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for holder in (tangents, module):
        monkeypatch.setattr(holder, "LARGEST_EIGEN", 2)
    study = study_of(seeded(Mixed))
    changes = [moved(study, 1)]
    found = output_changes(study, changes, how=how, samples=500)
    assert found.parts.shape[3] == 1
    each = forms(found, (0,) * 5)
    expected = by_outputs(study, tangent if how == "tangents" else difference, (0,) * 5, changes).mean()
    assert abs(float(each.mean() - expected)) < 4.5 * float(each.std()) / len(each) ** 0.5


def test_a_loss_that_is_not_convex_keeps_its_negative_curvature() -> None:
    loss = Loss("net.py:loss", function=lambda outputs, targets: -outputs.square().sum(1))
    study = study_of(seeded(nn.Sequential, nn.Flatten(), nn.Linear(72, 3)), loss=loss)
    found = output_changes(study, [moved(study, 1)], samples=20)
    assert bool((forms(found, (0,)) < 0).all())


def test_beginnings_are_replayed_and_the_first_change_records_them() -> None:
    """What comes before a block runs once, not once a change: fewer passes than one for each block and change."""
    study = study_of(seeded(Mixed))
    changes = [moved(study, seed) for seed in range(4)]
    found = output_changes(study, changes, how="differences", samples=30)
    scoring, plain = study.data.size("train"), found.distinct
    each = (found.passes - scoring - plain) / (found.distinct * 5 * 4)
    assert 0.2 < each < 0.9


def test_draws_follow_the_seed_progress_rises_and_stopping_stops() -> None:
    study = study_of(seeded(Mixed))
    changes = [moved(study, 1)]
    told = Watched()
    first = output_changes(study, changes, samples=20, watcher=told)
    assert torch.equal(first.parts, output_changes(study, changes, samples=20).parts)
    assert not torch.equal(first.parts, output_changes(study, changes, samples=20, seed=1).parts)
    assert told.fractions == sorted(told.fractions)
    assert told.fractions[-1] == pytest.approx(1)
    with pytest.raises(Stopped):
        output_changes(study, changes, watcher=Watched(stop=lambda _: True))
    with pytest.raises(CurvatureError, match="samples=1 gives no standard error"):
        output_changes(study, changes, samples=1)
