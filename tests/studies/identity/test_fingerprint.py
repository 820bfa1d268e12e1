"""The fingerprint of a study follows what its network computes, by its source and by what it says."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from explorer import studies
from explorer.errors import StudyError
from explorer.studies import Study, checks, toml
from explorer.studies.identity.origin import Origin
from explorer.studies.identity.parts import changes, fingerprint

HELPED = """
from torch import nn
import helper
from inner import body

def build():
    return nn.Sequential(body.conv(), nn.BatchNorm2d(4), helper.relu(), nn.Flatten(), nn.Linear(4 * 4 * 4, 3))
"""
HELPER = "from torch import nn\n\ndef relu():\n    return nn.ReLU()\n"


def load(folder: Any) -> Study:
    return studies.load_network(folder.path)


def helped(folder: Any) -> Any:
    folder.net(HELPED)
    (folder.path / "helper.py").write_text(HELPER)
    (folder.path / "inner").mkdir(exist_ok=True)
    (folder.path / "inner" / "__init__.py").write_text("")
    (folder.path / "inner" / "body.py").write_text(
        "from torch import nn\nfrom . import deep\n\ndef conv():\n    return nn.Conv2d(3, deep.WIDTH, 3)\n"
    )
    (folder.path / "inner" / "deep.py").write_text("WIDTH = 4\n")
    return folder


def test_another_activation_in_the_factory_is_another_study(folder: Any) -> None:
    """The case that was answered with the old network's figures."""
    before = load(folder)
    source = (folder.path / "net.py").read_text()
    folder.net(source.replace("nn.ReLU()", "nn.Tanh()"))
    after = load(folder)
    assert after.fingerprint != before.fingerprint
    assert changes(before.parts, after.parts) == "net.py changed"


def test_the_files_that_the_factory_imports_count_and_those_that_it_does_not_import_do_not(
    folder: Any,
) -> None:
    before = load(helped(folder))
    assert {name for name in before.parts if name.startswith("code")} == {
        f"code of {name}"
        for name in ("net.py", "helper.py", "inner/__init__.py", "inner/body.py", "inner/deep.py")
    }
    (folder.path / "train.py").write_text("not even Python")
    assert load(folder).fingerprint == before.fingerprint
    (folder.path / "inner" / "deep.py").write_text("WIDTH = 2 + 2\n")
    after = load(folder)
    assert changes(before.parts, after.parts) == "inner/deep.py changed"


def test_an_edit_that_keeps_second_and_size_is_seen(folder: Any) -> None:
    """Python's own compiled files would be taken for the new source."""
    helped(folder)
    (folder.path / "helper.py").write_text(HELPER.replace("ReLU", "ELU "))
    first = load(folder)
    (folder.path / "helper.py").write_text(HELPER.replace("ReLU", "SiLU"))
    assert isinstance(first.network.get_submodule("2"), nn.ELU)
    assert isinstance(load(folder).network.get_submodule("2"), nn.SiLU)


def test_the_place_and_the_name_of_a_study_are_no_part_of_it(folder: Any, tmp_path: Path) -> None:
    before = load(helped(folder)).fingerprint
    folder.write(old='name = "tiny"', new='name = "other"')
    moved = folder.path.rename(tmp_path / "elsewhere")
    assert studies.load(moved).fingerprint == before


def test_the_number_of_threads_is_no_part_of_it(folder: Any) -> None:
    """Sums are taken in another order then, and no digit that counts may follow it."""
    threads, found = torch.get_num_threads(), set()
    try:
        for count in (1, 2, 3):
            torch.set_num_threads(count)
            found.add(studies.load_network("fashion-mobilenet").fingerprint)
    finally:
        torch.set_num_threads(threads)
    assert len(found) == 1


def test_a_built_in_study_is_told_by_the_source_of_its_network_and_by_what_it_says() -> None:
    parts = studies.load_network("fashion-resnet20").parts
    assert [name for name in parts if name.startswith("code")] == [
        "code of explorer/studies/networks/__init__.py",
        "code of explorer/studies/networks/small.py",
    ]
    assert "outputs" in parts
    thin = studies.load_network("fashion-thin").parts
    assert "code of explorer/studies/networks/thin.py" in thin
    shared = "code of explorer/studies/networks/small.py"
    assert thin[shared] == parts[shared], "the thin network is built of the same blocks"


