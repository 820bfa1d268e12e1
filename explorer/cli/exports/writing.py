"""The commands export and unpack: from a plan to files that run elsewhere, and back to tensors."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from explorer.cli.output import remark, show, table
from explorer.cli.parsing import JsonOption, StudyOption, check_out

if TYPE_CHECKING:
    from explorer.export import Options, Subject
    from explorer.runs import Run, Store
    from explorer.studies import Study

FormatOption = Annotated[str, typer.Option("--format", help="onnx, packed, qonnx or aimet")]
FlavourOption = Annotated[
    str,
    typer.Option(
        help="of onnx and qonnx: integer (int32 biases, 8-bit sums) or faithful (the plan and no more)"
    ),
]
CarrierOption = Annotated[
    str, typer.Option(help="of onnx: int8 (a byte a weight) or packed (each at its own width)")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("export")(export)
    app.command("unpack")(unpack)


def export(
    study: StudyOption,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="folder to make")],
    plan: Annotated[Path | None, typer.Option(help="path of a plan.json; the run's own without it")] = None,
    run: Annotated[
        str | None, typer.Option(help="a finished finetune run, whose weights are written")
    ] = None,
    format: FormatOption = "onnx",
    flavour: FlavourOption = "integer",
    carrier: CarrierOption = "int8",
    tried: Annotated[int, typer.Option(help="test samples that the file is tried on", min=1)] = 200,
    as_json: JsonOption = False,
) -> None:
    """Write a quantized network to files, and read them back."""
    from explorer.questions import exports as asked

    for option, given, literal in (
        ("--format", format, asked.Format),
        ("--flavour", flavour, asked.Flavour),
        ("--carrier", carrier, asked.Carrying),
    ):
        allowed = get_args(literal)
        if given not in allowed:
            raise typer.BadParameter(f"there is no {given!r}; use {' or '.join(allowed)}", param_hint=option)
    if plan is None and run is None:
        raise typer.BadParameter("neither a plan nor a run is named; give one", param_hint="--plan")

    from explorer import files, studies
    from explorer.errors import ExportError
    from explorer.export import Options
    from explorer.export import export as write

    files.check_free(out, ExportError)
    loaded = studies.load_network(study)
    options = Options(flavour=flavour, carrier=carrier, tried=tried)  # type: ignore[arg-type]
    manifest = write(_subject(loaded, plan, run, options), format, out)
    content: dict[str, Any] = {"folder": str(out), **manifest.to_json()}
    counted = loaded.metric.name
    checks = [(name.replace("accuracy", counted), _said(found)) for name, found in manifest.checks.items()]
    rows = [
        *((name, f"{each['bytes']:,} bytes") for name, each in manifest.files.items()),
        ("weights in it", f"{manifest.weight_bytes:,} bytes; the plan promised {manifest.promised_bytes:,}"),
        *checks,
    ]
    show(content, as_json, table(f"{loaded.name} in {out}", ("", "value"), rows), about=loaded)
    for sentence in manifest.remarks:
        remark(sentence)


def unpack(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="what export --format packed wrote")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE.safetensors", help="tensors to write")],
    as_json: JsonOption = False,
) -> None:
    """Write the tensors of a packed file as numbers, under the names of the network's state dict."""
    check_out(out)

    from safetensors.numpy import save

    from explorer import files
    from explorer.errors import ExportError
    from explorer.export.packed import opened

    found = opened(file)
    state = found.state()
    try:
        files.write(out, save(state))
    except OSError as error:
        raise ExportError(f"{out} cannot be written ({error.strerror}); name another place") from error
    content = {
        "tensors": len(state),
        "weight_bytes": found.weight_bytes,
        "plan": dict(found.plan),
        "out": str(out),
    }
    rows = [("tensors", len(state)), ("packed weights", f"{found.weight_bytes:,} bytes")]
    show(content, as_json, table(f"Tensors in {out}", ("", "value"), rows))


def _subject(study: "Study", plan: Path | None, run: str | None, options: "Options") -> "Subject":
    from explorer.errors import RunError
    from explorer.export import Subject
    from explorer.jobs.kinds.finetune import TRAINED
    from explorer.jobs.telling.trained import trained_plan
    from explorer.plans import read_plan
    from explorer.runs import Store

    partitions = (study.blocks(), study.blocks("module"))
    given = None if plan is None else read_plan(plan, study=study, partitions=partitions, remark=remark)
    if run is None:
        assert given is not None
        return Subject.untrained(study, *given, options)
    store = Store.open()
    found = finished(store, study, run)
    own = trained_plan(study, found)
    if given is not None and dict(given[0].blocks) != dict(own.plan.blocks):
        raise RunError(f"run {found.id} trained another plan; leave --plan out to export its own")
    network = own.network(store.tensors(found.id, TRAINED))
    return Subject(study, own.plan, own.blocks, network, options, found.id)


def finished(store: "Store", study: "Study", run: str) -> "Run":
    """The finished training of a study that is named by its id or the beginning of it.

    Raises:
        RunError: there is none, or it is another kind of run or of another study.
    """
    from explorer.errors import RunError
    from explorer.jobs import housekeeping

    found = housekeeping.find(store, run)
    if found.spec.kind != "finetune" or found.status != "done":
        raise RunError(
            f"run {found.id} is no finished finetune; name one that `runs list --kind finetune` shows"
        )
    if found.spec.fingerprint != study.fingerprint:
        raise RunError(
            f"run {found.id} trained another study than {study.name}; name the study that it trained"
        )
    return found


def _said(found: Any) -> str:
    return ", ".join(
        f"{key} {value:.4g}" if isinstance(value, float) else f"{key} {value}" for key, value in found.items()
    )
