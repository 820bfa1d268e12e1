"""What the commands share: options, printing, and a progress bar on standard error."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

StudyOption = Annotated[str, typer.Option("--study", help="a built-in study, or a path to a study.toml")]
JsonOption = Annotated[bool, typer.Option("--json", help="print one JSON object and nothing else")]


def show(content: Mapping[str, Any], as_json: bool, table: Table | None = None) -> None:
    """Print a result: as JSON, or as a table for people."""
    if as_json:
        json.dump(content, sys.stdout, allow_nan=False)
        sys.stdout.write("\n")
    else:
        Console().print(table if table is not None else json.dumps(content, indent=2))


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> Table:
    """A table whose numbers stand right."""
    made = Table(title=title, title_justify="left")
    for number, column in enumerate(columns):
        made.add_column(column, justify="left" if number == 0 else "right")
    for row in rows:
        made.add_row(*(str(cell) for cell in row))
    return made


@contextmanager
def progress_bar() -> Iterator[Callable[[float, str], None]]:
    """A function that shows a fraction in [0, 1] and a message on standard error."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=1.0)
        yield lambda fraction, message: bar.update(task, completed=fraction, description=message)
