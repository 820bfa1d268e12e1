"""Products with the Hessian against the dense one, its gradient and forms, and mistakes that name the block."""

import pytest
import torch
from torch import Tensor, nn

from explorer.curvature.operators.hessian import HessianOperator, block_index, held_out_rows, hessian_rows
from explorer.curvature.operators.subject import Subject, prepare
from explorer.errors import CurvatureError
from explorer.studies.losses import Loss
from tests.curvature.dense import dense_hessian
from tests.curvature.networks import Attention, Mixed, Smooth, Twice, seeded, study_of

NETWORKS = [Mixed, Smooth, Twice, Attention]
DRAWN = 13


def operator(
    subject: Subject, block: int | None, *, chunk: int = 5, shares: Tensor | None = None
) -> HessianOperator:
    """On rows that chunks do not divide."""
    positions = hessian_rows(subject.size, DRAWN, 0)
    shares = torch.full((DRAWN,), 1 / DRAWN, dtype=torch.float64) if shares is None else shares
    return HessianOperator(subject, block=block, positions=positions, shares=shares, chunk=chunk)


def vector(dim: int, seed: int = 1) -> Tensor:
    return torch.randn(dim, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("whole", [False, True], ids=["each block", "whole network"])
def test_products_are_those_of_the_dense_hessian(network: type[nn.Module], whole: bool) -> None:
    study = study_of(seeded(network))
    subject = prepare(study, dtype=torch.float64)
    rows = hessian_rows(subject.size, DRAWN, 0)
    for block in [None] if whole else range(len(subject.blocks)):
        H = operator(subject, block)
        v = vector(H.dim)
        expected = dense_hessian(study, list(H.split(v)), rows)
        for _ in range(2):  # the second goes through the kept graph
            torch.testing.assert_close(H.matvec(v), expected @ v, rtol=1e-10, atol=1e-12)
        assert H.products == 2


@pytest.mark.parametrize("network", NETWORKS)
def test_forms_of_the_samples_are_those_of_each_sample_alone(network: type[nn.Module]) -> None:
    study = study_of(seeded(network))
    subject = prepare(study, dtype=torch.float64)
    H = operator(subject, None)
    v = vector(H.dim)
    product, forms = H.product_and_forms(v)
    alone = [
        v @ dense_hessian(study, list(H.split(v)), row) @ v
        for row in hessian_rows(subject.size, DRAWN, 0).split(1)
    ]
    torch.testing.assert_close(forms, torch.stack(alone), rtol=1e-9, atol=1e-11)
    torch.testing.assert_close(product, H.matvec(v), rtol=1e-10, atol=1e-12)


def test_forms_without_a_third_derivative_are_taken_one_by_one() -> None:
    study = study_of(seeded(TwiceOnly))
    subject = prepare(study, dtype=torch.float64)
    H = operator(subject, block_index(subject, "first"))
    v = vector(H.dim)
    product, forms = H.product_and_forms(v)
    assert float(forms.mean()) == pytest.approx(float(v @ product), rel=1e-10)
    torch.testing.assert_close(product, H.matvec(v))
    assert len(set(forms.tolist())) == DRAWN


@pytest.mark.parametrize("chunk", [1, 4, 13, 64])
def test_chunks_and_shares_are_no_matter(chunk: int) -> None:
    """Unequal shares, chunks that do not divide the rows, and graphs that are not kept."""
    study = study_of(seeded(Mixed))
    subject = prepare(study, dtype=torch.float64)
    shares = torch.rand(DRAWN, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    H, usual = operator(subject, 2, chunk=chunk, shares=shares), operator(subject, 2, shares=shares)
    v = vector(H.dim)
    expected = (shares * usual.per_sample_forms(v)).sum()
    assert float(v @ H.matvec(v)) == pytest.approx(float(expected), rel=1e-10)
    H._room, H._graphs = 0, {}
    torch.testing.assert_close(H.matvec(v), usual.matvec(v))
    torch.testing.assert_close(H.gradient(), usual.gradient())


def test_the_gradient_is_that_of_the_mean_loss() -> None:
    study = study_of(seeded(Attention))
    subject = prepare(study, dtype=torch.float64)
    H = operator(subject, None)
    inputs, targets = subject.batch(hessian_rows(subject.size, DRAWN, 0))
    names = list(H.split(torch.zeros(H.dim)))
    parameters = dict(subject.model.named_parameters())
    expected = torch.autograd.grad(study.loss(subject.model(inputs), targets), [parameters[n] for n in names])
    torch.testing.assert_close(H.gradient(), torch.cat([g.flatten() for g in expected]))


def test_a_vector_comes_apart_by_name_and_together_again() -> None:
    subject = prepare(study_of(seeded(Twice)), granularity="layer")
    H = operator(subject, None)
    v = vector(H.dim)
    assert set(H.split(v)) == {"enter.weight", "shared.weight"}, "a tied weight is there once"
    assert torch.equal(H.join(H.split(v)), v.float())


def test_other_weights_require_gradients_again_afterwards() -> None:
    subject = prepare(study_of(seeded(Smooth)))
    H = operator(subject, 1)
    H.matvec(torch.ones(H.dim))
    assert all(parameter.requires_grad for parameter in subject.model.parameters())


def test_a_smaller_draw_is_the_first_of_a_larger_one_and_none_is_held_out_twice() -> None:
    drawn = hessian_rows(100, 30, 5)
    assert torch.equal(drawn, hessian_rows(100, 50, 5)[:30])
    assert len(set(drawn.tolist())) == 30
    assert not torch.equal(drawn, hessian_rows(100, 30, 6))
    assert torch.equal(hessian_rows(100, None, 5), torch.arange(100))
    assert torch.equal(hessian_rows(100, 100, 5), torch.arange(100))
    held_out = held_out_rows(100, 30, 5)
    assert len(held_out) == 30
    assert not set(held_out.tolist()) & set(drawn.tolist())
    assert [len(held_out_rows(100, n, 5)) for n in (70, 100, None)] == [30, 0, 0]


def test_a_network_without_curvature_has_products_of_zero() -> None:
    """A linear network with a linear loss: nothing to differentiate a second time."""
    loss = Loss("linear", function=lambda outputs, targets: outputs.sum(1) * (targets + 1))
    subject = prepare(study_of(nn.Sequential(nn.Flatten(), nn.Linear(72, 3)), loss=loss))
    H = operator(subject, 0)
    product, forms = H.product_and_forms(torch.ones(H.dim))
    assert not product.any()
    assert not forms.any()
    assert not H.matvec(torch.ones(H.dim)).any()


def test_a_block_that_the_loss_does_not_depend_on_is_named() -> None:
    subject = prepare(study_of(seeded(Idle)))
    H = operator(subject, block_index(subject, "idle"))
    for asked in (H.matvec, H.product_and_forms):
        with pytest.raises(CurvatureError, match="block idle: the loss does not depend on its weight"):
            asked(torch.ones(H.dim))


def test_a_value_that_is_not_finite_names_the_block() -> None:
    loss = Loss("broken", function=lambda outputs, targets: outputs.pow(2).sum(1) / (targets.clamp(max=0)))
    subject = prepare(study_of(seeded(Smooth), loss=loss))
    H = operator(subject, 1)
    with pytest.raises(CurvatureError, match="block second: its curvature is not finite"):
        H.matvec(torch.ones(H.dim))


def test_an_operation_without_second_derivative_names_the_block_before_it() -> None:
    subject = prepare(study_of(seeded(OnceOnly)))
    H = operator(subject, 0)
    for asked in (H.matvec, H.product_and_forms):
        with pytest.raises(CurvatureError, match="block first: an operation after it cannot be diff"):
            asked(torch.ones(H.dim))


def test_a_block_that_is_not_there_is_named_with_those_that_are() -> None:
    subject = prepare(study_of(seeded(Smooth)))
    with pytest.raises(CurvatureError, match="there is no block 'third'; use one of first, second"):
        block_index(subject, "third")


class Idle(Smooth):
    """A layer whose output goes nowhere."""

    def __init__(self) -> None:
        super().__init__()
        self.idle = nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        out = super().forward(x)
        self.idle(out)
        return out


class _Once(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
        ctx.save_for_backward(x)
        return x**2

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, slope: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
        return 2 * ctx.saved_tensors[0] * slope


class _Twice(torch.autograd.Function):
    """x^3 whose derivative is written with an operation that has one derivative itself."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, slope: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
        return 3 * slope * _Once.apply(ctx.saved_tensors[0])  # type: ignore[no-untyped-call]


class OnceOnly(Smooth):
    def forward(self, x: Tensor) -> Tensor:
        return self.second(_Once.apply(self.first(x.flatten(1))))  # type: ignore[no-untyped-call]


class TwiceOnly(Smooth):
    def forward(self, x: Tensor) -> Tensor:
        return self.second(_Twice.apply(self.first(x.flatten(1))))  # type: ignore[no-untyped-call]
