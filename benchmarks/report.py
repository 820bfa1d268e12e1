"""What a benchmark of one script leaves: its tables on the screen, as a page of the docs, and as numbers."""

import json
from collections.abc import Sequence
from pathlib import Path

from benchmarks.tables import Table, as_markdown, as_text
from benchmarks.timing import machine


def report(
    tables: Sequence[Table], *, script: str, title: str, markdown: Path | None, numbers: Path | None
) -> None:
    """Print the tables and write them where they are wanted.

    Args:
        script: name of the module in ``benchmarks``.
        title: of the page.
        markdown, numbers: where the page and the numbers (JSON) go.
    """
    for table in tables:
        print(as_text(table))
    lines = machine()
    if markdown is not None:
        made = f"`python -m benchmarks.{script}` made this page in one run"
        made += "; `benchmarks/README.md` says how to repeat it."
        head = [f"# {title}", "", made, "", *(f"- {line}" for line in lines), ""]
        markdown.write_text("\n".join([*head, *map(as_markdown, tables)]), encoding="utf-8")
    if numbers is not None:
        content = {"machine": lines, "tables": [table.to_json() for table in tables]}
        numbers.write_text(json.dumps(content, indent=2), encoding="utf-8")
