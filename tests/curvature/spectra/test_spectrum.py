"""The spectral density: what it integrates to, its moments, its band, and the quadrature it is made of."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from explorer.curvature.spectra.lanczos import tridiagonal
from explorer.curvature.spectra.spectrum import SpectralDensity, quadratures, spectral_density
from explorer.errors import CurvatureError
from explorer.studies.study import Study
from explorer.watching import Stopped
from tests.curvature.dense import dense_hessian
from tests.curvature.networks import Attention, Mixed, Smooth, seeded, study_of
from tests.watched import Watched

PRECISE: dict[str, Any] = {"samples": None, "dtype": torch.float64, "method": "lanczos"}


def eigenvalues(study: Study, block: str | None) -> np.ndarray:
    chosen = [b for b in study.blocks() if block in (None, b.name)]
    return torch.linalg.eigvalsh(
        dense_hessian(study, [name for b in chosen for name in b.parameters])
    ).numpy()


def integral(found: SpectralDensity, values: np.ndarray) -> float:
    return float(np.trapezoid(values, found.grid))


@pytest.mark.parametrize(("network", "block"), [(Mixed, "linear"), (Smooth, None), (Attention, "mlp")])
def test_it_integrates_to_one_and_its_mean_is_the_trace_over_n(
    network: type[nn.Module], block: str | None
) -> None:
    study = study_of(seeded(network), size=9)
    found = spectral_density(study, block=block, steps=20, probes=6, **PRECISE)
    density, grid = np.array(found.density), np.array(found.grid)
    assert integral(found, density) == pytest.approx(1, abs=1e-6)
    assert integral(found, density * grid) == pytest.approx(found.mean, rel=1e-4, abs=1e-9)
    assert found.trace == found.mean * found.n
    truth = eigenvalues(study, block)
    assert found.n == len(truth)
    assert abs(found.trace - truth.sum()) <= 3.5 * found.trace_stderr
    assert all(sum(probe.weights) == pytest.approx(1) for probe in found.probes)


def test_with_all_steps_it_is_the_blurred_histogram_within_its_band() -> None:
    """Every probe then sees every eigenvalue, with a weight that is 1/n on average."""
    study = study_of(seeded(Mixed))
    found = spectral_density(study, block="linear", steps=100, probes=60, **PRECISE)
    truth = eigenvalues(study, "linear")
    bells = np.exp(-0.5 * ((np.array(found.grid)[:, None] - truth) / found.sigma) ** 2)
    expected = bells.mean(1) / (found.sigma * np.sqrt(2 * np.pi))
    off = np.abs(np.array(found.density) - expected)
    seen = expected > 1e-3 * expected.max()
    assert (off[seen] <= 3 * np.array(found.stderr)[seen] + 1e-9).mean() > 0.97
    assert min(found.probes[0].values) == pytest.approx(truth.min(), abs=1e-9)
    assert max(found.probes[0].values) == pytest.approx(truth.max(), rel=1e-9)


def test_quadrature_is_exact_for_polynomials() -> None:
    """m nodes integrate polynomials of degree 2m - 1, here the first five moments with three nodes."""
    generator = torch.Generator().manual_seed(3)
    A = torch.randn(12, 12, dtype=torch.float64, generator=generator)
    A = A + A.T
    z = torch.sign(torch.randn(12, dtype=torch.float64, generator=generator))
    diagonal, off = tridiagonal(A.matmul, z, 3)
    theta, Y = torch.linalg.eigh(torch.diag(diagonal) + torch.diag(off, 1) + torch.diag(off, -1))
    power = z
    for degree in range(6):
        expected = float(z @ power) / 12
        assert float((Y[0] ** 2 * theta**degree).sum()) == pytest.approx(expected, rel=1e-10)
        power = A @ power


def test_without_room_for_the_basis_the_three_term_recurrence_serves() -> None:
    values = torch.linspace(-1, 5, 300, dtype=torch.float64)
    start = torch.ones(300, dtype=torch.float64)
    full = tridiagonal(lambda v: values * v, start, 12)
    short = tridiagonal(lambda v: values * v, start, 12, basis_bytes=5 * 300 * 8)
    for a, b in zip(full, short, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-8, atol=1e-10)


def test_a_flat_loss_has_all_its_eigenvalues_at_zero() -> None:
    study = study_of(nn.Sequential(nn.Flatten(), nn.Linear(72, 3)))
    with torch.no_grad():
        study.network.get_parameter("1.weight").zero_()
        study.network.get_parameter("1.bias").copy_(torch.tensor([1e3, 0.0, 0.0]))
    found = spectral_density(study, block="1", steps=8, probes=2, samples=None, method="lanczos")
    assert found.mean == 0
    assert found.grid[500] == pytest.approx(0, abs=1e-9)
    assert integral(found, np.array(found.density)) == pytest.approx(1, abs=1e-6)
    assert found.products == 2, "one product shows that there is nothing more"
    exact = spectral_density(study, block="1", samples=None)
    assert (exact.method, exact.grid, exact.density) == ("gram", found.grid, found.density)


def test_probes_that_are_known_are_not_taken_again() -> None:
    study, kept = study_of(seeded(Mixed)), Watched()
    options: dict[str, Any] = {"block": "point", "steps": 6, "probes": 4, "samples": 9, "method": "lanczos"}
    whole = spectral_density(study, watcher=kept, **options)
    assert [len(saved.state["probes"]) for saved in kept.states] == [1, 2, 3, 4]
    seen = Watched(begun=kept.states[1])
    resumed = spectral_density(study, watcher=seen, **options)
    assert resumed.density == whole.density
    assert resumed.stderr == whole.stderr
    assert seen.fractions[0] == pytest.approx((2 * 6 + 1) / 24)
    assert seen.fractions[-1] == 1
    with pytest.raises(Stopped):
        spectral_density(study, watcher=Watched(stop=lambda _: True), **options)


def test_it_survives_plain_data() -> None:
    found = spectral_density(study_of(seeded(Smooth)), steps=5, probes=2, samples=6)
    record = found.to_json()
    assert SpectralDensity.from_json(record) == found
    assert record["trace"] == found.trace
    assert quadratures(record["probes"]) == found.probes


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"block": "none"}, "there is no block 'none'"),
        ({"probes": 1}, "probes=1 give no band"),
        ({"steps": 0}, "steps=0"),
        ({"blur": 0.0}, "blur=0.0"),
        ({"samples": 0}, "samples=0"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(options: dict, words: str) -> None:
    with pytest.raises(CurvatureError, match=words):
        spectral_density(study_of(seeded(Smooth)), **options)
