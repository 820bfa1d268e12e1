"""Networks whose gradients cannot be told apart by sample, and those that give one number a sample."""

import pytest
import torch
from torch import Tensor, nn

from explorer.curvature import activation_traces, weight_traces
from explorer.curvature.estimators import output_probes
from explorer.errors import CurvatureError, NoSampleGradients
from explorer.studies.losses import Loss
from tests.curvature.networks import dense_weight_trace, seeded, study_of


class OneNumber(nn.Module):
    """A regression whose outputs are (N,) and not (N, 1)."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(72, 4)
        self.last = nn.Linear(4, 1)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.last(torch.relu(self.first(x.flatten(1)))).squeeze(1)
        return out


class Moody(nn.Linear):
    """A layer that PyTorch differentiates for whole batches only, as a kernel of a person's own may."""

    def forward(self, x: Tensor) -> Tensor:
        out = super().forward(x)
        if out.requires_grad and len(x) < 4:
            out.register_hook(self.refuse)
        return out

    @staticmethod
    def refuse(_delta: Tensor) -> Tensor:
        raise ValueError("this kernel wants at least 4 samples")


@pytest.mark.parametrize("kind", ["mse", "factory"])
def test_a_network_with_one_number_a_sample_has_the_dense_hessians_trace(kind: str) -> None:
    """Outputs of one dimension ended in an IndexError."""
    loss = Loss("mse") if kind == "mse" else Loss(kind, function=lambda o, y: (o - y).square())
    study = study_of(seeded(OneNumber), size=9, loss=loss)
    exact = weight_traces(study, method="exact", dtype=torch.float64)
    for block in exact.blocks:
        assert block.trace == pytest.approx(dense_weight_trace(study, f"{block.name}.weight"), rel=1e-10)
    drawn = weight_traces(study, samples=2000)
    assert drawn.method == "output-probes"
    for a, b in zip(drawn.blocks, exact.blocks, strict=True):
        assert abs(a.trace - b.trace) <= 4 * a.stderr
    activation_traces(study, method="exact")


def moody() -> nn.Module:
    return nn.Sequential(nn.Flatten(), Moody(72, 4), nn.ReLU(), nn.Linear(4, 3))


def test_hessian_vector_products_stand_in_where_single_samples_cannot_be_differentiated() -> None:
    """What such an operator raises was a traceback; the note says in words what was done instead."""
    study = study_of(seeded(moody), size=8)
    found = weight_traces(study, samples=640, rel_se=0.5)
    assert found.method == "hutchinson"
    assert "gradients of single samples cannot be had from this network" in found.note
    assert "this kernel wants at least 4 samples" in found.note
    with pytest.raises(CurvatureError, match=r"at least 4 samples.*; use the method hutchinson"):
        weight_traces(study, method="output-probes")


def test_so_they_do_where_it_shows_only_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Samples that come after those that were looked at may go another way through the network."""

    def refuse(*_args: object, **_options: object) -> None:
        raise NoSampleGradients(
            "block 1: its Linear computes some samples in another way than the first ones"
        )

    monkeypatch.setattr(output_probes, "draws", refuse)
    study = study_of(seeded(OneNumber), size=8, loss=Loss("mse"))
    found = weight_traces(study, samples=640, rel_se=0.5)
    assert found.method == "hutchinson"
    assert "because block 1: its Linear computes some samples in another way" in found.note
    with pytest.raises(CurvatureError, match="the first ones; use the method hutchinson"):
        weight_traces(study, method="output-probes")
