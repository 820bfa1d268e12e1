"""The commands that optimise step sizes, and compare ways to choose them."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from explorer.cli.options import JsonOption, SeedOption, StudyOption
from explorer.cli.output import remark, show, table
from explorer.cli.running import run_to_end


class JointMethod(StrEnum):
    powell = "powell"
    coordinate = "coordinate"
    gradient = "gradient"


class QuantizerForm(StrEnum):
    integer = "integer"
    paper = "paper"
    code = "code"


class Correction(StrEnum):
    none = "none"
    mean = "mean"
    mean_variance = "mean-variance"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("lapq")(lapq)
    app.command("lapq-table")(lapq_table)


def lapq(
    study: StudyOption,
    w_bits: Annotated[int, typer.Option(help="of weights, 2 to 8; 32 for FP32")] = 4,
    a_bits: Annotated[int, typer.Option(help="of layers' inputs, 2 to 8; 32 for FP32")] = 4,
    calibration: Annotated[int, typer.Option(min=1, help="training images that the loss is a mean of")] = 512,
    method: Annotated[JointMethod, typer.Option(help="of the joint phase")] = JointMethod.powell,
    bias_correction: Annotated[
        Correction, typer.Option(help="of the weights, channel by channel")
    ] = Correction.none,
    form: Annotated[
        QuantizerForm, typer.Option(help="the project's grid, the paper's, or that of the paper's code")
    ] = QuantizerForm.integer,
    leave: Annotated[
        str | None,
        typer.Option(help="layers that stay in FP32, with commas between; the first and the last without it"),
    ] = None,
    save: Annotated[Path | None, typer.Option(help="write the plan with its steps there")] = None,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Step sizes after training, by LAPQ: layer-wise, quadratic in p, then all together."""
    from explorer import studies
    from explorer.jobs.requests import spec_of
    from explorer.lapq.loss.forms import check_bits
    from explorer.questions import LapqQuestion

    loaded = studies.load_network(study)
    for what, bits in (("weights", w_bits), ("activations", a_bits)):
        check_bits(what, bits)
    if save is not None and form is not QuantizerForm.integer:
        raise typer.BadParameter(
            "a plan can hold the steps of the form integer alone; leave --save or --form out",
            param_hint="--save",
        )
    spec = spec_of(
        loaded,
        LapqQuestion(
            seed=seed,
            w_bits=w_bits,
            a_bits=a_bits,
            calibration=calibration,
            method=method.value,
            bias_correction=bias_correction.value,
            form=form.value,
            leave=_left(leave),
        ),
    )
    _, result = run_to_end(spec, f"step sizes of {loaded.name}")
    if save is not None:
        _save(save, loaded, result)
    rows = [(name, *_measured(stage)) for name, stage in result["stages"].items()]
    title = (
        f"LAPQ on {loaded.name}, W{w_bits}A{a_bits}, {method.value} ({result['evaluations']:,} evaluations, "
        f"{result['forward_equivalents']:.0f} forward passes over {result['calibration']} {loaded.noun.many}, "
        f"{result['seconds']:.0f} s)"
    )
    columns = ("stage", "calibration loss", "test loss", "± s.e.", "accuracy")
    show({"study": loaded.name, **result}, as_json, table(title, columns, rows), about=loaded)
    if save is not None:
        remark(f"the plan with its steps is in {save}")


def lapq_table(
    study: StudyOption,
    w_bits: Annotated[int, typer.Option(help="of weights, 2 to 8; 32 for FP32")] = 4,
    a_bits: Annotated[int, typer.Option(help="of layers' inputs, 2 to 8; 32 for FP32")] = 4,
    calibration: Annotated[int, typer.Option(min=1, help="training images that steps are chosen with")] = 512,
    test_images: Annotated[
        int | None, typer.Option(min=1, help="images that the table reports on; all without it")
    ] = None,
    method: Annotated[JointMethod, typer.Option(help="of the joint phase")] = JointMethod.gradient,
    corrections: Annotated[
        str, typer.Option(help="bias corrections of the weights, with commas between")
    ] = "none,mean",
    leave: Annotated[
        str | None,
        typer.Option(help="layers that stay in FP32, with commas between; the first and the last without it"),
    ] = None,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Ways to choose step sizes side by side: min-max, MMSE, ACIQ, KL, OCS, DUAL and the phases of LAPQ."""
    from explorer import studies
    from explorer.jobs.requests import spec_of
    from explorer.lapq.loss.forms import check_bits
    from explorer.quantizers.bias_correction import check_bias_correction
    from explorer.questions import LapqTableQuestion

    loaded = studies.load_network(study)
    for what, bits in (("weights", w_bits), ("activations", a_bits)):
        check_bits(what, bits)
    kinds = [kind.strip() for kind in corrections.split(",") if kind.strip()]
    for kind in kinds:
        check_bias_correction(kind)
    spec = spec_of(
        loaded,
        LapqTableQuestion(
            seed=seed,
            w_bits=w_bits,
            a_bits=a_bits,
            calibration=calibration,
            test_images=test_images,
            method=method.value,
            corrections=kinds,
            leave=_left(leave),
        ),
    )
    _, result = run_to_end(spec, f"ways to calibrate {loaded.name}")
    rows = [(row["method"], row["bias_correction"], *_tested(row)) for row in result["rows"]]
    title = (
        f"Calibration of {loaded.name}, W{w_bits}A{a_bits}, {result['calibration']:,} {loaded.training_name}, "
        f"{result['test_images']:,} test {loaded.noun.many}"
    )
    columns = ("method", "bias correction", "calibration loss", "test loss", "± s.e.", "accuracy", "± s.e.")
    show(result, as_json, table(title, columns, rows, words=("bias correction",)), about=loaded)


def _left(leave: str | None) -> list[str] | None:
    return None if leave is None else [name.strip() for name in leave.split(",") if name.strip()]


def _tested(row: dict[str, Any]) -> tuple[str, ...]:
    losses = (f"{row[key]:.4f}" for key in ("calibration_loss", "test_loss", "test_loss_stderr"))
    shares = (row["test_accuracy"], row["test_accuracy_stderr"])
    return *losses, *("" if share is None else f"{share:.2%}" for share in shares)


def _measured(stage: dict[str, Any]) -> tuple[str, str, str, str]:
    accuracy = "" if stage["accuracy"] is None else f"{stage['accuracy']:.2%}"
    return (
        f"{stage['calibration_loss']:.4f}",
        f"{stage['loss']:.4f}",
        f"{stage['loss_stderr']:.4f}",
        accuracy,
    )


def _save(path: Path, study: Any, result: dict[str, Any]) -> None:
    from explorer.lapq import LapqResult
    from explorer.plans import write_plan

    write_plan(LapqResult.from_json(result).plan(study, study.blocks()), path)
