"""Commands that measure and train a plan."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from explorer.cli.options import JsonOption, SeedOption, Split, StudyOption, strictly_between
from explorer.cli.output import remark, show, table
from explorer.cli.running import run_to_end
from explorer.questions.training import Optimizer

if TYPE_CHECKING:
    from explorer.plans import Plan
    from explorer.studies import Study

PlanOption = Annotated[Path, typer.Option("--plan", help="a plan.json")]
NOT_BUILT = ("lsq", "pact", "dorefa", "fpq")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("evaluate")(evaluate)
    app.command("finetune")(finetune)


def evaluate(
    study: StudyOption,
    plan: PlanOption,
    split: Annotated[Split, typer.Option(help="which samples")] = Split.test,
    as_json: JsonOption = False,
) -> None:
    """Loss and accuracy of a plan without training."""
    from explorer.jobs.requests import spec_of
    from explorer.questions import EvaluateQuestion

    loaded, chosen = _load(study, plan)
    spec = spec_of(loaded, EvaluateQuestion(plan=chosen.to_json(), split=split.value))
    _, result = run_to_end(spec, f"evaluating a plan of {loaded.name}")
    content = {"study": loaded.name, **result}
    rows = [(key, f"{value:,.4f}" if isinstance(value, float) else value) for key, value in content.items()]
    show(content, as_json, table("Without training", ("", "value"), rows), about=loaded)


def _list_methods(asked: bool) -> None:
    if asked:
        from explorer.qat import METHODS

        for name, method in METHODS.items():
            typer.echo(f"{name}: {method.title}")
        raise typer.Exit


def finetune(
    study: StudyOption,
    plan: PlanOption,
    method: Annotated[
        str, typer.Option(help="how gradients reach the weights; --methods lists them")
    ] = "ste",
    epochs: Annotated[int, typer.Option(min=1)] = 1,
    batch_size: Annotated[int, typer.Option(min=2)] = 128,
    optimizer: Annotated[Optimizer, typer.Option(help="SGD with momentum, or AdamW")] = "sgd",
    learning_rate: Annotated[
        float | None,
        typer.Option(
            callback=lambda rate: None if rate is None else strictly_between(0, 10)(rate),
            help="at the start; decays to zero; without it 0.01 for sgd, 0.001 for adamw",
        ),
    ] = None,
    methods: Annotated[
        bool,
        typer.Option("--methods", help="list the methods and stop", is_eager=True, callback=_list_methods),
    ] = False,
    staged: Annotated[
        bool, typer.Option("--staged", help="block by block, as HAWQ does; not built yet")
    ] = False,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Quantization-aware training of a plan; asked again after an interruption, it goes on where it was."""
    if staged:
        raise typer.BadParameter(
            "staged training is not built yet; leave it out to train all blocks at once",
            param_hint="--staged",
        )

    from explorer.jobs.requests import spec_of
    from explorer.qat import METHODS
    from explorer.questions import FinetuneQuestion

    if method not in METHODS:
        problem = "is not built yet" if method in NOT_BUILT else "is unknown"
        raise typer.BadParameter(f"{method!r} {problem}; use {' or '.join(METHODS)}", param_hint="--method")
    loaded, chosen = _load(study, plan)
    spec = spec_of(
        loaded,
        FinetuneQuestion(
            plan=chosen.to_json(),
            seed=seed,
            method=method,
            epochs=epochs,
            batch_size=batch_size,
            optimizer=optimizer,
            learning_rate=learning_rate,
        ),
    )
    run_id, result = run_to_end(spec, f"fine-tuning {loaded.name}")
    before, after = result["before"], result["after"]
    asked = {"run": run_id, "study": loaded.name, "method": method, "epochs": epochs}
    # What holds after training is at the top level, beside the parts that the run recorded.
    content = {**asked, **after, **result}
    rows = [(when, *_measured(one)) for when, one in (("before", before), ("after", after))]
    show(content, as_json, table(f"Run {run_id}", ("", "test loss", "accuracy", "bytes"), rows), about=loaded)


def _measured(one: dict[str, Any]) -> tuple[str, str, str]:
    accuracy = "" if one["accuracy"] is None else f"{one['accuracy']:.2%}"
    return f"{one['loss']:.4f}", accuracy, f"{one['size_bytes']:,}"


def _load(study: str, plan: Path) -> "tuple[Study, Plan]":
    from explorer import studies
    from explorer.plans import read_plan

    loaded = studies.load_network(study)
    partitions = (loaded.blocks(), loaded.blocks("module"))
    return loaded, read_plan(plan, study=loaded, partitions=partitions, remark=remark)[0]
