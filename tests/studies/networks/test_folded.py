"""fold_batch_norms as a property of a study: the same outputs under another identity, and a study written with it."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from explorer import lapq, studies
from explorer.errors import StudyError
from explorer.studies.networks.folded import write_folded

LINE = 'weights = "weights.safetensors"\nfold_batch_norms = true'
ANOTHER_DIMENSION = """
    from torch import nn
    def build():
        return nn.Sequential(nn.Flatten(2), nn.Linear(36, 3), nn.BatchNorm1d(3), nn.Flatten(), nn.Linear(9, 3))
"""


def used(folder: Any) -> Any:
    """With a norm that has seen images."""
    draw = torch.Generator().manual_seed(0)
    seen = {
        "1.running_mean": torch.randn(4, generator=draw),
        "1.running_var": 4 * torch.rand(4, generator=draw),
    }
    return folder.weights(lambda tensors: tensors | seen)


def with_line(folder: Any) -> Any:
    return folder.write(old='weights = "weights.safetensors"', new=LINE)


def refused(folder: Any) -> str:
    with pytest.raises(StudyError) as raised:
        studies.load(folder.path)
    return str(raised.value)


def test_a_line_in_the_description_folds_and_changes_the_identity(folder: Any) -> None:
    before = studies.load_network(used(folder).path)
    after = studies.load_network(with_line(folder).path)
    x = before.data.inputs("test", slice(None))
    with torch.no_grad():
        expected = before.model()(x)
        assert (after.model()(x) - expected).norm() <= 1e-5 * expected.norm()
    assert any(isinstance(module, nn.BatchNorm2d) for module in before.model().modules())
    assert not any(isinstance(module, nn.BatchNorm2d) for module in after.model().modules())
    assert after.fingerprint != before.fingerprint
    assert after.weights_sha256 != before.weights_sha256
    assert "folded" in after.card.facts["batch normalisations"]


def test_false_is_as_if_the_line_were_not_there(folder: Any) -> None:
    before = studies.load_network(folder.path)
    folder.write(old='weights = "weights.safetensors"', new=LINE.replace("true", "false"))
    assert studies.load_network(folder.path).fingerprint == before.fingerprint


@pytest.mark.parametrize("value", ['"yes"', "1"])
def test_only_true_and_false_are_values(folder: Any, value: str) -> None:
    folder.write(old='weights = "weights.safetensors"', new=LINE.replace("true", value))
    assert "the key model.fold_batch_norms is wrong: input should be a valid boolean" in refused(folder)


def test_a_norm_of_another_dimension_is_found_by_what_it_computes(folder: Any) -> None:
    """Its graph and its sizes are those of a norm that could be folded."""
    draw = torch.Generator().manual_seed(0)
    shapes = {"1.weight": (3, 36), "1.bias": (3,), "2.weight": (3,), "2.bias": (3,), "4.weight": (3, 9)}
    drawn = {name: torch.randn(shape, generator=draw) for name, shape in shapes.items()}
    statistics = {"2.running_mean": torch.tensor([-1.0, 0, 2]), "2.running_var": torch.tensor([0.2, 1, 3])}
    with_line(folder.net(ANOTHER_DIMENSION)).weights(
        lambda _: drawn | statistics | {"4.bias": torch.zeros(3)}
    )
    assert "changes what the network says of the first test images" in refused(folder)


def test_a_folded_study_is_written_beside_the_first(folder: Any, tmp_path: Path) -> None:
    folder.write(old='kind = "cross_entropy"', new='kind = "net.py:loss"\n[card.facts]\n"a \\"b" = "ü"')
    made = write_folded(used(folder).path, tmp_path / "new" / "folded")
    first, again = studies.load_network(folder.path), studies.load_network(tmp_path / "new" / "folded")
    assert (made.name, again.name) == ("tiny-folded", "tiny-folded")
    assert made.fingerprint == again.fingerprint
    assert again.card.facts['a "b'] == "ü"
    x = first.data.inputs("test", slice(None))
    assert torch.allclose(again.model()(x), first.model()(x), atol=1e-5)
    assert made.weights_sha256 == studies.load_network(with_line(folder).path).weights_sha256
    assert made.weights_sha256 != first.weights_sha256


def test_a_built_in_study_is_written_folded(tmp_path: Path) -> None:
    made = write_folded("fashion-mobilenet", tmp_path)
    assert made.name == "fashion-mobilenet-folded"
    assert not any(isinstance(module, nn.BatchNorm2d) for module in made.model().modules())


def test_a_study_is_neither_folded_twice_nor_overwritten(folder: Any, tmp_path: Path) -> None:
    write_folded(folder.path, tmp_path / "folded")
    with pytest.raises(StudyError, match="folded already"):
        write_folded(tmp_path / "folded", tmp_path / "twice")
    before = folder.toml.read_text(encoding="utf-8")
    with pytest.raises(StudyError, match="give another folder"):
        write_folded(folder.path, folder.path)
    assert folder.toml.read_text(encoding="utf-8") == before


def test_lapq_runs_on_a_folded_network(folder: Any) -> None:
    study = studies.load_network(with_line(used(folder)).path)
    found = lapq.optimise(study, w_bits=3, a_bits=4, calibration=7, leave=(), method="gradient")
    assert {site.layer for site in found.sites} == {"0", "4"}
    assert found.stages["joint"].calibration_loss <= found.stages["layerwise"].calibration_loss
