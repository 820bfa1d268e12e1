"""The commands bundle and unbundle: a study with its runs as one archive, and back."""

from pathlib import Path
from typing import Annotated, Any

import typer

from explorer.cli.output import remark, show, table
from explorer.cli.parsing import JsonOption, StudyOption, check_out


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("bundle")(bundle)
    app.command("unbundle")(unbundle)


def bundle(
    study: StudyOption,
    out: Annotated[Path, typer.Option("--out", metavar="ARCHIVE.zip", help="file to write")],
    run: Annotated[
        list[str] | None,
        typer.Option("--run", metavar="ID", help="a finished run; every finished one without it"),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Pack a study with its finished runs into one file for somebody else."""
    check_out(out)

    from explorer import studies
    from explorer.jobs import sharing
    from explorer.jobs.sharing.contents import DATA
    from explorer.runs import Store

    loaded = studies.load(study)
    contents = sharing.pack(loaded, Store.open(), out, runs=run)
    code = [name for name in contents.files if name.startswith("study/") and Path(name).suffix not in DATA]
    content: dict[str, Any] = {
        "study": loaded.name,
        "archive": str(out),
        "bytes": out.stat().st_size,
        "files": len(contents.files),
        "code": code,
    }
    show(content, as_json, table("Archive", ("", "value"), list(content.items())), about=loaded)
    if code:
        remark(f"{', '.join(code)} is code: whoever takes the archive in must say that it is trusted")


def unbundle(
    archive: Annotated[Path, typer.Argument(metavar="ARCHIVE.zip", help="what bundle wrote")],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="folder to make, for a study that is not built in"),
    ] = None,
    trust_code: Annotated[
        bool,
        typer.Option("--trust-code", help="take in code too, which runs whenever the study is loaded"),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Take in a study and its runs from an archive; one that is damaged or reaches elsewhere is refused whole."""
    from explorer.jobs import sharing
    from explorer.runs import Store

    found = sharing.receive(archive, Store.open(), out, trust_code=trust_code)
    content: dict[str, Any] = {
        "study": found.study,
        "reference": found.reference,
        "runs": list(found.runs),
        "known": found.known,
        "remark": found.remark or None,
    }
    rows = [
        ("study", found.study),
        ("load it by", found.reference),
        ("runs taken in", len(found.runs)),
        ("runs that were here already", found.known),
    ]
    show(content, as_json, table(f"{archive.name}", ("", "value"), rows))
    if found.remark:
        remark(found.remark)
