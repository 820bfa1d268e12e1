"""From data to a study of one's own: ``init`` begins it and ``check`` says what is right and what is not."""

import textwrap
from pathlib import Path

import pytest
from safetensors.torch import save_file

from tests import kinds_of_data as made
from tests.own_study import write_study

from .conftest import Command, complaint


def states(findings: list[dict[str, str]]) -> dict[str, str]:
    return {each["part"]: each["state"] for each in findings}


def test_pictures_become_a_study_by_init_and_weights_alone(explore: Command, tmp_path: Path) -> None:
    """The example network fits the data; without its weights the rest is looked at all the same."""
    made.pictures(tmp_path / "made")
    folder = tmp_path / "my-net"
    begun = explore("init", folder, "--data", "folder", "--path", tmp_path / "made/pictures")
    assert begun.status == 0, begun.err
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert set(before) == {"study.toml", "net.py"}

    missing = explore("check", folder)
    assert missing.status == 1
    assert "[model]" in missing.out
    assert "weights.safetensors" in missing.out
    names: dict[str, object] = {}
    exec((folder / "net.py").read_text(), names)
    build = names["build"]
    assert callable(build)
    save_file(build().state_dict(), folder / "weights.safetensors")
    found = explore("check", folder, "--json").json
    assert found["right"] is True
    assert set(states(found["findings"]).values()) == {"right", "note"}
    assert list(states(found["findings"])) == [
        *(
            "description",
            "data",
            "network",
            "weights",
            "loss",
            "one batch",
            "blocks",
            "not quantized",
            "identity",
        )
    ]

    assert "is there already, and is not written over" in complaint(
        explore("init", folder, "--data", "folder", "--path", tmp_path / "made/pictures")
    )
    assert all((folder / name).read_bytes() == content for name, content in before.items())


@pytest.mark.parametrize(
    ("write", "kind", "path", "said"),
    [
        (made.table_of_pictures, "folder", "labels.csv", 'path = "'),
        (made.arrays, "arrays", "data.npz", 'inputs = {"x" = "x", "m" = "m"}\ntargets = "y"'),
        (made.sentences, "text", "reviews.csv", 'task = "label"\ntokenizer = "bytes"'),
        (made.saved_data_set, "parquet", "saved", 'inputs = "image"\ntarget = "label"\nresize = 256'),
        (made.interactions, "interactions", "pairs.csv", 'kind = "bce_with_logits"'),
        (made.factory, "factory", "data.py", 'data.py:build"'),
    ],
)
def test_each_kind_of_data_begins_with_what_can_be_told_from_it(
    explore: Command, tmp_path: Path, write: object, kind: str, path: str, said: str
) -> None:
    assert callable(write)
    write(tmp_path / "made")
    begun = explore("init", tmp_path / "new", "--data", kind, "--path", tmp_path / "made" / path)
    assert begun.status == 0, begun.err
    assert said in (tmp_path / "new/study.toml").read_text(encoding="utf-8")
    found = explore("check", tmp_path / "new", "--json")
    assert found.status == 1
    assert '"part": "data", "state": "right"' in found.out


def test_what_cannot_be_quantized_is_said_with_its_reason(explore: Command, tmp_path: Path) -> None:
    made.pictures(tmp_path / "own")
    net = """
        import torch
        from torch import nn

        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.first = nn.Conv2d(3, 4, 3)
                self.mix = nn.Parameter(torch.ones(4, 5))
                self.never = nn.Linear(2, 2)

            def forward(self, x):
                return self.first(x).mean((2, 3)) ** 2 - self.mix.mean(1)

        def build():
            return Net()
    """
    data = textwrap.indent(
        (tmp_path / "own/study.toml").read_text().split("[data]\n")[1].split("[loss]")[0], ""
    )
    write_study(tmp_path / "own", net=net, data=data)
    found = explore("check", tmp_path / "own", "--json").json["findings"]
    said = " ".join(each["said"] for each in found if each["state"] == "note")
    assert (
        "mix of a Net (20 values) stays in FP32: no convolution, linear layer or embedding reads it" in said
    )
    assert "no forward pass reaches never, so no trace" in said


def test_mistakes_are_named(explore: Command, tmp_path: Path) -> None:
    assert "python -m explorer init begins one" in complaint(explore("check", tmp_path / "none"))
    assert "is no kind of data; use npz, factory" in complaint(
        explore("init", tmp_path / "a", "--data", "zip")
    )
    assert "say where those of the kind folder lie" in complaint(
        explore("init", tmp_path / "a", "--data", "folder")
    )
    gone = explore("init", tmp_path / "a", "--data", "folder", "--path", tmp_path / "b")
    assert "there is nothing at" in complaint(gone)
    (tmp_path / "empty").mkdir()
    empty = explore("init", tmp_path / "a", "--data", "folder", "--path", tmp_path / "empty")
    assert "has no folders; put the pictures of each class" in complaint(empty)
    assert not (tmp_path / "a").exists(), "nothing is written for data that cannot be read"
