"""The command report: a study, its plans and its runs as one file for who has never seen this program."""

from pathlib import Path
from typing import Annotated, Any

import typer

from explorer.cli.output import remark, show, table
from explorer.cli.parsing import JsonOption, StudyOption, check_out


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("report")(report)


def report(
    study: StudyOption,
    out: Annotated[Path, typer.Option("--out", metavar="REPORT.html", help="file to write")],
    plan: Annotated[
        list[str] | None, typer.Option("--plan", help="path of a plan.json; several make a comparison")
    ] = None,
    run: Annotated[
        list[str] | None,
        typer.Option("--run", metavar="ID", help="a finished run; several make a comparison"),
    ] = None,
    exported: Annotated[
        list[Path] | None, typer.Option(metavar="DIR", help="a folder that export wrote, to be told of")
    ] = None,
    pdf: Annotated[bool, typer.Option("--pdf", help="print it too, by the system's Chromium")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write what was computed of a study and its plans as one HTML file that needs nothing else."""
    check_out(out)
    beside = out.with_suffix(".pdf")
    if pdf and beside == out:
        raise typer.BadParameter(f"{out} would be the PDF too; name a file .html", param_hint="--out")

    from explorer import reports, studies
    from explorer.plans import read_plan
    from explorer.runs import Store

    loaded = studies.load(study)
    partitions = (loaded.blocks(), loaded.blocks("module"))
    plans = []
    for path in plan or ():
        if not path:
            raise typer.BadParameter("no file is named; give a plan.json", param_hint="--plan")
        plans.append(read_plan(Path(path), study=loaded, partitions=partitions, remark=remark))
    text = reports.report(loaded, Store.open(), plans=plans, runs=run or (), exported=exported or ())
    reports.write(out, text)
    content: dict[str, Any] = {"study": loaded.name, "report": str(out), "bytes": len(text.encode())}
    if pdf:
        reports.pdf(text, beside)
        content["pdf"] = str(beside)
    show(content, as_json, table("Report", ("", "value"), list(content.items())), about=loaded)
