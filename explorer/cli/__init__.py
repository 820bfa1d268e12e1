"""The command line: the app's verbs for scripts, clusters and benchmarks.

With ``--json`` a command prints one JSON object on standard output and nothing else there; progress goes to
standard error. A mistake of the person's is one line on standard error and exit status 2.

The commands import what computes inside their functions: PyTorch takes seconds to load, and neither the help
nor a misspelt option should wait for it.
"""

import sys
from typing import cast

import typer

from explorer.cli import (
    curvature,
    damage,
    diagnosing,
    landscape,
    lapq,
    planning,
    runs,
    serving,
    studying,
    training,
)
from explorer.cli.exports import adopting
from explorer.cli.exports import running as running_exports
from explorer.cli.exports import timing as timing_exports
from explorer.cli.exports import writing as writing_exports
from explorer.cli.sharing import archives, reporting
from explorer.errors import ExplorerError, sentence

# Recent releases of Typer carry a copy of Click of their own, so Click's class would catch nothing.
UsageError = cast(type[typer.BadParameter], typer.BadParameter.__base__)
INTERRUPTED = 130

app = typer.Typer(
    help="Choose how many bits each part of a network gets.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for group in (
    serving,
    studying,
    curvature,
    landscape,
    damage,
    planning,
    lapq,
    diagnosing,
    training,
    writing_exports,
    running_exports,
    timing_exports,
    adopting,
    reporting,
    archives,
    runs,
):
    group.register(app)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit status."""
    words = sys.argv[1:] if arguments is None else arguments
    try:
        status = app(args=words or ["--help"], prog_name="python -m explorer", standalone_mode=False)
    except ExplorerError as error:
        return _complain(str(error))
    except UsageError as error:
        return _complain(error.format_message())
    except (typer.Abort, KeyboardInterrupt):
        status = INTERRUPTED
    if status == INTERRUPTED:  # what Typer makes of Ctrl-C
        print("stopped; ask again to go on from the last checkpoint", file=sys.stderr)
    return status if isinstance(status, int) else 0


def _complain(message: str) -> int:
    print(sentence(message), file=sys.stderr)
    return 2
