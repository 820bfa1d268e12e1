"""The benchmark's arithmetic and tables, on numbers made up here: no peer is needed and nothing is timed."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks import arithmetic, curvature, peers
from benchmarks.arithmetic import Price, Ratio, ratio
from benchmarks.built import resnet
from benchmarks.document import document
from benchmarks.peers import Peers
from benchmarks.problem import drawn
from benchmarks.sections.drawing import Drawn, draw_in_turns, draws_of, pooled, product_claims
from benchmarks.tables import Claim, Column, Findings, Table, as_markdown, as_text, claims_table, written
from benchmarks.timing import in_turns
from explorer.blocks import partition


def test_relative_variance_is_of_the_draws_over_the_squared_trace() -> None:
    draws = [[1.0, 10.0], [3.0, 10.0]]
    assert arithmetic.relative_variances(draws, [2.0, 5.0]) == [0.5, 0.0]
    assert arithmetic.means(draws) == [2.0, 10.0]
    assert arithmetic.relative_errors([2.0, 10.0], [2.0, -5.0]) == [0.0, 3.0]
    assert arithmetic.claimed_variances([[0.1, 1.0], [0.3, 1.0]], [1.0, 10.0]) == pytest.approx([0.05, 0.01])


def test_price_does_not_depend_on_the_number_of_draws() -> None:
    """Ten draws in one take ten times as long and vary a tenth as much: the same price."""
    one, ten = Price.joint(2.0, [0.5, 8.0]), Price.joint(20.0, [0.05, 0.8])
    assert one.of_blocks == pytest.approx(ten.of_blocks)
    assert one.of_all == 16.0
    assert one.seconds_to(0.05) == pytest.approx(6400)


def test_blocks_drawn_alone_are_paid_for_one_by_one() -> None:
    """Each block needs its own draws, so their prices add up; a joint draw pays for the worst block once."""
    alone = Price((1.0, 2.0), (3.0, 4.0), alone=True)
    assert alone.of_all == 11.0
    ours = Price.joint(0.5, [0.1, 0.2])
    found = ratio(alone, ours)
    assert found.all_blocks == found.median == found.smallest == pytest.approx(110)


def test_ratio_is_theirs_over_ours_block_by_block() -> None:
    found = ratio(Price.joint(3.0, [1.0, 2.0, 8.0]), Price.joint(1.0, [0.1, 0.1, 0.2]))
    assert found.all_blocks == pytest.approx(24 / 0.2)
    assert found.median == pytest.approx(60)
    assert found.smallest == pytest.approx(30)


def test_samples_needed_never_exceed_the_population() -> None:
    assert arithmetic.samples_needed(4.0, 0.1, 10**9) == pytest.approx(400, rel=1e-6)
    assert arithmetic.samples_needed(1e9, 0.05, 5085) == pytest.approx(5085, rel=1e-4)
    m = arithmetic.samples_needed(100.0, 0.05, 5085)
    assert 100.0 * (1 / m - 1 / 5085) == pytest.approx(0.05**2)


def test_difference_of_forms_is_measured_on_the_largest() -> None:
    """z.Hz nearly vanishes in some blocks, where a relative difference of its own would mean nothing."""
    assert arithmetic.largest_difference([1e-9, 10.0], [2e-9, 10.1]) == pytest.approx(0.1 / 10.1)


@pytest.mark.parametrize(
    ("value", "form", "text"),
    [
        (None, "seconds", ""),
        ("not installed", "times", "not installed"),
        (12345.6, "count", "12,346"),
        (0.0512, "percent", "5.12 %"),
        (1234.6, "times", "1,235×"),
        (2.346, "times", "2.35×"),
        (0.0123, "milliseconds", "12.3"),
        (3 * 2**20, "mebibytes", "3"),
        (0.00001234, "number", "1.2e-05"),
        (0, "number", "0"),
        (math.inf, "number", "inf"),
        (44.67891, "exact", "44.6789"),
    ],
)
def test_numbers_are_written_with_three_digits(value: Any, form: Any, text: str) -> None:
    assert written(value, form) == text


TABLE = Table(
    "a",
    "A title",
    (Column("method", "method"), Column("seconds", "s", "seconds"), Column("times", "times ours", "times")),
    ({"method": "ours", "seconds": 0.5}, {"method": "|theirs|", "seconds": 20.0, "times": 40.0}),
    ("A note.",),
)


def test_markdown_is_a_table() -> None:
    assert as_markdown(TABLE).splitlines() == [
        "### A title",
        "",
        "| method | s | times ours |",
        "| --- | ---: | ---: |",
        "| ours | 0.500 |  |",
        "| \\|theirs\\| | 20.0 | 40.0× |",
        "",
        "A note.",
    ]


def test_text_has_its_columns_in_line() -> None:
    lines = as_text(TABLE).splitlines()
    assert lines[2:5] == ["method        s  times ours", "ours      0.500", "|theirs|   20.0       40.0×"]


def test_claims_say_yes_no_or_nothing() -> None:
    """What was asked of one study is told of the others, and not judged."""
    claims = [
        Claim.of_cifar("cifar10-resnet20", "speed", "2 times", "3 times", True),
        Claim.of_cifar("cifar10-resnet20", "speed", "2 times", "1 times", False),
        Claim.of_cifar("fashion-resnet20", "speed", "2 times", "1 times", False),
    ]
    rows = claims_table(claims).rows
    assert [row["met"] for row in rows] == ["yes", "**no**", ""]
    assert [row["asked"] for row in rows] == ["2 times", "2 times", ""]
    assert rows[2]["measured"] == "1 times"


def test_the_cheapest_peer_of_each_kind_is_the_one_that_counts() -> None:
    def against(times: float) -> Ratio:
        return Ratio(times, 2 * times, times / 2)

    ratios = [
        (Drawn("slow", "hessian", 1), against(300)),
        (Drawn("fast", "hessian", 1), against(150)),
        (Drawn("other", "gauss-newton", 1), against(30)),
        (Drawn("label", "label", 1), against(1)),
    ]
    first, second = product_claims("cifar10-resnet20", "over the same 512 samples", 200, ratios)
    assert first.met is False
    assert first.measured == "150 times for all blocks; median block 300 (fast)"
    assert second.measured == "30 times for all blocks; median block 60 (other)"
    assert second.met is None
    (missing, _) = product_claims("cifar10-resnet20", "over the same 512 samples", 200, [])
    assert missing.met is None
    assert "installed" in missing.measured


def test_only_the_first_peer_of_a_family_makes_all_draws() -> None:
    class Peer:
        name = "peer"
        hessian = True

    peer: Any = Peer
    first = draws_of(peer, [], 12, 4, "z")
    assert first.wanted == 12
    assert draws_of(peer, [(first, lambda _: [0.0])], 12, 4, "z").wanted == 4
    a, b = Drawn("a", "hessian", 3), Drawn("b", "hessian", 1)
    draw_in_turns([(a, lambda k: [float(k), 0.0]), (b, lambda k: [-float(k), 1.0])])
    assert a.draws == [[1.0, 0.0], [2.0, 0.0], [3.0, 0.0]]
    assert b.draws == [[-1.0, 1.0]]
    assert len(a.seconds) == 3
    assert len(pooled([a, b], "hessian")) == 4


def test_the_page_names_what_was_not_installed() -> None:
    missing = Peers(
        missing={"BackPACK": "not installed (No module named 'backpack')"}, versions={"PyHessian": "0.1"}
    )
    claims = [Claim("s", "speed", "2 times", "3 times", True)]
    page = document(Findings([TABLE], claims), ["a machine"], missing, quick=True)
    assert "PyHessian 0.1 and BackPACK (not installed (No module named 'backpack'))" in page
    assert "- a machine" in page
    assert "too small to be quoted" in page
    assert page.index("Asked and measured") < page.index("A title")


def test_a_peer_that_cannot_be_imported_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(name: str) -> None:
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(peers, "import_module", nothing)
    found = peers.find()
    assert set(found.missing) == set(peers.KNOWN)
    assert not found.products
    assert all("not installed" in why for why in found.missing.values())


def test_a_peer_that_disagrees_is_not_timed() -> None:
    class Hessian:
        name, library = "curvlinops, Hessian", "curvlinops"

    class GaussNewton:
        name, library = "curvlinops, Gauss-Newton", "curvlinops"

    kinds: Any = [Hessian, GaussNewton]
    all_of = Peers(kinds, {}, {"curvlinops": "3", "BackPACK": "1"})
    one = all_of.without({"curvlinops, Hessian": "differs"})
    assert one.products == kinds[1:]
    assert one.has("curvlinops")
    assert one.missing == {"curvlinops, Hessian": "differs"}
    none = all_of.without({"curvlinops, Hessian": "", "curvlinops, Gauss-Newton": "", "BackPACK": ""})
    assert not none.products
    assert not none.versions
    assert all_of.has("BackPACK")


def test_works_are_timed_in_turns_after_a_warm_up() -> None:
    calls: list[tuple[str, int]] = []

    def work(name: str) -> Any:
        return lambda repeat: calls.append((name, repeat))

    timed = in_turns({"a": work("a"), "b": work("b")}, repeats=2)
    assert calls == [("a", -1), ("b", -1), ("a", 0), ("b", 0), ("a", 1), ("b", 1)]
    assert len(timed["a"].seconds) == 2
    assert timed["a"].best == min(timed["a"].seconds)


@pytest.mark.parametrize("depth", [20, 56])
def test_deeper_networks_have_that_many_layers(depth: int) -> None:
    blocks = partition(resnet(depth, 10, 3).eval(), torch.zeros(1, 3, 8, 8))
    assert len(blocks) == depth


def test_a_depth_that_is_no_resnet_is_refused() -> None:
    with pytest.raises(ValueError, match="depth=21"):
        resnet(21, 10, 3)


def test_an_unknown_section_is_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert curvature.main(["--only", "a,z"]) == 2
    assert "no section z" in capsys.readouterr().err


def test_what_was_measured_is_kept_after_every_section(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long run that is ended early leaves what it has."""

    def broken(*_: Any) -> Findings:
        raise KeyboardInterrupt

    good = Findings([TABLE], [Claim("s", "speed", "2 times", "3 times", True)])
    monkeypatch.setattr(curvature, "agreement", lambda *_: (Findings(), Peers()))
    monkeypatch.setattr(curvature, "SECTIONS", {"c": ("one", lambda *_: good), "d": ("two", broken)})
    path, page = tmp_path / "found.json", tmp_path / "page.md"
    arguments = ["--study", "fashion-resnet20", "--json", str(path), "--markdown", str(page)]
    with pytest.raises(KeyboardInterrupt):
        curvature.main(arguments)
    record = json.loads(path.read_text(encoding="utf-8"))
    assert record["claims"][0]["met"] is True
    assert record["tables"][0]["rows"][1]["times"] == 40.0
    assert "A title" in page.read_text(encoding="utf-8")


def test_rows_are_drawn_once_a_seed() -> None:
    class Data:
        def size(self, _split: str) -> int:
            return 100

    class Study:
        data = Data()

    study: Any = Study()
    assert torch.equal(drawn(study, 10), drawn(study, 10))
    assert not torch.equal(drawn(study, 10), drawn(study, 10, seed=1))
    assert torch.equal(drawn(study, None), torch.arange(100))
    assert len(drawn(study, 10).unique()) == 10
