"""Latencies of one's own: what is written is what is added up, and every mistake is told by its line."""

from pathlib import Path

import pytest

from explorer.errors import PlanError
from explorer.plans import Budget, build_problem, damage_table, read_latency_csv, solve
from tests.plans.instances import blocks

BLOCKS = blocks(2)
SIMPLE = b"block,bits,milliseconds\nb0,4,0.1\nb0,8,0.25\n\nb1,4,0.2\nb1,8,0.5\n"
BOTH = b"\xef\xbb\xbfblock, w_bits, a_bits, milliseconds\r\nb0,4,4,0.1\r\nb0,4,8,0.15\r\nb1,4,4,0.2\r\nb1,4,8,0.3\r\n"


def test_decimals_are_added_exactly(tmp_path: Path) -> None:
    path = tmp_path / "latencies.csv"
    path.write_bytes(SIMPLE)
    table = read_latency_csv(path, BLOCKS)
    assert table.in_unit(table.count({"b0": 4, "b1": 4})) == pytest.approx(0.3, abs=0)
    assert table == read_latency_csv(SIMPLE, BLOCKS)
    damage = damage_table({"b0": 1.0, "b1": 1.0}, {"b0": {4: 1.0, 8: 0.1}, "b1": {4: 1.0, 8: 0.2}})
    found = solve(build_problem(["b0", "b1"], menu=(4, 8), cost=table, damage=damage))
    assert found.best_under(Budget("at_most", 0.45)).bits == {"b0": 8, "b1": 4}


def test_both_widths_may_count() -> None:
    table = read_latency_csv(BOTH, BLOCKS)
    assert table.in_unit(table.at("b0", 4, 8)) == 0.15
    assert table.in_unit(table.at("b0", 4)) == 0.1, "as wide as the weights where a plan does not say"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "line 1 of the latencies must read block,bits,milliseconds or block,w_bits"),
        (b"block,ms\nb0,1\n", "line 1 of the latencies must read"),
        (b"block,bits,milliseconds\nb0,4\n", "line 2 of the latencies has 2 entries and the first line 3"),
        (
            b"block,bits,milliseconds\n\nb7,4,1\n",
            "line 3 of the latencies names the block 'b7', which is not",
        ),
        (b"block,bits,milliseconds\nb0,9,1\n", "line 2 of the latencies has a width of '9' bits"),
        (b"block,bits,milliseconds\nb0,4.5,1\n", "line 2 of the latencies has a width of '4.5' bits"),
        (b"block,bits,milliseconds\nb0,4,fast\n", "line 2 of the latencies has 'fast' milliseconds"),
        (b"block,bits,milliseconds\nb0,4,-1\n", "line 2 of the latencies has '-1' milliseconds"),
        (b"block,bits,milliseconds\nb0,4,nan\n", "line 2 of the latencies has 'nan' milliseconds"),
        (
            b"block,bits,milliseconds\nb0," + b"9" * 5000 + b",1\n",
            "line 2 of the latencies has a width of '99",
        ),
        (
            b"block,bits,milliseconds\nb0,4,1e308\nb1,4,1e308\n",
            "line 2 of the latencies has '1e308' milliseconds",
        ),
        (
            b"block,bits,milliseconds\nb0,4,1e-320\nb1,4,0\n",
            "line 2 of the latencies has '1e-320' milliseconds",
        ),
        (SIMPLE + b"b0,4,0.3\n", "line 7 of the latencies gives b0 at 4 bits a second time"),
        (b"block,bits,milliseconds\nb0,4,1\n", "the latencies have no line for b1"),
        (b"\xff\xfe", "the table of latencies is not text in UTF-8"),
        (b"block,bits,milliseconds\nb0,4,\x00\n", "line 2 of the latencies"),
    ],
)
def test_every_mistake_is_one_sentence_that_names_its_line(content: bytes, sentence: str) -> None:
    with pytest.raises(PlanError, match=sentence):
        read_latency_csv(content, BLOCKS)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match=r"gone\.csv does not exist; correct the path"):
        read_latency_csv(tmp_path / "gone.csv", BLOCKS)
