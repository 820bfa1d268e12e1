"""The command line: the app's verbs for scripts, clusters and benchmarks.

With ``--json`` a command prints one JSON object on standard output and nothing else there; progress goes to
standard error. A mistake of the person's is one line on standard error and exit status 2.
"""

import sys

import click
import typer

from explorer.cli import planning, studying, training
from explorer.errors import ExplorerError

app = typer.Typer(
    help="Choose how many bits each part of a network gets.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for group in (studying, planning, training):
    group.register(app)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit status."""
    try:
        result = app(args=arguments, prog_name="python -m explorer", standalone_mode=False)
    except ExplorerError as error:
        return _complain(str(error))
    except click.UsageError as error:
        return _complain(error.format_message())
    except (click.Abort, KeyboardInterrupt):
        print("stopped; ask again to go on from the last checkpoint", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()  # the reader left early, as `head` does
        return 0
    return result if isinstance(result, int) else 0


def _complain(message: str) -> int:
    print(" ".join(message.split()), file=sys.stderr)
    return 2
