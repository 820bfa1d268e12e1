"""What the commands print: the result on standard output, everything else on standard error."""

import json
import math
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from explorer.studies import AnyStudy, Study

LINE_SECONDS = 10.0


def show(
    content: Mapping[str, Any],
    as_json: bool,
    table: Table,
    *,
    about: "AnyStudy | None" = None,
) -> None:
    """Print a result: as one JSON object, or as a table for people.

    What must be known of the study that it is ``about`` goes with it: as ``remark`` in the object, and as a remark.
    """
    if about is not None and about.remark is not None:
        content = {**content, "remark": about.remark}
        remark(about.remark)
    if as_json:
        json.dump(_finite(content), sys.stdout, allow_nan=False)
        sys.stdout.write("\n")
    else:
        Console().print(table)


def table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], *, words: Collection[str] = ()
) -> Table:
    """A table whose numbers stand right; the first column and the ones in ``words`` are text.

    Everything is shown as it is written: names come from files and may hold brackets, which Rich would read as markup.
    """
    made = Table(title=Text(title), title_justify="left")
    for column in columns:
        text = column in words or column == columns[0]
        made.add_column(Text(column), justify="left" if text else "right", overflow="fold")
    for row in rows:
        made.add_row(*(Text(str(cell)) for cell in row))
    return made


def measured(study: "Study", found: Mapping[str, Any]) -> tuple[dict[str, Any], list[tuple[str, Any]]]:
    """What a network is worth on a split as an object and as rows of a table.

    The metric's name stands with it where it is no accuracy, and figures of all samples together, such as the perplexity.
    """
    from explorer.estimates import Estimate
    from explorer.studies.metrics import ACCURACY, figures

    content = {"study": study.name, **found}
    if study.metric.name != ACCURACY.name:
        content["metric"] = study.metric.name
    for name, value in figures(study.loss, Estimate(found["loss"], found["loss_stderr"])).items():
        content |= {name: value.value, f"{name}_stderr": value.stderr}
    names = {"accuracy": study.metric.name, "accuracy_stderr": f"{study.metric.name}_stderr"}
    told = [(names.get(key, key), value) for key, value in content.items() if key != "remarks"]
    return content, [(key, f"{value:,.4f}" if isinstance(value, float) else value) for key, value in told]


def remark(text: str) -> None:
    """Something worth knowing about the result, on standard error."""
    print(text, file=sys.stderr)


@contextmanager
def progress_bar() -> Iterator[Callable[[float, str], None]]:
    """A function that shows a fraction in [0, 1] and a message on standard error.

    A terminal shows a bar that vanishes at the end; a log file gets a line every ten seconds.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines()
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=1.0)
        yield lambda fraction, message: bar.update(task, completed=fraction, description=message)


def _lines() -> Callable[[float, str], None]:
    said = time.monotonic()

    def say(fraction: float, message: str) -> None:
        nonlocal said
        if time.monotonic() - said >= LINE_SECONDS:
            said = time.monotonic()
            remark(f"{fraction:4.0%} {message}")

    return say


def _finite(value: Any) -> Any:
    """A copy in which NaN and infinities, which JSON does not have, are null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
