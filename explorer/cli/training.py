"""Commands that measure and train a plan."""

from typing import Annotated, Any

import typer

from explorer.cli.asking import Asked, asks
from explorer.cli.output import show, table
from explorer.cli.parsing import JsonOption
from explorer.questions import EvaluateQuestion, FinetuneQuestion

NOT_BUILT = ("lsq", "pact", "dorefa", "fpq")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("evaluate")(evaluate)
    app.command("finetune")(finetune)


@asks(EvaluateQuestion)
def evaluate(asked: Asked[EvaluateQuestion], as_json: JsonOption = False) -> None:
    """Loss and accuracy of a plan without training."""
    study = asked.study
    content = {"study": study.name, **(asked.run(f"evaluating a plan of {study.name}").result or {})}
    rows = [(key, f"{value:,.4f}" if isinstance(value, float) else value) for key, value in content.items()]
    show(content, as_json, table("Without training", ("", "value"), rows), about=study)


def _list_methods(asked: bool) -> None:
    if asked:
        from explorer.qat import METHODS

        for name, method in METHODS.items():
            typer.echo(f"{name}: {method.title}")
        raise typer.Exit


@asks(FinetuneQuestion)
def finetune(
    asked: Asked[FinetuneQuestion],
    methods: Annotated[
        bool,
        typer.Option("--methods", help="list the methods and stop", is_eager=True, callback=_list_methods),
    ] = False,
    staged: Annotated[
        bool, typer.Option("--staged", help="block by block, as HAWQ does; not built yet")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Quantization-aware training of a plan; asked again after an interruption, it goes on where it was."""
    if staged:
        raise typer.BadParameter(
            "staged training is not built yet; leave it out to train all blocks at once",
            param_hint="--staged",
        )

    from explorer.qat import METHODS

    method = asked.options["method"]
    if method not in METHODS:
        problem = "is not built yet" if method in NOT_BUILT else "is unknown"
        raise typer.BadParameter(f"{method!r} {problem}; use {' or '.join(METHODS)}", param_hint="--method")
    study, question = asked.study, asked.question
    run = asked.run(f"fine-tuning {study.name}")
    result = run.result or {}
    before, after = result["before"], result["after"]
    about = {"run": run.id, "study": study.name, "method": method, "epochs": question.epochs}
    # What holds after training is at the top level, beside the parts that the run recorded.
    content = {**about, **after, **result}
    rows = [(when, *_measured(one)) for when, one in (("before", before), ("after", after))]
    columns = ("", "test loss", "accuracy", "bytes")
    show(content, as_json, table(f"Run {run.id}", columns, rows), about=study)


def _measured(one: dict[str, Any]) -> tuple[str, str, str]:
    accuracy = "" if one["accuracy"] is None else f"{one['accuracy']:.2%}"
    return f"{one['loss']:.4f}", accuracy, f"{one['size_bytes']:,}"
