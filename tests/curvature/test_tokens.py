"""Integer inputs: a network that begins with an embedding is measured like any other."""

import pytest
import torch

from explorer.curvature import activation_traces, top_eigenpairs, weight_traces
from explorer.curvature.operators.subject import prepare
from explorer.curvature.perturbations import perturbation_forms
from explorer.questions.traces import TraceMethod
from tests.curvature.dense import dense_hessian
from tests.curvature.networks import (
    dense_activation_trace,
    dense_weight_trace,
    token_study,
)

METHODS: tuple[TraceMethod, ...] = ("exact", "output-probes", "hutchinson", "auto")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_tokens_stay_integers_whatever_the_dtype(dtype: torch.dtype) -> None:
    """As float indices they crash the embedding."""
    subject = prepare(token_study(), dtype=dtype)
    inputs, _ = subject.batch(torch.arange(3))
    assert inputs.dtype == torch.int64
    assert subject.model(inputs).dtype == dtype


@pytest.mark.parametrize("method", METHODS)
def test_weight_traces_of_a_network_that_reads_tokens(method: TraceMethod) -> None:
    study = token_study()
    found = weight_traces(study, method=method, rel_se=0.1, samples=2000, dtype=torch.float64)
    assert [block.name for block in found.blocks] == ["embedding", "hidden", "leave"]
    for block in found.blocks:
        expected = dense_weight_trace(study, f"{block.name}.weight")
        allowed = 1e-9 * abs(expected) if method == "exact" else 4 * block.stderr
        assert abs(block.trace - expected) <= allowed, block.name


@pytest.mark.parametrize("method", METHODS)
def test_activation_traces_of_a_network_that_reads_tokens(method: TraceMethod) -> None:
    """Tokens are no activations, so the embedding has none; the layers after it have those of other networks."""
    study = token_study()
    found = activation_traces(study, method=method, rel_se=0.1, samples=2000, dtype=torch.float64)
    first, *others = found.blocks
    assert (first.trace, first.mean_trace) == (0.0, 0.0)
    for block in others:
        size, expected = dense_activation_trace(study, block.name)
        allowed = 1e-9 * abs(expected) if method == "exact" else 4 * block.stderr
        assert abs(block.trace - expected) <= allowed, block.name
        assert block.n == size


def test_eigenvalues_and_perturbations_of_a_network_that_reads_tokens() -> None:
    study = token_study()
    hessian = dense_hessian(study, ["embedding.weight"])
    found = top_eigenpairs(study, block="embedding", k=2, samples=None, dtype=torch.float64)
    expected = torch.linalg.eigvalsh(hessian).flip(0)[:2]
    torch.testing.assert_close(torch.tensor(found.values, dtype=torch.float64), expected, rtol=1e-2, atol=0)
    changes = {f"{each.name}.weight": 0.1 * torch.ones(each.layers[0].shape) for each in study.blocks()}
    forms = perturbation_forms(study, [changes], samples=64, dtype=torch.float64)
    assert abs(forms.values[0, 0] - 0.01 * hessian.sum()) <= 4 * forms.stderrs[0, 0]
