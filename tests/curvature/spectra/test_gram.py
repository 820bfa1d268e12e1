"""Eigenvalues from the Gram matrices of gradients, against dense Hessians, Lanczos and Hessian-vector products."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from explorer.blocks import Granularity
from explorer.curvature.operators import gradient_rows
from explorer.curvature.operators.gradient_rows import Shape
from explorer.curvature.operators.hessian import HessianOperator, hessian_rows
from explorer.curvature.operators.sample_gradients import SampleGradients
from explorer.curvature.operators.subject import prepare
from explorer.curvature.spectra import gathering, gram, spectrum
from explorer.curvature.spectra.eigenpairs import Eigenpairs, every_eigenpairs, top_eigenpairs
from explorer.curvature.spectra.gram import block_spectra
from explorer.curvature.spectra.spectrum import SpectralDensity, spectral_density
from explorer.errors import CurvatureError
from explorer.studies.data.samples import Rows
from explorer.studies.losses import Loss
from explorer.studies.study import Study
from explorer.watching import Stopped
from tests.curvature.dense import dense_hessian
from tests.curvature.networks import Attention, Mixed, Smooth, Twice, seeded, study_of, token_study
from tests.watched import Watched

PRECISE: dict[str, Any] = {"samples": None, "dtype": torch.float64}


class Perceptron(nn.Module):
    """Layers without positions, the first with more weights than there are rows, the last with fewer."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.last = nn.Linear(72, 6), nn.Linear(6, 5), nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(torch.relu(self.second(torch.relu(self.first(x.flatten(1))))))


class Branches(nn.Module):
    """A weight in two layers of different strides, one of which is called twice, and a transposed convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(2, 4, 3, stride=2, groups=2, padding=1)
        self.near, self.far = nn.Conv2d(4, 3, 3, stride=2), nn.Conv2d(4, 3, 3, stride=3, padding=1)
        self.far.weight = self.near.weight
        self.leave = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.up(x))
        near = torch.relu(self.near(x)).mean((2, 3)) + self.near(x.flip(2)).amax((2, 3))
        return self.leave(torch.cat([near, torch.relu(self.far(x)).mean((2, 3))], 1))


class Bent(nn.Module):
    """A convolution before a GELU and a classifier after it: only the second has no remainder."""

    def __init__(self) -> None:
        super().__init__()
        self.before, self.after = nn.Conv2d(2, 3, 3), nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.after(F.gelu(self.before(x)).mean((2, 3)))


class Pair(nn.Module):
    """Two layers of one module."""

    def __init__(self) -> None:
        super().__init__()
        self.enter, self.leave = nn.Linear(72, 4), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.leave(torch.relu(self.enter(x)))


def truth(study: Study, block: str, rows: Tensor | None = None) -> Tensor:
    """Eigenvalues of the dense Hessian, largest first."""
    [parameters] = [each.parameters for each in study.blocks() if each.name == block]
    return torch.linalg.eigvalsh(dense_hessian(study, parameters, rows)).flip(0)


@pytest.fixture(params=["rows", "factors"])
def kept_as(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gradients are kept one way or the other, and matrices are formed from small pieces."""
    monkeypatch.setattr(Shape, "by_rows", lambda *_: request.param == "rows")
    monkeypatch.setattr(gradient_rows, "_PANEL_BYTES", 2000)
    monkeypatch.setattr(gradient_rows, "_STRIP", 7)
    monkeypatch.setattr(gathering, "_MOST", 4)


@pytest.mark.usefixtures("kept_as")
@pytest.mark.parametrize(
    ("network", "loss", "size"),
    [
        (Perceptron, "cross_entropy", 9),
        (Perceptron, "mse", 11),
        (Perceptron, "bce_with_logits", 7),
        (Mixed, "cross_entropy", 9),
        (Branches, "mse", 9),
    ],
)
def test_all_eigenvalues_are_those_of_the_dense_hessian(
    network: type[nn.Module], loss: str, size: int
) -> None:
    """With more weights than rows, where the others are zero, and with fewer."""
    study = study_of(seeded(network), size=size, loss=Loss(loss))
    found = list(block_spectra(study, **PRECISE))
    assert [each.block for each in found] == [block.name for block in study.blocks()]
    sides = set()
    for each in found:
        expected = truth(study, each.block)
        scale = float(expected[0])
        assert each.n == len(expected)
        sides.add(len(each.values) < each.n)
        padded = torch.cat([each.values, torch.zeros(each.n - len(each.values))])
        np.testing.assert_allclose(padded, expected, rtol=1e-6, atol=1e-9 * scale)
        assert each.trace == pytest.approx(float(expected.sum()), rel=1e-9)
    assert sides == {True, False}
    directions = 3 if loss != "cross_entropy" else 2
    assert max(len(each.values) for each in found) <= size * directions, "a softmax needs C - 1"


