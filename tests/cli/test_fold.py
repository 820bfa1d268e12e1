"""Folded batch norms: every command works on such a study, and no plan passes between it and the other."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from .conftest import LAYERS, Command, complaint, example_weights
from .test_whole_path import write_plan

OLD = 'weights = "weights.safetensors"'
LINE = f"{OLD}\nfold_batch_norms = true"


@pytest.fixture
def folder(folder: Path) -> Path:
    """The study of every command's tests, with a norm that has seen images."""
    draw = torch.Generator().manual_seed(1)
    names = ("weight", "bias", "running_mean", "running_var")
    norm = {f"residual.norm.{name}": 0.5 + torch.rand(4, generator=draw) for name in names}
    save_file(example_weights() | norm, folder / "weights.safetensors")
    return folder


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_the_commands_work_on_a_folded_study(explore: Command, folder: Path, tmp_path: Path) -> None:
    new = tmp_path / "folded"
    made = explore("fold", "--study", folder, "--out", new)
    assert made.status == 0, made.err
    assert made.out == f"tiny-folded is ready in {new}\n"

    traces = explore("traces", "--study", new, "--method", "exact", "--json").json
    assert [block["name"] for block in traces["blocks"]] == list(LAYERS)
    unfolded = explore("traces", "--study", folder, "--method", "exact", "--json").json
    of = [{block["name"]: block["trace"] for block in each["blocks"]} for each in (traces, unfolded)]
    assert np.isclose(of[0]["head"], of[1]["head"], rtol=1e-4), "its weight and what it reads are the same"
    assert not np.isclose(of[0]["residual.first"], of[1]["residual.first"], rtol=1e-2)

    plan = tmp_path / "plan.json"
    quick = ("--calibration", 12, "--method", "gradient", "--save", plan)
    found = explore("lapq", "--study", new, *quick, "--json").json
    measured = explore("evaluate", "--study", new, "--plan", plan, "--json").json
    assert measured["loss"] == found["stages"]["joint"]["loss"]
    trained = explore("finetune", "--study", new, "--plan", plan, "--batch-size", 16, "--json").json
    assert trained["before"]["loss"] == measured["loss"]


def test_a_plan_of_one_is_refused_by_the_other(explore: Command, folder: Path, tmp_path: Path) -> None:
    plan = write_plan(folder, dict.fromkeys(LAYERS, 4))
    explore("fold", "--study", folder, "--out", tmp_path / "folded")
    words = ("evaluate", "--plan", plan, "--study")
    assert explore(*words, folder).status == 0
    assert "is for the study 'tiny', not for 'tiny-folded'" in complaint(explore(*words, tmp_path / "folded"))

    change(folder / "study.toml", OLD, LINE)
    assert "other weights of tiny" in complaint(explore(*words, folder))
    write_plan(folder, dict.fromkeys(LAYERS, 4))
    assert explore(*words, folder).status == 0
    change(folder / "study.toml", LINE, OLD)
    assert "other weights of tiny" in complaint(explore(*words, folder))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "self.norm(self.first(x))",
            "self.norm(self.relu(self.first(x)))",
            "'residual.norm' cannot be folded",
        ),
        ("return self.relu(x +", "return x if x.sum() > 1e9 else self.relu(x +", "no fixed graph"),
    ],
)
def test_what_cannot_be_folded_is_one_sentence(
    explore: Command, folder: Path, tmp_path: Path, old: str, new: str, said: str
) -> None:
    change(folder / "net.py", old, new)
    assert explore("traces", "--study", folder).status == 0
    assert said in complaint(explore("fold", "--study", folder, "--out", tmp_path / "folded"))
    assert not (tmp_path / "folded" / "study.toml").exists()
    change(folder / "study.toml", OLD, LINE)
    assert said in complaint(explore("traces", "--study", folder))


def test_mistakes(explore: Command, folder: Path, tmp_path: Path) -> None:
    published = explore("fold", "--study", "hawq-v3-resnet18", "--out", tmp_path / "folded")
    assert "published figures only" in complaint(published)
    assert "give another folder" in complaint(explore("fold", "--study", folder, "--out", folder))
    assert "cannot be written" in complaint(explore("fold", "--study", folder, "--out", folder / "net.py"))
    change(folder / "study.toml", OLD, LINE.replace("true", '"yes"'))
    assert "model.fold_batch_norms is wrong" in complaint(explore("traces", "--study", folder))
