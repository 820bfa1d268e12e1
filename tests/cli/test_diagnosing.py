"""``damage``, ``lapq-surface``, ``lapq-sweep`` and ``lapq-hessian``: an object, a table, and mistakes in a line."""

import json
from pathlib import Path

import pytest

from .conftest import Command, complaint

QUICK = ("--calibration", 12)
SITES = ("--first", "residual.first.weight", "--second", "residual.second.weight")


@pytest.mark.parametrize("measure", ["product", "activation", "activation-product"])
def test_damage_of_every_width(explore: Command, folder: Path, measure: str) -> None:
    words = ("damage", "--study", folder, "--samples", 12, "--bits", "4,2", "--measure", measure)
    found = explore(*words, "--json").json
    values = found["table"]["values" if measure == "product" else "activation"]
    assert set(values) == {"stem", "residual.first", "residual.second", "head"}
    assert all({"2", "4"} <= set(of) for of in values.values())
    shown = explore(*words)
    assert f"Damage of tiny by {measure}" in shown.out
    assert "2 bits" in shown.out


def test_a_surface_over_two_steps(explore: Command, folder: Path) -> None:
    words = ("lapq-surface", "--study", folder, *SITES, "--points", 5, *QUICK)
    found = explore(*words, "--json").json
    assert (found["study"], found["sites"]) == ("tiny", ["residual.first.weight", "residual.second.weight"])
    assert [len(row) for row in found["loss"]] == [5] * 5
    shown = explore(*words)
    assert "optimum" in shown.out
    assert "25 points" in shown.out


@pytest.mark.parametrize("sweep", ["error", "p", "distance", "calibration"])
def test_every_curve(explore: Command, folder: Path, sweep: str) -> None:
    words = ("lapq-sweep", "--study", folder, "--sweep", sweep, "--sizes", "8,12", "--seeds", "0", *QUICK)
    found = explore(*words, "--json").json
    assert found["sweep"] == sweep
    assert found.get("points") or found["errors"]
    assert f"{sweep} on tiny" in explore(*words).out


def test_derivatives_by_steps_that_lapq_found(explore: Command, folder: Path, tmp_path: Path) -> None:
    found = explore("lapq", "--study", folder, *QUICK, "--method", "gradient", "--json").json
    steps = tmp_path / "steps.json"
    steps.write_text(json.dumps(found))
    words = ("lapq-hessian", "--study", folder, "--w-bits", 4, "--steps", steps, *QUICK)
    hessian = explore(*words, "--json").json["hessian"]
    assert dict(zip(hessian["sites"], hessian["steps"], strict=True)) == pytest.approx(found["steps"])
    shown = explore(*words)
    assert "by log steps" in shown.out
    assert "of the damage is interaction" in shown.err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("lapq-surface",), "Missing option '--first'"),
        (("lapq-sweep", "--sweep", "q"), "Invalid value for '--sweep'"),
        (
            ("lapq-sweep", "--sweep", "p", "--sizes", "many"),
            "'many' must be whole numbers with a comma between",
        ),
        (
            ("lapq-hessian", "--steps", "nowhere.json"),
            "nowhere.json does not exist; give what lapq --json printed",
        ),
        (("lapq-hessian", "--a-bits", 9), "the activations cannot have 9 bits here"),
        (("damage", "--bits", "2,9"), "there is no width of 9 bits"),
        (("damage", "--step", "best"), "unknown step rule 'best'"),
    ],
)
def test_a_mistake_is_one_line_before_the_study_is_looked_for(
    explore: Command, words: tuple[str, ...], sentence: str
) -> None:
    assert sentence in complaint(explore(*words, "--study", "nowhere"))
