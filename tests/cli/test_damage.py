"""``frontier`` by other measures of damage, and with further costs: the library's, and mistakes in a line."""

from pathlib import Path

import pytest

from explorer import studies
from explorer.plans import frontier

from .conftest import Command, complaint

BLOCKS = ("stem", "residual.first", "residual.second", "head")


@pytest.mark.parametrize("measure", ["lambda-max", "l2", None])
@pytest.mark.parametrize("granularity", ["layer", "module"])
def test_a_measure_orders_plans_as_the_library_does(
    explore: Command, folder: Path, measure: str | None, granularity: str
) -> None:
    """ΔWᵀHΔW where none is named."""
    words = ("--study", folder, "--granularity", granularity, "--bits", "2,8")
    named = () if measure is None else ("--damage", measure)
    answer = explore("frontier", *words, *named, "--json").json
    assert answer["damage"] == (measure or "product")
    assert len(answer["points"][0]["bits"]) == (4 if granularity == "layer" else 3)
    if granularity == "layer":
        direct = frontier(studies.load_network(str(folder)), damage=measure or "product", bits=(2, 8))
        assert [p["bits"] for p in answer["points"]] == [point.bits for point in direct.points()]
        assert answer["points"][0]["omega"] == pytest.approx(direct.omega[0], rel=1e-4)


def test_activations_memory_is_a_cost(explore: Command, folder: Path) -> None:
    words = ("--study", folder, "--damage", "l2", "--bits", "2,8", "--cost", "activations", "--json")
    answer = explore("frontier", *words).json
    values = 3 * 64 + 4 * 64 + 4 * 64 + 16
    assert answer["points"][0]["cost"] == values * 2 / 8
    assert answer["unit"] == "bytes"


def test_scales_and_latencies_of_ones_own_count(explore: Command, folder: Path, tmp_path: Path) -> None:
    plain, counted = (
        explore("frontier", "--study", folder, "--damage", "l2", "--bits", "2,8", *more, "--json").json
        for more in ((), ("--scales",))
    )
    assert counted["points"][0]["cost"] - plain["points"][0]["cost"] == 4 * (4 + 4 + 4 + 3)
    path = tmp_path / "mine.csv"
    lines = [f"{name},{bits},{bits / 8}" for name in BLOCKS for bits in (2, 8)]
    path.write_text("\n".join(["block,bits,milliseconds", *lines]), encoding="utf-8")
    words = ("frontier", "--study", folder, "--damage", "l2", "--bits", "2,8", "--latency", path)
    answer = explore(*words, "--cost", "latency", "--json").json
    assert [point["cost"] for point in answer["points"]] == [1, 1.75, 2.5, 3.25, 4]
    limited = explore(*words, "--limit", "latency=2.5", "--json").json
    assert limited["limits"] == [{"cost": "latency", "at_most": 2.5, "unit": "ms"}]
    assert "--latency" in complaint(explore(*words))
    path.write_text("block,bits,milliseconds\nstem,2,soon\n", encoding="utf-8")
    assert "line 2 of the latencies has 'soon'" in complaint(explore(*words, "--cost", "latency"))


def test_what_another_measure_would_choose_stands_beside_the_chosen_plan(
    explore: Command, folder: Path
) -> None:
    words = ("frontier", "--study", folder, "--bits", "2,4,8", "--damage", "l2", "--against", "trace")
    answer = explore(*words, "--budget-ratio", 8, "--json")
    chosen, other = answer.json["chosen"], answer.json["against"]
    differs = {
        name: [[bits, 8], [other["bits"][name], 8]]
        for name, bits in chosen["bits"].items()
        if bits != other["bits"][name]
    }
    assert other["damage"] == "trace"
    assert other["differs"] == differs
    assert other["by_own"]["own"] == pytest.approx(chosen["omega"])
    assert other["by_other"]["other"] == pytest.approx(other["omega"])
    assert other["by_own"]["own"] <= other["by_own"]["other"]
    assert other["by_other"]["other"] <= other["by_other"]["own"]
    assert "trace would choose" in answer.err
    assert "--against" in complaint(explore(*words))


def test_a_profile_cannot_be_measured(explore: Command) -> None:
    words = ("frontier", "--study", "hawq-v3-resnet18", "--damage", "product")
    assert "published without what product needs" in complaint(explore(*words))
    assert explore("frontier", "--study", "hawq-v3-resnet18", "--damage", "l2").status == 0
    assert explore("frontier", "--study", "hawq-v3-resnet18", "--json").json["damage"] == "trace"
    assert "the shape of" in complaint(explore("frontier", "--study", "hawq-v3-resnet18", "--scales"))
