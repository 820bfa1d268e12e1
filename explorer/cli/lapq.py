"""The commands that optimise step sizes, and compare ways to choose them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from explorer.cli.asking import Asked, asks
from explorer.cli.output import remark, show, table
from explorer.cli.parsing import JsonOption
from explorer.cli.running import typed
from explorer.questions import LapqQuestion, LapqTableQuestion

if TYPE_CHECKING:
    from explorer.lapq import LapqResult
    from explorer.lapq.result import Stage
    from explorer.lapq.rivals.table import Comparison, Row


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("lapq")(lapq)
    app.command("lapq-table")(lapq_table)


@asks(LapqQuestion)
def lapq(
    asked: Asked[LapqQuestion],
    context: typer.Context,
    save: Annotated[
        Path | None, typer.Option("--out", "--save", help="write the plan with its steps there")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Step sizes after training, by LAPQ: layer-wise, quadratic in p, then all together."""
    widths_once(context)
    question = asked.question
    if save is not None and question.form != "integer":
        raise typer.BadParameter(
            "a plan can hold the steps of the form integer alone; leave --out or --form out",
            param_hint="--out",
        )
    study = asked.study
    run = asked.run(f"step sizes of {study.name}")
    found: LapqResult = typed(run)
    if save is not None:
        from explorer.lapq.loss.widths import planned
        from explorer.plans import write_plan

        blocks = study.blocks() if question.plan is None else planned(study, question.plan)[1]
        write_plan(found.plan(study, blocks), save)
    rows = [(name, *_measured(stage)) for name, stage in found.stages.items()]
    title = (
        f"LAPQ on {study.name}, {question.bits}, {found.method} ({found.evaluations:,} evaluations, "
        f"{found.forward_equivalents:.0f} forward passes over {found.calibration} {study.noun.many}, "
        f"{found.seconds:.0f} s)"
    )
    columns = ("stage", "calibration loss", "test loss", "± s.e.", study.metric.name)
    show(
        {"study": study.name, **(run.result or {})},
        as_json,
        table(title, columns, rows),
        about=study,
    )
    if save is not None:
        remark(f"the plan with its steps is in {save}")


@asks(LapqTableQuestion)
def lapq_table(asked: Asked[LapqTableQuestion], context: typer.Context, as_json: JsonOption = False) -> None:
    """Ways to choose step sizes side by side: min-max, MMSE, ACIQ, KL, OCS, DUAL and the phases of LAPQ."""
    widths_once(context)
    study = asked.study
    run = asked.run(f"ways to calibrate {study.name}")
    found: Comparison = typed(run)
    rows = [(row.method, row.bias_correction, *_tested(row)) for row in found.rows]
    title = (
        f"Calibration of {study.name}, {asked.question.bits}, {found.calibration:,} "
        f"{study.training_name}, {found.test_images:,} test {study.noun.many}"
    )
    counted = (study.metric.name, "± s.e.")
    columns = ("method", "bias correction", "calibration loss", "test loss", "± s.e.", *counted)
    shown = table(title, columns, rows, words=("bias correction",))
    show(run.result or {}, as_json, shown, about=study)


def widths_once(context: typer.Context) -> None:
    """Refuse a plan beside widths that were typed too, be they those that are usual."""
    if context.params.get("plan") is None:
        return
    for name, option in (("w_bits", "--w-bits"), ("a_bits", "--a-bits"), ("leave", "--leave")):
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            raise typer.BadParameter(
                f"the plan gives every layer its width; leave out --plan or {option}", param_hint=option
            )


def _tested(row: "Row") -> tuple[str, ...]:
    losses = (f"{value:.4f}" for value in (row.calibration_loss, row.test_loss, row.test_loss_stderr))
    shares = (row.test_accuracy, row.test_accuracy_stderr)
    return *losses, *("" if share is None else f"{share:.2%}" for share in shares)


def _measured(stage: "Stage") -> tuple[str, str, str, str]:
    losses = (f"{value:.4f}" for value in (stage.calibration_loss, stage.loss, stage.loss_stderr))
    calibration, test, error = losses
    return calibration, test, error, "" if stage.accuracy is None else f"{stage.accuracy:.2%}"
