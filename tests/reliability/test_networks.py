"""Networks that answer with numbers that are none: every kind of run refuses, in a sentence, and records nothing."""

import pytest
import torch

from explorer import studies
from explorer.errors import ExplorerError
from explorer.jobs import execute
from explorer.runs import Store
from explorer.studies import Study
from tests import learnable
from tests.reliability import asking

# For some of the images, of either split, the last layer but one says NaN.
SOMETIMES = """

class Sometimes(nn.Flatten):
    def forward(self, x):
        x = super().forward(x)
        return x.masked_fill(x[:, :1] > {above}, float('nan'))

whole = build

def build():
    network = whole()
    network[10] = Sometimes()
    return network
"""


@pytest.fixture(scope="module")
def sometimes(study: Study, tmp_path_factory: pytest.TempPathFactory) -> Study:
    network = study.model()
    assert isinstance(network, torch.nn.Sequential)
    features = network[:11]
    with torch.no_grad():
        first = torch.cat(
            [features(study.data.inputs(split, slice(None)))[:, 0] for split in ("train", "test")]
        )
    above = first.quantile(0.95).item()
    toml = learnable.write(tmp_path_factory.mktemp("nan") / "sometimes")
    with (toml.parent / "net.py").open("a", encoding="utf-8") as code:
        code.write(SOMETIMES.replace("{above}", str(above)))
    return studies.load_network(str(toml))


@pytest.mark.parametrize("kind", sorted(set(asking.KINDS) - asking.OF_TIME_ALONE))
def test_a_network_that_says_nan_for_some_samples_is_refused(
    store: Store, sometimes: Study, kind: str
) -> None:
    """Never averaged in: a mean without the samples that failed would be a wrong number that looks right."""
    spec = asking.spec(kind, sometimes)
    with pytest.raises(ExplorerError, match=r"finite|NaN|nan"):
        execute(store, spec, study=sometimes)
    assert store.get(spec.run_id).status == "failed"
    assert store.get(spec.run_id).result is None
