"""A trained network as a study of its own: the same data and loss, other weights, and a network that is made again."""

from pathlib import Path

import pytest
import torch

from explorer import studies
from explorer.errors import StudyError
from explorer.studies import derived
from tests import learnable

WORDS = {"name": 'a "name"', "title": "trained\tonce", "summary": "two\nlines \\ and a \x7f"}


def halved(study: studies.Study) -> dict[str, torch.Tensor]:
    """Its weights times a half, and something that is none."""
    state = {
        name: value / 2 if value.is_floating_point() else value
        for name, value in study.model().state_dict().items()
    }
    return {**state, "0.stored_weight.integers": torch.ones(3)}


def test_a_study_of_ones_own_is_made_again_with_its_code(tmp_path: Path) -> None:
    """Its folder may go: the factory's source comes along."""
    base = studies.load_network(learnable.write(tmp_path / "learnable"))
    path = derived.derive(base, halved(base), tmp_path / "home" / "networks" / "new", **WORDS)
    made = studies.load_network(path)
    assert (made.name, made.card.title, made.card.summary) == tuple(WORDS.values())
    assert made.fingerprint != base.fingerprint
    assert made.loss == base.loss
    weights = made.model().state_dict()
    assert all(torch.equal(value, halved(base)[name]) for name, value in weights.items())
    assert derived.kept(tmp_path / "home") == (str(path),)
    (path.parent / "net.py").unlink()
    with pytest.raises(StudyError):
        studies.load_network(path)


def test_a_shipped_one_is_too_and_what_cannot_be_is_a_sentence(tmp_path: Path) -> None:
    base = studies.load_network("fashion-thin")
    path = derived.derive(base, base.model().state_dict(), tmp_path / "new", **WORDS)
    made = studies.load_network(path)
    inputs = base.data.inputs("test", slice(0, 3))
    with torch.no_grad():
        assert torch.equal(made.model()(inputs), base.model()(inputs))
    with pytest.raises(StudyError, match="something at"):
        derived.derive(base, base.model().state_dict(), tmp_path / "new", **WORDS)
    with pytest.raises(StudyError, match=r"lack 'bn1\.bias'"):
        derived.derive(base, {}, tmp_path / "other", **WORDS)
    path.write_text("name = 3", encoding="utf-8")
    (tmp_path / "networks").mkdir()
    path.parent.rename(tmp_path / "networks" / "damaged")
    assert derived.kept(tmp_path) == ()
