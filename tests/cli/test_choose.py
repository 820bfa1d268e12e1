"""``choose``: from a wish to a plan.json that other commands take."""

import json
from pathlib import Path

import pytest

from tests import learnable

from .conftest import Command, complaint


@pytest.fixture(scope="module")
def learnable_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that has learnt something, unlike the random one of the other commands."""
    return learnable.write(tmp_path_factory.mktemp("choose") / "learnable").parent


def test_the_plan_is_written_measured_and_trained(
    explore: Command, learnable_folder: Path, tmp_path: Path
) -> None:
    """What was measured is what ``evaluate`` measures, and the training is a run of ``finetune``'s own."""
    out = tmp_path / "plan.json"
    words = ("--study", learnable_folder, "--max-drop", "6%", "--samples", 150, "--out", out, "--finetune",
             "--axis", "bops", "--steps", "lapq", "--bits", "2,8")  # fmt: skip
    found = explore("choose", *words, "--json").json
    assert found["promised"]["value"] < found["at_most"] <= found["max_drop"] == 0.06
    written = json.loads(out.read_text())
    assert written["blocks"] == found["plan"]["blocks"]
    assert written.get("steps") == found["plan"].get("steps")
    assert (written.get("steps") is not None) is found["steps"]["taken"]
    value = explore("evaluate", "--study", learnable_folder, "--plan", out, "--json").json
    assert value["accuracy"] == pytest.approx(found["accuracy"])
    assert value["size_bytes"] == found["size_bytes"]
    assert value["bops"] == found["cost"]
    trained = explore("finetune", "--study", learnable_folder, "--plan", out, "--json").json
    assert trained["run"] == found["trained"]["run"]
    affords = found["trained"]["affords"]
    assert affords["lost"]["value"] == pytest.approx(found["fp32_accuracy"] - trained["after"]["accuracy"])
    assert affords["next"] is None or affords["next"]["cost"] < found["cost"]
    table = explore("choose", *words)
    assert "promised with 95% confidence" in table.out
    assert "after training" in table.out
    assert "without them: cost" in table.out
    assert affords["sentence"] in table.err.replace("\n", " ")
    assert str(out) in table.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--max-drop", "1"), "--max-drop"),
        (("--max-drop", "0%"), "--max-drop"),
        (("--max-drop", "nan"), "--max-drop"),
        (("--max-drop", "one"), "a share above 0 and below 1"),
        (("--bits", "2,x"), "--bits"),
        (("--bits", "2,9"), "there is no width of 9 bits"),
        (("--samples", 1), "--samples"),
        (("--steps", "lapq", "--bits", "1,4"), "LAPQ has no steps for 1 bits"),
        (("--latency", "ms.csv"), "the latencies are not asked for"),
        (("--axis", "latency", "--latency", "ms.csv"), "ms.csv"),
        (("--out", "nowhere/plan.json"), "does not exist"),
        (("--study", "hawq-v3-resnet18"), "hawq-v3-resnet18"),
        (("--max-drop", "0.5%", "--samples", 150), "the smallest drop that can be promised is"),
    ],
)
def test_a_mistake_is_one_line(explore: Command, learnable_folder: Path, words: tuple, told: str) -> None:
    study = () if "--study" in words else ("--study", learnable_folder)
    assert told in complaint(explore("choose", *words, *study))