@pytest.mark.usefixtures("kept_as")
@pytest.mark.parametrize("dense", [True, False])
def test_pairs_are_lanczos_own_with_their_errors(dense: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gram, "DENSE_PAIRS", 10_000 if dense else 0)
    monkeypatch.setattr(gram, "LARGEST_DENSE", 10_000 if dense else 0)
    study = study_of(seeded(Mixed), size=40)
    options: dict[str, Any] = {"k": 2, "samples": 14, "seed": 3, "whole": False}
    ours = list(every_eigenpairs(study, **options))
    theirs = list(every_eigenpairs(study, method="lanczos", tol=1e-6, **options))
    assert {pairs.method for pairs in ours} == {"gram"}
    assert {pairs.method for pairs in theirs} == {"lanczos"}
    for a, b in zip(ours, theirs, strict=True):
        for name in ("values", "stderrs", "held_out", "held_out_stderrs"):
            np.testing.assert_allclose(getattr(a, name), getattr(b, name), rtol=1e-4, err_msg=name)
        assert (a.n, a.samples, a.products, all(a.converged)) == (b.n, b.samples, 0, True)
        assert max(a.residuals) <= 1e-4 * a.values[0]
        for v, w in zip(a.vectors, b.vectors, strict=True):
            [(name, own)], [(other, like)] = v.items(), w.items()
            assert name == other
            torch.testing.assert_close(own, like, rtol=0, atol=2e-3)


@pytest.mark.parametrize("network", [Perceptron, Mixed, Branches])
@pytest.mark.parametrize("dense", [True, False])
def test_eigenvectors_satisfy_their_equation_by_hessian_vector_products(
    network: type[nn.Module], dense: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gram, "DENSE_PAIRS", 10_000 if dense else 0)
    study = study_of(seeded(network), size=9)
    subject = prepare(study, dtype=torch.float64)
    shares = torch.full((9,), 1 / 9, dtype=torch.float64)
    for index, pairs in enumerate(every_eigenpairs(study, k=3, whole=False, tol=1e-10, **PRECISE)):
        assert pairs.method == "gram"
        operator = HessianOperator(subject, block=index, positions=torch.arange(9), shares=shares, chunk=9)
        for value, vector in zip(pairs.values, pairs.vectors, strict=True):
            v = operator.join(vector)
            assert float(v.norm()) == pytest.approx(1)
            torch.testing.assert_close(operator.matvec(v), value * v, rtol=0, atol=1e-7 * pairs.values[0])


@pytest.mark.parametrize("which", ["smallest", "magnitude"])
def test_either_end_is_found(which: str) -> None:
    """Where there are fewer rows than weights the smallest is 0, and its vector lies outside the rows."""
    study = study_of(seeded(Perceptron), size=4)
    for pairs in every_eigenpairs(study, which=which, whole=False, k=1, tol=1e-9, **PRECISE):
        values = truth(study, str(pairs.block))
        expected = values[:1] if which == "magnitude" else values[-1:]
        np.testing.assert_allclose(pairs.values, expected, atol=1e-8 * float(values[0]))
        assert pairs.method == "gram"
        assert all(pairs.converged)


def test_more_pairs_than_rows_are_orthonormal_and_zero() -> None:
    study = study_of(seeded(Perceptron), size=2)
    found = top_eigenpairs(study, block="first", k=7, tol=1e-9, max_products=60, **PRECISE)
    np.testing.assert_allclose(found.values, truth(study, "first")[:7], atol=1e-9)
    vectors = torch.stack([next(iter(v.values())).flatten() for v in found.vectors])
    torch.testing.assert_close(vectors @ vectors.T, torch.eye(7, dtype=torch.float64), atol=1e-6, rtol=0)


def methods(found: list[Eigenpairs]) -> dict[str | None, str | None]:
    return {pairs.block: pairs.method for pairs in found}


