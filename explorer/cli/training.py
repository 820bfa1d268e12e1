"""Commands that measure and train a plan."""

from pathlib import Path
from typing import Annotated

import typer

from explorer import studies
from explorer.blocks import Block, study_blocks
from explorer.cli.output import JsonOption, StudyOption, show, table
from explorer.cli.running import run_to_end
from explorer.plans import Plan, read_plan
from explorer.studies import Study

PlanOption = Annotated[Path, typer.Option("--plan", help="a plan.json")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("evaluate")(evaluate)
    app.command("finetune")(finetune)


def evaluate(
    study: StudyOption,
    plan: PlanOption,
    split: Annotated[str, typer.Option(help="train or test")] = "test",
    as_json: JsonOption = False,
) -> None:
    """Loss and accuracy of a plan without training."""
    from explorer.runs import requests

    loaded, chosen, _ = _load(study, plan)
    loaded.data.size(split)  # an unknown split is refused before a run is recorded
    result = run_to_end(
        requests.evaluate(loaded, chosen.to_json(), split=split), f"evaluating a plan of {loaded.name}"
    ).result
    content = {"study": loaded.name, **(result or {})}
    rows = [(key, f"{value:,.4f}" if isinstance(value, float) else value) for key, value in content.items()]
    show(content, as_json, table("Without training", ("", "value"), rows))


def finetune(
    study: StudyOption,
    plan: PlanOption,
    method: Annotated[str, typer.Option(help="ste")] = "ste",
    epochs: Annotated[int, typer.Option(min=1)] = 1,
    batch_size: Annotated[int, typer.Option(min=2)] = 128,
    learning_rate: Annotated[float, typer.Option(help="at the start; decays to zero")] = 0.01,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    as_json: JsonOption = False,
) -> None:
    """Quantization-aware training of a plan; asked again after an interruption, it goes on where it was."""
    from explorer.qat import METHODS
    from explorer.runs import requests

    if method not in METHODS:
        raise typer.BadParameter(
            f"{method!r} is not available; use {' or '.join(METHODS)}", param_hint="--method"
        )
    loaded, chosen, _ = _load(study, plan)
    spec = requests.finetune(
        loaded,
        chosen.to_json(),
        seed=seed,
        method=method,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
    )
    run = run_to_end(spec, f"fine-tuning {loaded.name}")
    result = run.result or {}
    after = result["after"]
    content = {"run": run.id, "study": loaded.name, "method": method, "epochs": epochs, **after, **result}
    rows = [
        (
            when,
            f"{m['loss']:.4f}",
            "" if m["accuracy"] is None else f"{m['accuracy']:.2%}",
            f"{m['size_bytes']:,}",
        )
        for when, m in (("before", result["before"]), ("after", after))
    ]
    show(content, as_json, table(f"Run {run.id}", ("", "test loss", "accuracy", "bytes"), rows))


def _load(study: str, plan: Path) -> tuple[Study, Plan, tuple[Block, ...]]:
    loaded = studies.load_network(study)
    chosen, blocks = read_plan(
        plan, study=loaded, partitions=(study_blocks(loaded), study_blocks(loaded, "module"))
    )
    return loaded, chosen, blocks
