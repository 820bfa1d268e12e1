"""The command latency: a table of this computer's latencies, as ``frontier --latency`` reads it."""

from pathlib import Path
from typing import Annotated

import typer

from explorer.cli.output import progress_bar, remark, show, table
from explorer.cli.parsing import JsonOption, StudyOption, check_out


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("latency")(latency)


def latency(
    study: StudyOption,
    out: Annotated[Path, typer.Option("--out", metavar="FILE.csv", help="table to write")],
    batch: Annotated[int, typer.Option(help="samples at once", min=1, max=100_000)] = 1,
    rounds: Annotated[
        int, typer.Option(help="sessions of each network, from which errors are told", min=2, max=100)
    ] = 4,
    threads: Annotated[int, typer.Option(help="of an operator", min=1, max=1024)] = 1,
    as_json: JsonOption = False,
) -> None:
    """Measure every layer in ONNX Runtime on this computer, in integers and in FP32."""
    check_out(out)

    from explorer import files, studies
    from explorer.errors import ExportError
    from explorer.export.layer_latency import measure
    from explorer.runs.provenance import here

    loaded = studies.load_network(study)
    with progress_bar() as bar:
        found = measure(
            loaded,
            batch=batch,
            rounds=rounds,
            threads=threads,
            progress=lambda share: bar(share, "profiling"),
        )
    try:
        files.write(out, found.csv(here().cpu or "an unknown processor").encode())
    except OSError as error:
        raise ExportError(f"{out} cannot be written ({error.strerror}); name another place") from error
    rows = [
        (
            each.block,
            f"{each.integer:.4f} ± {each.integer_stderr:.1g}",
            f"{each.float32:.4f} ± {each.float32_stderr:.1g}",
        )
        for each in found.layers
    ]
    show(
        {"study": loaded.name, "out": str(out), **found.to_json()},
        as_json,
        table(f"{loaded.name}, batch {batch} (ms)", ("block", "1 to 8 bits", "FP32"), rows),
        about=loaded,
    )
    remark(
        "ONNX Runtime carries 1 to 8 bits in 8 bits: these widths take the same time; 16 bits run in FP32."
    )
    remark(f"{found.rest:.0%} of the integer network's time belongs to no layer: quantizing, sums, pooling.")
