"""A study of test images alone: every command that uses them for training too says so."""

from pathlib import Path

import pytest

from explorer import studies
from tests.archive import write_arrays

from .conftest import LAYERS, Command, example_arrays
from .test_whole_path import write_plan


@pytest.fixture
def only_test_images(folder: Path) -> Path:
    """The study of `folder` without its training arrays."""
    write_arrays(folder / "data.npz", {k: v for k, v in example_arrays().items() if k.startswith("test")})
    return folder


COMMANDS: dict[str, tuple[str | int | Path, ...]] = {
    "traces": ("--samples", 16),
    "eigenvalues": ("--samples", 16, "--k", 1),
    "spectrum": ("--samples", 16, "--steps", 2, "--probes", 2),
    "landscape": ("--samples", 16, "--points", 5, "--block", "stem"),
    "frontier": (),
    "lapq": ("--calibration", 8, "--method", "gradient"),
    "evaluate": ("--plan",),
    "finetune": ("--plan",),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_the_command_says_so_beside_its_result_and_in_it(
    explore: Command, only_test_images: Path, command: str
) -> None:
    options = COMMANDS[command]
    if options == ("--plan",):
        options = ("--plan", write_plan(only_test_images, dict.fromkeys(LAYERS, 4)))
    remark = studies.load_network(only_test_images).remark
    assert remark is not None
    answer = explore(command, "--study", only_test_images, *options, "--json")
    assert answer.json["remark"] == remark
    assert answer.err.splitlines().count(remark) == 1


def test_a_study_with_training_images_has_no_remark(explore: Command, folder: Path) -> None:
    answer = explore("traces", "--study", folder, "--samples", 16, "--json")
    assert "remark" not in answer.json
    assert "training images" not in answer.err


def test_tables_call_the_images_what_they_are(explore: Command, only_test_images: Path) -> None:
    few = ("--calibration", 12, "--test-images", 8, "--corrections", "none")
    shown = explore("lapq-table", "--study", only_test_images, *few)
    assert "12 test images, 8 test images" in shown.out.replace("\n", " ")
