"""Commands about the runs in the store: the app's and the command line's are the same."""

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from explorer.cli.output import remark, show, table
from explorer.cli.parsing import JsonOption, TimeLimitOption
from explorer.errors import cut

if TYPE_CHECKING:
    from explorer.runs import Run, Store

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_TITLE = 40

Id = Annotated[str, typer.Argument(metavar="ID", help="the run, or the first digits of its id")]
Ids = Annotated[list[str], typer.Argument(metavar="ID...", help="runs, or the first digits of their ids")]
StatusOption = Annotated[
    str | None, typer.Option(help="only these, with commas between: done, failed, lost ...")
]


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    group = typer.Typer(help="List, show, stop, resume and delete runs.", no_args_is_help=False)
    for command in (log, cancel, resume, delete, prune):
        group.command(command.__name__)(command)
    group.command("list")(list_runs)
    group.command("show")(show_run)
    app.add_typer(group, name="runs")


def list_runs(
    status: StatusOption = None,
    kind: Annotated[str | None, typer.Option(help="only of this kind, such as traces")] = None,
    study: Annotated[
        str | None, typer.Option(help="only of studies whose name or path has this in it")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """The runs there are, the newest first."""
    from explorer.jobs import housekeeping

    store = _store()
    found = housekeeping.chosen(store, status=_split(status), kind=kind, study=study)
    disk = housekeeping.disk(store)
    entries = [_entry(run, disk.of.get(run.id, 0)) for run in found]
    rows = [
        (
            e["id"],
            e["status"] if e["status"] != "running" else f"running {e['fraction']:.0%}",
            cut(e["title"], _TITLE),
            e["study"].removesuffix("/study.toml").rpartition("/")[2],
            e["owner"] or "",
            e["created"][:16].replace("T", " "),
            _bytes(e["bytes"]),
        )
        for e in entries
    ]
    columns = ("id", "status", "what", "study", "by", "asked (UTC)", "on disk")
    show({"runs": entries}, as_json, table("Runs", columns, rows, words=columns[:6]))


def show_run(run: Id, as_json: JsonOption = False) -> None:
    """What a run was asked, what made its numbers, and how it went."""
    from explorer.jobs import housekeeping, versions

    store = _store()
    found = housekeeping.find(store, run)
    made = found.provenance
    note = None if found.status == "unreadable" else versions.remark(found)
    content = {
        **_entry(found, sum(housekeeping.files(store, found).values())),
        "parameters": found.spec.parameters,
        "seed": found.spec.seed,
        "version": found.spec.version,
        "error": found.error,
        "remark": note,
        "artifacts": dict(found.artifacts),
        "parts": None if found.parts is None else dict(found.parts),
        "made_by": None if made is None else made.to_json(),
    }
    made_rows = [] if made is None else [(f"made by: {k}", v) for k, v in made.to_json().items() if v]
    rows = [(name, value) for name, value in content.items() if name not in ("made_by", "parts") and value]
    show(content, as_json, table(f"Run {found.id}", ("", "value"), [*rows, *made_rows], words=("value",)))


def log(run: Id) -> None:
    """What the worker of a run wrote: its messages, and the report of an unexpected error."""
    from explorer.errors import RunError
    from explorer.jobs import housekeeping

    store = _store()
    found = housekeeping.find(store, run)
    path = store.log_path(found.id)
    if not path.is_file():
        raise RunError(f"Run {found.id} has no log: no worker of its own wrote one.")
    print(path.read_text(encoding="utf-8", errors="replace"), end="")


def cancel(runs: Ids) -> None:
    """Stop runs; what they have is kept, and `resume` goes on from there."""
    from explorer import jobs
    from explorer.jobs import housekeeping

    store = _store()
    for found in [housekeeping.find(store, name) for name in runs]:
        print(f"{found.id} is {jobs.stop(store, found.id).status}")


def resume(runs: Ids, time_limit: TimeLimitOption = None) -> None:
    """Let runs that ended early go on from their last checkpoint, each in a worker of its own."""
    from explorer import jobs
    from explorer.jobs import housekeeping, registry
    from explorer.jobs.bounds.units import seconds_of

    seconds = None if time_limit is None else seconds_of(time_limit, "--time-limit")
    store = _store()
    for found in [housekeeping.find(store, name) for name in runs]:
        if found.resumable and registry.kind(found.spec.kind).needs_study:
            from explorer.jobs.loading import load_for

            load_for(found.spec, found.parts)  # refuses what the worker would refuse, and says why
        print(f"{found.id} is {jobs.resume(store, found.id, time_limit=seconds).status}")


def delete(runs: Ids) -> None:
    """Delete runs with their files, which cannot be undone; one at work is refused."""
    from explorer.jobs import housekeeping

    store = _store()
    found = [housekeeping.find(store, name) for name in runs]
    housekeeping.delete(store, found)
    print(f"deleted {', '.join(run.id for run in found)}")


def prune(
    older_than: Annotated[
        str, typer.Option(help="only those that ended so long ago: 90m, 12h, 30d or 4w")
    ] = "0d",
    status: Annotated[str, typer.Option(help="which ones, with commas between")] = "failed,cancelled,lost",
    keep: Annotated[int, typer.Option(min=0, help="how many of them, the newest, to leave")] = 0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only say what would go")] = False,
    as_json: JsonOption = False,
) -> None:
    """Delete runs that are of no more use, and say what that frees."""
    from explorer.jobs import housekeeping
    from explorer.jobs.telling import titles

    gone = housekeeping.prune(
        _store(), older_than=_duration(older_than), status=_split(status), keep=keep, dry_run=dry_run
    )
    content = {
        "runs": [run.id for run in gone.runs],
        "bytes": gone.bytes,
        "litter": gone.litter,
        "dry_run": dry_run,
    }
    rows = [(run.id, run.status, cut(titles.of(run), _TITLE)) for run in gone.runs]
    columns = ("id", "status", "what")
    show(content, as_json, table("Would be deleted" if dry_run else "Deleted", columns, rows, words=columns))
    litter = f"; {gone.litter} files and folders that no run needs are gone" if gone.litter else ""
    remark(f"{_count(len(rows))}, {_bytes(gone.bytes)} {'would be' if dry_run else 'are'} free{litter}")


def _store() -> "Store":
    from explorer.runs import Store

    return Store.open()


def _entry(run: "Run", size: int) -> dict[str, Any]:
    from explorer.jobs.telling import titles

    return {
        "id": run.id,
        "status": run.status,
        "fraction": run.fraction,
        "kind": run.spec.kind,
        "title": titles.of(run),
        "study": run.spec.study,
        "owner": run.owner,
        "created": run.created.isoformat(),
        "finished": None if run.finished is None else run.finished.isoformat(),
        "bytes": size,
    }


def _split(text: str | None) -> list[str]:
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def _duration(text: str) -> timedelta:
    found = re.fullmatch(r"(\d{1,6})([mhdw])", text.strip())
    if found is None:
        raise typer.BadParameter(
            f"{text!r} must be a number and one of m, h, d or w, such as 30d", param_hint="--older-than"
        )
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def _count(runs: int) -> str:
    return f"{runs} run{'' if runs == 1 else 's'}"


def _bytes(size: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.{0 if unit == 'B' else 1}f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"