def test_only_what_has_no_remainder_comes_from_the_gradients() -> None:
    study = study_of(seeded(Bent), size=8)
    found = list(every_eigenpairs(study, tol=1e-9, **PRECISE))
    assert methods(found) == {"before": "lanczos", "after": "gram", None: "lanczos"}
    assert [each.block for each in block_spectra(study, **PRECISE)] == ["after"]
    for pairs in found[:2]:
        np.testing.assert_allclose(pairs.values, truth(study, str(pairs.block))[:2], rtol=1e-6)
    assert methods(list(every_eigenpairs(study_of(seeded(Twice)), samples=9))) == {
        "enter": "gram", "shared": "lanczos", None: "lanczos",
    }  # fmt: skip
    assert methods(list(every_eigenpairs(token_study(), samples=9, whole=False)))["leave"] == "gram"
    assert methods(list(every_eigenpairs(study_of(seeded(Attention)), samples=9)))["mlp"] == "lanczos"
    asked = every_eigenpairs(study, samples=4, method="power", max_products=5)
    assert set(methods(list(asked)).values()) == {"power"}


def test_blocks_of_several_layers_have_mixed_derivatives() -> None:
    network = nn.Sequential(nn.Flatten(), Pair())
    granularity: Granularity = "module"
    found = list(every_eigenpairs(study_of(network), granularity=granularity, samples=9, whole=False))
    assert list(methods(found).values()) == ["lanczos"]


class Labelled:
    """Data of a study with labels that no file may have."""

    def __init__(self, data: Any, labels: list[int]) -> None:
        self._data, self._labels = data, torch.tensor(labels)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._data, name)

    def targets(self, _split: str, rows: Rows) -> Tensor:
        return self._labels[rows]


def with_labels(labels: list[int], loss: Loss) -> Study:
    study = study_of(seeded(Perceptron), size=len(labels), loss=loss)
    data: Any = Labelled(study.data, labels)
    return replace(study, data=data)


@pytest.mark.parametrize("weights", [None, (0.5, 1.0, 3.0)])
def test_ignored_samples_carry_nothing(weights: tuple[float, ...] | None) -> None:
    loss = Loss("cross_entropy", label_smoothing=0.1, class_weights=weights)
    study = with_labels([0, -100, 2, 1, -100, 0], loss)
    for each in block_spectra(study, **PRECISE):
        expected = truth(study, each.block)
        np.testing.assert_allclose(each.values, expected[: len(each.values)], rtol=1e-6, atol=1e-12)
        assert len(each.values) <= 4 * 2
    nothing = with_labels([-100] * 4, loss)
    assert [each.trace for each in block_spectra(nothing, **PRECISE)] == [0, 0, 0]
    found = list(every_eigenpairs(nothing, whole=False, **PRECISE))
    assert [pairs.values for pairs in found] == [(0.0, 0.0)] * 3


def test_a_loss_that_is_not_convex_has_no_root() -> None:
    def concave(outputs: Tensor, targets: Tensor) -> Tensor:
        return -outputs.square().mean(1) + 0 * targets

    study = study_of(seeded(Perceptron), size=6, loss=Loss("net.py:loss", function=concave))
    found = list(every_eigenpairs(study, which="smallest", k=1, tol=1e-9, whole=False, **PRECISE))
    assert set(methods(found).values()) == {"lanczos"}
    assert found[0].values[0] == pytest.approx(float(truth(study, "first")[-1]), rel=1e-6)


def test_what_float32_cannot_hold_is_formed_in_float64() -> None:
    """Gradients of 1e-22 have squares that float32 rounds away."""
    tiny = 1e-43
    study = with_labels([0, 1, 2, 1, 0], Loss("cross_entropy", class_weights=(tiny, tiny, tiny)))
    for each in block_spectra(study, samples=None):
        expected = truth(study, each.block)
        np.testing.assert_allclose(each.values[:2] / tiny, expected[:2] / tiny, rtol=1e-3)
        pairs = top_eigenpairs(study, block=each.block, k=1, samples=None)
        assert pairs.values[0] / tiny == pytest.approx(float(expected[0]) / tiny, rel=1e-3)


def test_a_matrix_that_is_wrong_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    study = study_of(seeded(Perceptron), size=6)
    add = gradient_rows._add_lower
    with monkeypatch.context() as patched:
        patched.setattr(gradient_rows, "_add_lower", lambda found, panel: add(found, 1.01 * panel))
        patched.setattr(Shape, "by_rows", lambda *_: True)
        with pytest.raises(CurvatureError, match=r"block .*: the products of its gradients do not"):
            list(block_spectra(study, samples=None))
    solver = torch.linalg.eigvalsh
    monkeypatch.setattr(torch.linalg, "eigvalsh", lambda matrix: solver(matrix)[:-1])
    with pytest.raises(CurvatureError, match=r"block .*: the products of its gradients do not"):
        list(block_spectra(study, samples=None))


