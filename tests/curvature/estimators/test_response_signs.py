"""Signs along the directions in which the outputs answer leave the traces unbiased and make a draw less noisy."""

import pytest
import torch
from torch import nn

from explorer.curvature import weight_traces
from explorer.curvature.estimators import output_probes, response_signs
from explorer.curvature.operators.output_hessian import roots
from explorer.curvature.operators.per_sample import Factors, squared_norms
from explorer.curvature.operators.sample_gradients import SampleGradients
from explorer.curvature.operators.subject import prepare
from explorer.randomness import Stream, generator
from explorer.studies.losses import Loss
from explorer.studies.study import Study
from tests.curvature.networks import seeded, study_of

CLASSES = 80


def many_classes() -> Study:
    """A network that squeezes its input before it tells many classes apart."""
    network = nn.Sequential(
        nn.Flatten(),
        seeded(nn.Linear, 72, 12),
        nn.ReLU(),
        seeded(nn.Linear, 12, 6),
        nn.ReLU(),
        seeded(nn.Linear, 6, CLASSES),
    )
    return study_of(network, size=24)


def test_the_signs_second_moment_is_the_identity() -> None:
    """What makes every draw unbiased, whatever the responses are."""
    torch.manual_seed(0)
    outputs = torch.randn(1, 5)
    (root,) = roots(Loss("cross_entropy"), outputs, torch.tensor([1]))
    among = torch.randn(5, 2, dtype=torch.float64)
    source = generator(Stream.OUTPUT_PROBE_SIGNS, 0)
    z = torch.stack([response_signs.signs_along(root, 1, among, source)[0] for _ in range(6000)])
    products = z.unsqueeze(2) * z.unsqueeze(1)
    errors = products.std(0) / len(z) ** 0.5
    assert ((products.mean(0) - torch.eye(5)).abs() <= 4 * errors + 1e-9).all()


def test_the_transposed_root_is_the_transposed_root() -> None:
    outputs, targets = torch.randn(3, 4, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 1, 3])
    (root,) = roots(Loss("cross_entropy", class_weights=(1.0, 2.0, 0.5, 1.0)), outputs, targets)
    columns = [root.times(torch.eye(4, dtype=torch.float64)[c].expand(3, 4)) for c in range(4)]
    assert root.transposed is not None
    for n in range(3):
        s = torch.stack([column[n] for column in columns], 1)
        assert torch.allclose(root.transposed(torch.eye(4, dtype=torch.float64), n), s.T, atol=1e-12)


def test_traces_agree_with_the_exact_ones_and_a_draw_varies_less() -> None:
    study = many_classes()
    exact = weight_traces(study, method="exact")
    found = weight_traces(study, method="output-probes", rel_se=1e-6, samples=1500)
    for ours, true in zip(found.blocks, exact.blocks, strict=True):
        assert abs(ours.trace - true.trace) <= 3.5 * ours.stderr

    subject = prepare(study)
    engine = SampleGradients(subject, "weights")
    output_probes.check(subject, engine)
    q = torch.full((subject.size,), 1 / subject.size, dtype=torch.float64)
    among = response_signs.responses(subject, q, seed=0)
    assert among is not None
    along, plain = (
        output_probes.draws(subject, engine, q, seed=0, first=0, count=1500, chunk=64, among=each)[1]
        for each in (among, None)
    )
    engine.close()
    assert (along.var(0)[:2] < 0.7 * plain.var(0)[:2]).all()


def test_the_weights_are_as_they_were_and_few_classes_have_no_responses() -> None:
    subject = prepare(many_classes())
    before = [parameter.detach().clone() for parameter in subject.model.parameters()]
    q = torch.full((subject.size,), 1 / subject.size, dtype=torch.float64)
    found = response_signs.responses(subject, q, seed=0)
    assert found is not None
    assert found.shape == (CLASSES, response_signs.RESPONSES)
    assert torch.allclose(found.norm(dim=0), torch.ones(len(found.T), dtype=torch.float64))
    assert all(map(torch.equal, before, subject.model.parameters()))

    few = prepare(study_of(nn.Sequential(nn.Flatten(), seeded(nn.Linear, 72, 3)), size=6))
    assert response_signs.responses(few, torch.full((6,), 1 / 6, dtype=torch.float64), seed=0) is None


@pytest.mark.parametrize("outputs", [1, 3])
def test_norms_of_groups_do_not_depend_on_the_order_in_memory(outputs: int) -> None:
    """Gradients of depthwise layers often come with channels last; they are put in order before the products."""
    torch.manual_seed(0)
    a, d = torch.randn(2, 6, 4, 9), torch.randn(2, 6, outputs, 9)
    last = d.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)
    assert not last.is_contiguous()
    expected = torch.einsum("ngop,ngkp->ngok", d, a).square().sum((1, 2, 3))
    assert torch.allclose(squared_norms([Factors(a, (last,))]), expected, rtol=1e-5)
