"""How to compute everything in a report again: commands, hashes, versions, seeds, and the plans themselves."""

from collections.abc import Sequence

from explorer.jobs.telling import titles
from explorer.reports.commands import command, identity
from explorer.reports.material import Absent, Material, trained
from explorer.reports.page import Code, Part, Section, Table, Words, embedded
from explorer.runs import Run
from explorer.runs.provenance import here


def section(of: Material, runs: Sequence[str]) -> Section:
    """What was asked, by what it was computed, and of what.

    Args:
        runs: ids of those that the other sections are written from.
    """
    known = {run.id: run for run in of.runs.list()}
    used = [known[each] for each in dict.fromkeys(runs) if each in known]
    files = plan_files(of, used)
    spelled = {identity(content): name for name, content in files.items()}
    lines = []
    for run in used:
        question = titles.question_of(run.spec)
        typed = None if question is None else command(question, of.reference, spelled)
        lines.append(
            typed or f"# {titles.of(run)}: asked with options that a command line cannot hold (run {run.id})"
        )
    parts: list[Part] = []
    if lines:
        words = (
            "These commands ask what this report is written from; what was computed before is looked up. The same question, of "
            "the same weights, data and code, has the same run id on every machine."
        )
        parts += [Words(words), Code("\n".join(lines))]
    parts += [
        Code(embedded(content), f"{name}: the content of the file that the commands call so", folded=True)
        for name, content in files.items()
    ]
    if used:
        parts.append(_made(used))
    parts.append(
        Table(
            ("part of the study", "SHA-256"),
            (*of.study.parts.items(), ("all of it (fingerprint)", of.study.fingerprint)),
            "Whatever decides a number of this study; another hash is another study.",
        )
    )
    return Section("reproduce", "How to compute it again", tuple(parts))


def left_out(absent: Sequence[Absent]) -> Section | None:
    """What the report has nothing about; None where that is nothing."""
    if not absent:
        return None
    rows = tuple((each.what, each.how or "–") for each in absent)
    words = "What was never computed is not in this report. The commands below compute it; the report is then written anew."
    return Section("absent", "What is not in this report", (Words(words), Table(("", "by"), rows)))


def plan_files(of: Material, runs: Sequence[Run]) -> dict[str, dict[str, object]]:
    """Names of files to the plans that they hold: those of the report, then further ones that runs were asked with."""
    contents = [plan.to_json() for plan, _ in of.plans]
    for run in runs:
        content = run.spec.parameters.get("plan")
        if isinstance(content, dict):
            contents.append(dict(trained(run)))
    distinct = {identity(content): content for content in reversed(contents)}
    found = list(reversed(distinct.values()))
    names = ["plan.json", *(f"plan-{number}.json" for number in range(2, len(found) + 1))]
    return dict(zip(names, found, strict=False))


def _made(runs: Sequence[Run]) -> Table:
    rows = []
    for run in runs:
        made = run.provenance
        versions = (
            "not recorded"
            if made is None
            else ", ".join(
                f"{name} {value}"
                for name, value in (
                    ("explorer", made.version),
                    ("torch", made.torch),
                    ("numpy", made.numpy),
                    ("Python", made.python),
                    ("threads", made.threads),
                    ("on", made.cpu),
                )
                if value is not None
            )
        )
        when = "" if run.finished is None else f"{run.finished:%Y-%m-%d %H:%M} UTC"
        rows.append((run.id, titles.of(run), str(run.spec.seed), str(run.spec.version), when, versions))
    now = here()
    caption = f"The report was written by explorer {now.version or 'from a folder'}" + (
        f", commit {now.commit[:12]}." if now.commit else "."
    )
    return Table(("run", "what", "seed", "version", "finished", "computed with"), tuple(rows), caption)
