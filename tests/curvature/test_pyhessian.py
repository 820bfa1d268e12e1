"""The top eigenvalue beside PyHessian's, on the same rows of ResNet-20; skipped where PyHessian is not installed."""

import warnings

import pytest
import torch

from explorer import studies
from explorer.curvature import top_eigenpairs
from explorer.curvature.operators.hessian import hessian_rows

pyhessian = pytest.importorskip("pyhessian")

ROWS = 128
PER_CENT = 0.01


@pytest.mark.slow
@pytest.mark.parametrize("block", ["layer1.1.conv1", "layer2.1.conv2", "layer3.2.conv2", "linear", None])
def test_the_top_eigenvalue_is_pyhessians_within_a_per_cent(block: str | None) -> None:
    study = studies.load_network("fashion-resnet20")
    rows = hessian_rows(study.data.size("train"), ROWS, 0)
    found = top_eigenpairs(study, block=block, k=1, samples=ROWS, held_out=0)
    model = study.model()
    wanted = {name for b in study.blocks() if block in (None, b.name) for name in b.parameters}
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name in wanted)
    with torch.random.fork_rng(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a reference cycle
        torch.manual_seed(0)
        batch = (study.data.inputs("train", rows), study.data.targets("train", rows))
        peer = pyhessian.hessian(model, torch.nn.CrossEntropyLoss(), data=batch, cuda=False)
        [theirs], _ = peer.eigenvalues(maxIter=200, tol=1e-4)
    print(f"{block or 'whole network'}: ours {found.values[0]:.6g}, PyHessian {theirs:.6g}")
    assert found.values[0] == pytest.approx(theirs, rel=PER_CENT)
    assert found.converged == (True,)
