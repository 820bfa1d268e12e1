"""``proxy`` on a network of one's own: a table, an object, and mistakes in a line."""

from pathlib import Path

import pytest

from .conftest import Command, complaint

SMALL = ("--plans", 12, "--samples", 30, "--bits", "2,4,8", "--damage-samples", 20, "--eigen-samples", 20)


def test_every_measure_is_judged_and_plans_of_one_size_are_compared(explore: Command, folder: Path) -> None:
    words = ("proxy", "--study", folder, *SMALL, "--a-bits", 4, "--step", "min-max")
    answer = explore(*words, "--json").json
    assert list(answer["agreement"]) == ["trace", "lambda-max", "l2", "product", "interactions", "size"]
    assert len(answer["plans"]) >= 12
    assert (answer["samples"], answer["a_bits"], answer["quantizer"]["step"]) == (30, 4, "min-max")
    assert all(len(omegas) == len(answer["plans"]) for omegas in answer["omega"].values())
    table = explore(*words)
    assert table.status == 0
    assert "Spearman" in table.out
    assert "lambda-max" in table.out
    assert "Table 3a" in table.err
    assert "the second's loss is" in table.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--bits", "2,x"), "--bits"),
        (("--bits", "2,9"), "there is no width of 9 bits"),
        (("--a-bits", 9), "there is no width of 9 bits"),
        (("--step", "best"), "unknown step rule 'best'"),
        (("--samples", 1), "--samples"),
        (("--study", "hawq-v3-resnet18"), "hawq-v3-resnet18"),
    ],
)
def test_a_mistake_is_one_line(explore: Command, folder: Path, words: tuple, told: str) -> None:
    study = () if "--study" in words else ("--study", folder)
    assert told in complaint(explore("proxy", *words, *study))