def test_memory_is_bounded_by_groups_of_blocks_and_then_by_lanczos(monkeypatch: pytest.MonkeyPatch) -> None:
    study = study_of(seeded(Mixed), size=12)
    options: dict[str, Any] = {"samples": 6, "k": 1, "whole": False}
    passes = []
    backward = SampleGradients.factors

    def counted(*args: Any) -> Any:
        passes.append(len(args[2]))
        return backward(*args)

    monkeypatch.setattr(SampleGradients, "factors", counted)
    together = list(every_eigenpairs(study, **options))
    assert passes == [1, 2, 2], "one to look, two directions over the rows drawn and over those held out"
    monkeypatch.setattr(gathering.Gathering.__init__, "__kwdefaults__", {"vectors": 0, "room": 9_000})
    seen = Watched()
    apart = list(every_eigenpairs(study, watcher=seen, **options))
    assert len(passes) > 6
    assert [pairs.values for pairs in apart] == [pairs.values for pairs in together]
    assert seen.fractions == sorted(seen.fractions)
    assert seen.fractions[-1] <= 1
    monkeypatch.setattr(gathering.Gathering.__init__, "__kwdefaults__", {"vectors": 0, "room": 100})
    without = list(every_eigenpairs(study, tol=1e-5, **options))
    assert set(methods(without).values()) == {"lanczos"}
    np.testing.assert_allclose([p.values for p in without], [p.values for p in together], rtol=1e-4)


def test_gathering_ends_when_it_is_asked_to() -> None:
    study = study_of(seeded(Mixed))
    with pytest.raises(Stopped):
        list(block_spectra(study, samples=9, watcher=Watched(stop=lambda _: True)))
    seen = Watched()
    list(block_spectra(study, samples=9, watcher=seen))
    assert seen.reports[-1] == (1.0, "linear: all eigenvalues")


def test_a_density_of_all_eigenvalues_is_exact() -> None:
    """The blurred histogram itself, zeros included, without a probe."""
    study = study_of(seeded(Perceptron), size=6)
    found = spectral_density(study, block="first", **PRECISE)
    expected = truth(study, "first").numpy()
    bells = np.exp(-0.5 * ((np.array(found.grid)[:, None] - expected) / found.sigma) ** 2)
    bells = bells.mean(1) / (found.sigma * math.sqrt(2 * math.pi))
    np.testing.assert_allclose(found.density, bells, rtol=1e-6, atol=1e-9 * bells.max())
    assert set(found.stderr) == {0.0}
    assert (found.method, found.products, found.mean_stderr, len(found.probes)) == ("gram", 0, 0.0, 1)
    assert found.trace == pytest.approx(expected.sum(), rel=1e-9)
    middle = float(expected[1] + expected[0]) / 2
    above = found.share(middle, math.inf)
    assert above.value == pytest.approx(1 / found.n)
    assert above.stderr == 0
    assert SpectralDensity.from_json(found.to_json()) == found
    older = {key: value for key, value in found.to_json().items() if key != "method"}
    assert SpectralDensity.from_json(older).method == "lanczos"


def test_where_the_matrix_is_too_large_probes_take_their_products_from_the_gradients(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    study = study_of(seeded(Mixed))
    options: dict[str, Any] = {
        "block": "grouped",
        "steps": 6,
        "probes": 3,
        "samples": 9,
        "dtype": torch.float64,
    }
    by_products = spectral_density(study, method="lanczos", **options)
    monkeypatch.setattr(spectrum, "LARGEST_DENSE", 3)
    monkeypatch.setattr(spectrum, "HessianOperator", None)
    by_gradients = spectral_density(study, **options)
    np.testing.assert_allclose(by_gradients.density, by_products.density, rtol=1e-8)
    assert (by_gradients.method, by_gradients.products) == ("lanczos", by_products.products)


def test_records_of_earlier_versions_are_read() -> None:
    found = top_eigenpairs(study_of(seeded(Perceptron)), block="last", samples=9)
    record = found.to_json()
    assert record["method"] == "gram"
    assert Eigenpairs.from_json(record).method == "gram"
    del record["method"]
    assert Eigenpairs.from_json(record).method is None


def test_rows_are_those_of_the_other_methods() -> None:
    study = study_of(seeded(Smooth), size=20)
    found = top_eigenpairs(study, block="second", samples=8, seed=5, dtype=torch.float64, k=1)
    assert found.values[0] == pytest.approx(
        float(truth(study, "second", hessian_rows(20, 8, 5))[0]), rel=1e-9
    )
