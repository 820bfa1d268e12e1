"""The benchmark of the choice runs, goes on from its notes, and its rows say what they should."""

from pathlib import Path

import pytest

from benchmarks import choosing
from tests import learnable


def test_a_run_writes_its_table_and_goes_on_from_its_notes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    toml, page = learnable.write(tmp_path / "learnable"), tmp_path / "choosing.md"
    words = ["--study", str(toml), "--measure", "trace", "--samples", "150", "--max-drop", "0.06"]
    words += ["--markdown", str(page), "--notes", str(tmp_path / "notes.json")]
    assert choosing.main(words) == 0
    rows = [line.split(" | ") for line in page.read_text("utf-8").splitlines() if line.startswith("| ")][2:]
    by_way = {row[0].removeprefix("| "): row for row in rows}
    assert len(by_way) == 5
    found, swept, probed = rows[0], rows[2], rows[4]
    assert int(found[1]) <= int(swept[1]), "no larger than brute force finds"
    assert int(found[-2]) < int(probed[-2]), "and fewer plans than greedy probes"
    first = page.read_text("utf-8")
    notes = (tmp_path / "learnable-notes.json").read_bytes()
    assert choosing.main(words) == 0
    assert page.read_text("utf-8") == first
    assert (tmp_path / "learnable-notes.json").read_bytes() == notes
    assert "brute force" in capsys.readouterr().out
