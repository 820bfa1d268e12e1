"""What the documents tell people to type is what the commands take."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest

from explorer.jobs import registry
from explorer.studies.toml import read_description

from .conftest import Command

DOCS = Path(__file__).parents[2] / "docs"
PAGES = (
    "command-line.md",
    "own-study.md",
    "does-the-proxy-hold.md",
    "lapq.md",
    "runs.md",
    "choose.md",
    "export.md",
    "sharing.md",
)

OF_PAGES_ALONE = (
    "lesson",
    "export_latency",
)  # a lesson's notebook and ``benchmark-exported`` compute the same


def fenced(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", (DOCS / page).read_text(encoding="utf-8"), re.M | re.S)


@pytest.mark.parametrize(
    "line", [line for page in PAGES for block in fenced(page, "sh") for line in block.splitlines()]
)
def test_every_command_line_is_one_the_program_takes(explore: Command, line: str) -> None:
    """Parsed, not run: an unknown option is refused before the help is shown."""
    words = shlex.split(line.split(">")[0])
    assert words[:3] == ["python", "-m", "explorer"]
    answer = explore(*words[3:], "--help")
    assert answer.status == 0, answer.err


@pytest.mark.parametrize(
    "verb",
    [
        "check",
        "fold",
        "frontier",
        "init",
        "latency",
        "report",
        "bundle",
        "unbundle",
        "unpack",
        "run-exported",
        "benchmark-exported",
        *(kind.replace("_", "-") for kind in registry.names() if kind not in OF_PAGES_ALONE),
    ],
)
def test_every_option_is_described(explore: Command, verb: str) -> None:
    text = (DOCS / "command-line.md").read_text(encoding="utf-8")
    assert f"\n## {verb}\n" in text
    for option in re.findall(r"^  (--[a-z-]+)", explore(verb, "--help").out, re.M):
        assert option in text or option == "--help"


def test_the_examples_of_study_toml_are_valid(tmp_path: Path) -> None:
    examples = fenced("own-study.md", "toml")
    assert len(examples) == 11
    for example in examples:
        assert tomllib.loads(example)
        path = tmp_path / "study.toml"
        path.write_text(example, encoding="utf-8")
        assert read_description(path).name.startswith("my-")
