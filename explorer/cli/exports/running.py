"""The commands run-exported and benchmark-exported: what an ONNX file says, and how fast."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from explorer.cli.output import measured, remark, show, table
from explorer.cli.parsing import JsonOption, StudyOption

if TYPE_CHECKING:
    from explorer.export.onnx_files.running import Running
    from explorer.studies import Study

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="an ONNX file that export wrote")]
SHOWN = 10
_DATA_BYTES = 4_000_000_000


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("run-exported")(run_exported)
    app.command("benchmark-exported")(benchmark_exported)


def run_exported(
    file: FileArgument,
    study: Annotated[
        str | None, typer.Option(help="measure the file on its test samples, or read what it says of --data")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(metavar="FILE.npy", help="classify these inputs, as the network takes them")
    ] = None,
    exact: Annotated[
        bool, typer.Option("--exact", help="without VNNI, let no sum of products saturate; slower")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Classify with ONNX Runtime: a study's test samples, or inputs of one's own."""
    if study is None and data is None:
        raise typer.BadParameter("neither a study nor inputs are named; give one", param_hint="--study")

    from explorer import studies
    from explorer.export.onnx_files.running import Running

    running = Running(file, exact=exact)
    loaded = None if study is None else studies.load_network(study)
    if data is not None:
        _classify(running, file, _inputs(data), loaded, as_json)
        return
    assert loaded is not None

    from explorer.evaluation import measure
    from explorer.export.onnx_files.trying import Arranged

    content, rows = measured(loaded, measure(Arranged(running, loaded.model()), loaded).to_json())
    show(content, as_json, table(f"{file} in ONNX Runtime", ("", "value"), rows), about=loaded)


def _classify(running: "Running", file: Path, inputs: Any, study: "Study | None", as_json: bool) -> None:
    """Show the class with the largest score of every sample, or of each of its tokens.

    Raises:
        ExportError: the outputs are no scores of classes, or only a study could say so.
    """
    from explorer.errors import ExportError
    from explorer.studies.metrics import ACCURACY

    outputs = running(inputs)
    found = (ACCURACY if study is None else study.metric).largest(outputs)
    if found is None:
        shape = tuple(outputs.shape) if hasattr(outputs, "shape") else f"{len(outputs)} tensors"
        mend = "name the --study that it is of" if study is None else "run it with ONNX Runtime itself"
        raise ExportError(f"the outputs of {file}, {shape}, are no scores of classes a sample; {mend}")
    classes = found.tolist()
    shown = [(number, str(each)) for number, each in enumerate(classes[:SHOWN])]
    content = {"samples": len(classes), "classes": classes}
    show(content, as_json, table(str(file), ("sample", "class"), shown), about=study)


def benchmark_exported(
    file: FileArgument,
    study: StudyOption,
    rounds: Annotated[int, typer.Option(help="fresh processes for each", min=2, max=100)] = 4,
    threads: Annotated[int | None, typer.Option(help="of an operator; the libraries' choice", min=1)] = None,
    as_json: JsonOption = False,
) -> None:
    """Latency of a file at batch 1 and 64 against the FP32 network in ONNX Runtime and in PyTorch."""
    from explorer import studies
    from explorer.export.latency import benchmark

    loaded = studies.load_network(study)
    found = benchmark(file, loaded, rounds=rounds, threads=threads)
    rows = [
        (
            each.what,
            each.batch,
            f"{each.milliseconds:.3f}",
            f"{each.ratio:.2f}",
            f"{each.lowest:.2f} to {each.highest:.2f}",
        )
        for each in found
    ]
    columns = ("", "batch", "ms", "times as fast as FP32 in ONNX Runtime", "over the rounds")
    show(
        {"study": loaded.name, "latencies": [each.to_json() for each in found]},
        as_json,
        table(f"{file} ({rounds} rounds)", columns, rows),
        about=loaded,
    )
    remark("Fewer than 8 bits make a file smaller; on a CPU they make nothing faster.")


def _inputs(path: Path) -> Any:
    import numpy as np

    from explorer.errors import ExportError

    try:
        if path.stat().st_size > _DATA_BYTES:
            raise ExportError(f"the inputs {path} are more than 4 GB; give them in parts")
        found = np.load(path, allow_pickle=False)
        return found["inputs"] if isinstance(found, np.lib.npyio.NpzFile) else found
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise ExportError(
            f"the inputs {path} cannot be read ({error}); give a .npy, or a .npz with inputs"
        ) from error
