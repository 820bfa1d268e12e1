"""Every kind of data goes the whole way on a tiny network, from ``check`` to a report of what was computed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import kinds_of_data as made
from tests.kinds_of_data import KINDS

from .conftest import Answer, Command, complaint

UNCOUNTED = ("arrays", "detection")  # kinds whose example counts nothing beside its loss
UNCHOSEN = (*UNCOUNTED, "interactions")  # and those that count it on the test samples alone, here candidates
TRAINING = ("--method", "ste", "--epochs", 1, "--batch-size", 6, "--augmentation", "none", "--keep", "last")


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_of_data_goes_the_whole_way(explore: Command, tmp_path: Path, kind: str) -> None:
    """What one command writes the next reads; samples that differ in size and outputs of a dict are among them."""
    write, many = KINDS[kind]
    folder, plan, points = tmp_path / kind, tmp_path / "plan.json", tmp_path / "frontier.json"
    write(folder)

    def ask(verb: str, *words: object) -> Answer:
        return explore(verb, "--study", folder, *words)

    assert explore("check", folder, "--json").json["right"] is True
    traces = ask("traces", "--json").json
    assert all(np.isfinite(block["trace"]) for block in traces["blocks"])
    assert len(traces["blocks"]) >= 2
    damage = () if kind == "factory" else ("--damage", "trace")  # ΔWᵀHΔW on inputs of the richest structure
    found = ask("frontier", "--budget-ratio", 6, *damage, "--out", plan, "--json")
    assert found.json["chosen"] is not None
    points.write_text(found.out, encoding="utf-8")
    along = ask("measure-frontier", "--frontier", points, "--points", 2, "--json").json
    assert len(along["plans"]) == 2
    before: dict[str, Any] = ask("evaluate", "--plan", plan, "--json").json
    assert (before["accuracy"] is None) == (kind in UNCOUNTED)

    chosen = ask("choose", "--max-drop", "99%", "--samples", 6, "--damage", "trace")
    if kind in UNCHOSEN:
        assert "counts nothing beside its loss" in complaint(chosen)
    else:
        assert chosen.status == 0, chosen.err
    lapq = ask("lapq", "--w-bits", 4, "--a-bits", 8, "--calibration", 6)
    assert lapq.status == 0, lapq.err
    assert many in lapq.out
    line = ask("landscape", "--directions", "random", "--dims", 1, "--points", 5, "--json").json
    assert np.isfinite(line["loss"]).all()

    taught = ("--logits", 0) if kind == "detection" else ()  # outputs that are a dict teach nothing
    after = ask("finetune", "--plan", plan, *TRAINING, *taught, "--json").json
    assert after["before"]["loss"] == pytest.approx(before["loss"])
    assert after["loss"] != before["loss"]
    assert explore("runs", "show", after["run"]).status == 0
    report = ask("report", "--plan", plan, "--run", after["run"], "--out", tmp_path / "report.html")
    assert report.status == 0, report.err
    assert many in (tmp_path / "report.html").read_text(encoding="utf-8")


def _factory(change: str) -> Callable[[Path], None]:
    """A dataset that does something else in the middle of the training samples."""

    def write(folder: Path) -> None:
        made.factory(folder)
        text = (folder / "data.py").read_text(encoding="utf-8")
        place = "        noisy = "
        assert place in text
        (folder / "data.py").write_text(
            text.replace(place, f"        late = len(self) == 24 and i == 13\n        {change}\n{place}"),
            encoding="utf-8",
        )

    return write


def _damaged(write: Callable[[Path], None], picture: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        write(folder)
        assert (folder / picture).is_file()
        (folder / picture).write_bytes(b"no picture")

    return change


def _mapped(folder: Path) -> None:
    """Arrays in files of their own, which are read when they are asked for."""
    made.arrays(folder)
    (folder / "data").mkdir()
    for name, array in np.load(folder / "data.npz").items():
        if name == "train_x":
            array[7, 1] = np.nan
        np.save(folder / "data" / f"{name}.npy", array)
    text = (folder / "study.toml").read_text(encoding="utf-8")
    (folder / "study.toml").write_text(text.replace("data.npz", "data"), encoding="utf-8")


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (_factory("assert not late, 'no file'"), "train sample 13 of 'data.py:build' failed: AssertionError: no"),
        (_factory("self.values[i] *= float('nan') if late else 1"), "train query 13, counted from 0, holds NaN"),
        (_factory("if late: return {}, 1"), "train queries differ in structure, so they make no batch"),
        (_damaged(made.pictures, "pictures/train/b/13.png"), "train/b/13.png cannot be read: it is damaged"),
        (_damaged(made.detection, "scenes/files/train4.png"), "train4.png cannot be read: it is damaged"),
        (_mapped, "train reading 7, counted from 0, holds NaN; mend it"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_later_sample_is_named(
    explore: Command, tmp_path: Path, write: Callable[[Path], None], said: str
) -> None:
    """Loading looks at a few samples; the others are named when they are met, in one sentence."""
    write(tmp_path / "own")
    assert said in complaint(explore("traces", "--study", tmp_path / "own", "--samples", 24))