def test_a_study_made_in_python_is_told_by_what_its_network_says(folder: Any) -> None:
    study = replace(load(folder), origin=Origin())
    other = replace(study, network=nn.Sequential(study.network, nn.Softmax(1)))
    assert other.fingerprint != study.fingerprint
    said = changes(study.parts, other.parts)
    assert (
        said == "what the network says of the first test samples changed, though its code and weights did not"
    )


def test_what_changed_is_said_in_words() -> None:
    before = {"weights": "1", "data": "1", "code of net.py": "1", "outputs": "1"}
    assert changes(before, before) == ""
    assert changes(before, {**before, "weights": "2", "outputs": "2"}) == "the weights changed"
    after = {"weights": "2", "data": "2", "outputs": "2", "code of other.py": "1"}
    assert changes(before, after) == "net.py, other.py, the data and the weights changed"
    assert fingerprint(before) == fingerprint(dict(reversed(before.items()))) != fingerprint(after)


class Rounds(nn.Module):
    """Works in single precision whatever it is given, as attention in many published networks does."""

    def __init__(self, within: nn.Module) -> None:
        super().__init__()
        self.within = within

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.within(x)
        return found.float().softmax(1).to(found.dtype)


class Insists(Rounds):
    """Takes nothing but single precision."""

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.within(x)
        return found @ torch.eye(3)


class Draws(Rounds):
    """Forgets that it is not being trained."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.dropout(self.within(x), 0.5, True)


@pytest.mark.parametrize("kind", [Rounds, Insists])
def test_a_network_in_single_precision_is_told_coarsely(folder: Any, kind: type[Rounds]) -> None:
    """An error of 1e-6 in its outputs must not make another study of it; another network must."""
    study = load(folder)
    within = study.network
    study = replace(study, network=kind(within).eval())
    hashed = study.parts["outputs"]
    with torch.no_grad():
        for scale, same in ((1 + 2e-6, True), (1.5, False)):
            near = replace(study, network=kind(nn.Sequential(within, Scaled(scale))).eval())
            assert (near.parts["outputs"] == hashed) == same


class Scaled(nn.Module):
    """Its input times a number."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale


def test_a_network_that_draws_at_random_says_so_and_is_told_by_its_code(folder: Any) -> None:
    study = load(folder)
    drawing = replace(study, network=Draws(study.network).eval())
    state = torch.get_rng_state()
    for _ in range(20):  # two passes of three outputs agree by chance one time in eight
        assert "outputs" not in replace(drawing).parts
    assert drawing.remark is not None
    assert "no number about it comes out twice" in drawing.remark
    assert torch.equal(torch.get_rng_state(), state), "no generator of the person's was used"
    assert drawing.fingerprint == replace(study, network=Draws(study.network).eval()).fingerprint
    assert study.remark is None


def test_a_network_that_takes_no_single_sample_is_a_sentence(folder: Any) -> None:
    class Pairs(Rounds):
        def forward(self, x: Tensor) -> Tensor:
            assert len(x) == 2, "give two"
            found: Tensor = self.within(x)
            return found

    study = load(folder)
    with pytest.raises(StudyError, match="cannot take one image alone: AssertionError: give two"):
        _ = replace(study, network=Pairs(study.network)).fingerprint


def test_a_file_written_while_it_is_read_is_noticed(folder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the hash would be of one file and the numbers of another."""

    def slow(*args: Any) -> Any:
        (folder.path / "net.py").write_text("# edited meanwhile\n")
        return checked(*args)

    checked = checks.check_forward
    monkeypatch.setattr(toml, "check_forward", slow)
    with pytest.raises(StudyError, match="was written while it was read; load it again"):
        load(folder)


def test_a_study_knows_that_its_files_were_written(folder: Any) -> None:
    for name in ("study.toml", "net.py", "data.npz", "weights.safetensors"):
        study = load(folder)
        assert study.origin.unchanged
        path = folder.path / name
        path.write_bytes(path.read_bytes())
        assert not study.origin.unchanged, name
    assert set(study.origin.files) == {"data.npz", "weights.safetensors"}
