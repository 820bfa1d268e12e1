"""Commands that measure, train and choose a plan."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from explorer import devices
from explorer.access.persons import system_user
from explorer.cli import parsing
from explorer.cli.asking import Asked, asks, seconds
from explorer.cli.output import measured, remark, show, table
from explorer.cli.parsing import (
    ActivationsOption,
    DeviceOption,
    JsonOption,
    LatencyOption,
    LimitOption,
    Measure,
    PlannedCost,
    StudyOption,
    TimeLimitOption,
    check_out,
)
from explorer.cli.running import run_to_end, typed
from explorer.cli.spelling import spelling
from explorer.questions import (
    ChooseQuestion,
    EvaluateQuestion,
    FinetuneQuestion,
    FrontierQuestion,
)
from explorer.questions.base import Granularity
from explorer.questions.choose import StepRule
from explorer.questions.presets import PRESETS

if TYPE_CHECKING:
    from explorer.choosing import Choice


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("evaluate")(evaluate)
    app.command("finetune")(finetune)
    app.command("choose")(choose)


@asks(EvaluateQuestion)
def evaluate(asked: Asked[EvaluateQuestion], as_json: JsonOption = False) -> None:
    """Loss and accuracy of a plan without training."""
    study = asked.study
    content, rows = measured(study, asked.run(f"evaluating a plan of {study.name}").result or {})
    show(content, as_json, table("Without training", ("", "value"), rows), about=study)
    for sentence in content.get("remarks", ()):
        remark(sentence)


def _list_methods(asked: bool) -> None:
    if asked:
        from explorer.qat import METHODS

        for name, method in METHODS.items():
            typer.echo(f"{name}: {method.title}")
        raise typer.Exit


@asks(FinetuneQuestion)
def finetune(
    asked: Asked[FinetuneQuestion],
    context: typer.Context,
    preset: Annotated[
        str | None,
        typer.Option(
            help=f"settings as a paper published them: {', '.join(PRESETS)}; other options go before them"
        ),
    ] = None,
    list_methods: Annotated[
        bool,
        typer.Option(
            "--list-methods", help="list the methods and stop", is_eager=True, callback=_list_methods
        ),
    ] = False,
    plans: Annotated[
        list[str] | None, typer.Option("--plans", help="several plan.json: all are trained, in one table")
    ] = None,
    methods: Annotated[
        str | None,
        typer.Option(
            "--methods", help="several methods or presets with commas between, for such a table, e.g. lsq,fpq"
        ),
    ] = None,
    seeds: Annotated[
        str | None, typer.Option("--seeds", help="several seeds with commas between, for such a table")
    ] = None,
    more: Annotated[list[str] | None, typer.Argument(hidden=True)] = None,
    as_json: JsonOption = False,
) -> None:
    """Quantization-aware training of a plan; asked again after an interruption, it goes on where it was."""
    paths = [*(plans or ()), *(more or ())]
    if more and not plans:
        raise typer.BadParameter(
            f"there is no argument {more[0]!r} to take; give plans with --plans", param_hint="finetune"
        )
    if (asked.options["plan"] == {}) is not bool(paths):
        raise typer.BadParameter(
            "give one plan.json with --plan, or several with --plans", param_hint="--plan"
        )
    chosen = {} if preset is None else _preset(preset, context)
    named = [chosen.get("method", asked.options["method"])] if methods is None else methods.split(",")
    from explorer.jobs.sweeps import recipes
    from explorer.qat import METHODS

    for method in named:
        if method not in recipes():
            hint = "--method" if methods is None else "--methods"
            raise typer.BadParameter(f"{method!r} is unknown; use {' or '.join(recipes())}", param_hint=hint)
    if methods is None and named[0] not in METHODS:  # a recipe that is called like no method, such as fpq
        chosen |= {**_preset(named[0], context), "method": PRESETS[named[0]]["method"]}
    if paths or methods is not None or seeds is not None:
        _sweep(asked, chosen, paths, named, _seeds(seeds, asked.options["seed"]), as_json)
        return
    study, question = asked.study, asked.question.but(**chosen)
    from explorer.qat.optimizers import SPOILS, usual

    if question.optimizer == "sgd" and usual(study.model()) == "adamw":
        remark(SPOILS)
    run = run_to_end(study, question, f"fine-tuning {study.name}", asked.time_limit)
    result = run.result or {}
    before, after = result["before"], result["after"]
    about = {"run": run.id, "study": study.name, "method": question.method, "epochs": result.get("epochs")}
    # What holds after training is at the top level, beside the parts that the run recorded.
    content = {**about, **after, **result}
    rows = [(when, *_measured(one)) for when, one in (("before", before), ("after", after))]
    columns = ("", "test loss", study.metric.name, "bytes")
    show(content, as_json, table(f"Run {run.id}, kept: {result['kept']}", columns, rows), about=study)


def _preset(name: str, context: typer.Context) -> dict[str, Any]:
    """Options of a preset but for those that were typed.

    Raises:
        BadParameter: there is no such preset.
    """
    if name not in PRESETS:
        raise typer.BadParameter(f"{name!r} is unknown; use {' or '.join(PRESETS)}", param_hint="--preset")
    sources = {option: context.get_parameter_source(option) for option in PRESETS[name]}
    typed = {
        option for option, source in sources.items() if source is not None and source.name == "COMMANDLINE"
    }
    return {option: value for option, value in PRESETS[name].items() if option not in typed}


def _seeds(text: str | None, alone: int) -> list[int]:
    if text is None:
        return [alone]
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} must be whole numbers with a comma between, e.g. 0,1,2", param_hint="--seeds"
        ) from None


def _sweep(
    asked: Asked[FinetuneQuestion],
    chosen: dict[str, Any],
    paths: Sequence[str],
    recipes: Sequence[str],
    seeds: Sequence[int],
    as_json: bool,
) -> None:
    """Train every plan by every recipe with every seed, each a run of its own in the queue; one table of all."""
    from explorer import jobs
    from explorer.jobs import sweeps
    from explorer.jobs.requests import spec_of
    from explorer.runs import Store

    study, store = asked.study, Store.open()
    read = spelling(FinetuneQuestion, "plan").read_for
    assert read is not None
    named = {path: read(path, study) for path in paths}
    plans = named or {str(asked.options["plan"]): asked.question.plan}
    questions = sweeps.questions(asked.question.but(**chosen), plans, recipes, seeds)
    for question in questions.values():
        jobs.request(store, spec_of(study, question), parts=study.parts, owner=system_user())
    done = {
        place: run_to_end(study, question, f"fine-tuning {study.name}", asked.time_limit)
        for place, question in questions.items()
    }
    tag = sweeps.gather(store, list(done.values()))
    found = sweeps.summarised(done, sweeps.recorded(store))
    content = {
        "study": study.name,
        "tag": tag,
        "rows": [row.to_json() for row in found],
        "runs": [
            {"run": run.id, "plan": path, "method": recipe, "seed": seed}
            for (path, recipe, seed), run in done.items()
        ],
    }
    rows = [(row.plan, row.method, row.runs, *row.words()) for row in found]
    columns = (
        *("plan", "method", "seeds", "bytes", "without (%)", "after (%)", "test loss"),
        *("to the first (points)", "which is"),
    )
    title = f"{study.name}: mean ± standard deviation over seeds; difference ± standard error"
    show(content, as_json, table(title, columns, rows, words=("method", "which is")), about=study)


def _measured(one: dict[str, Any]) -> tuple[str, str, str]:
    accuracy = "" if one["accuracy"] is None else f"{one['accuracy']:.2%}"
    return f"{one['loss']:.4f}", accuracy, f"{one['size_bytes']:,}"


def choose(
    study: StudyOption,
    max_drop: Annotated[
        str,
        typer.Option(
            help="accuracy, or what else the study counts, that may be lost: 1% or 0.01 is one percentage point"
        ),
    ] = "1%",
    bits: Annotated[str | None, typer.Option(help="widths on offer, e.g. 2,3,4,6,8")] = None,
    cost: Annotated[
        PlannedCost, typer.Option("--axis", "--cost", help="what the plan is to have least of")
    ] = "size",
    latency: LatencyOption = None,
    limit: LimitOption = None,
    a_bits: ActivationsOption = None,
    damage: Annotated[
        Measure, typer.Option(help="how Ω is predicted, along whose frontier is searched")
    ] = "product",
    samples: Annotated[
        int, typer.Option(help="training samples to choose by; as many more are held out", min=2)
    ] = ChooseQuestion.default("samples"),
    refine: Annotated[
        bool, typer.Option("--refine", help="swap bits between blocks by measured loss")
    ] = False,
    steps: Annotated[
        StepRule,
        typer.Option(
            help="step sizes: by the usual rule, or LAPQ's where they help, and smaller plans with them"
        ),
    ] = "rule",
    finetune: Annotated[
        bool, typer.Option("--finetune", help="train the chosen plan, with the defaults of finetune")
    ] = False,
    granularity: Annotated[Granularity, typer.Option(help="what a block is")] = "layer",
    seed: Annotated[int, typer.Option(help="of every random draw", min=0)] = 0,
    out: Annotated[Path | None, typer.Option(metavar="PLAN.json", help="write the chosen plan there")] = None,
    time_limit: TimeLimitOption = None,
    device: DeviceOption = None,
    as_json: JsonOption = False,
) -> None:
    """The smallest plan that loses at most so much accuracy, measured, and what can be promised of it."""
    further = dict(map(parsing.limit, limit or []))
    asked = ChooseQuestion(
        max_drop=parsing.share(max_drop, "--max-drop"),
        frontier=FrontierQuestion(
            bits=None if bits is None else parsing.menu(bits, "--bits"),
            cost=cost,
            limits=further,
            latencies=parsing.latencies(latency, (cost, *further)),
            damage=damage,
            **parsing.activations(a_bits),
        ),
        granularity=granularity,
        samples=samples,
        refine=refine,
        steps=steps,
        seed=seed,
    )
    longest = seconds(time_limit)
    if out is not None:
        check_out(out)
    if device is not None:
        devices.chosen(device)

    from explorer import plans, studies
    from explorer.choosing import afforded, remark_on
    from explorer.jobs.loading import placed

    loaded = placed(studies.load_network(study), device)
    run = run_to_end(loaded, asked, f"choosing a plan of {loaded.name}", longest)
    choice: Choice = typed(run)
    content: dict[str, Any] = {"run": run.id, **(run.result or {})}
    if out is not None:
        plans.write_plan(
            plans.read_plan(choice.plan, study=loaded, partitions=(loaded.blocks(granularity),))[0], out
        )
    if finetune:
        training = run_to_end(
            loaded, FinetuneQuestion(plan=choice.plan), f"fine-tuning {loaded.name}", longest
        )
        content["trained"] = {"run": training.id, **(training.result or {})}
        after = content["trained"]["after"]
        room = afforded(choice, after["accuracy"], after["accuracy_stderr"])
        content["trained"]["affords"] = {**asdict(room), "sentence": room.sentence}
    title = f"Plan of {loaded.name} that loses at most {max_drop} ({choice.seconds:.0f} s)"
    rows = list(_told(choice, loaded.noun.many, loaded.metric.name))
    if finetune:
        rows.append(("after training, on the test split", f"{after['accuracy']:.2%}"))
    show(content, as_json, table(title, ("", "value"), rows), about=loaded)
    if (caution := remark_on(loaded.metric)) is not None:
        remark(caution)
    if finetune:
        remark(room.sentence)
    if out is not None:
        remark(f"the chosen plan is in {out}")


def _told(choice: "Choice", samples: str, metric: str) -> Iterator[tuple[str, str]]:
    """A choice line by line."""
    from explorer.choosing import points, said_cost

    spent, plan = choice.work, choice.plan["blocks"]
    if choice.cost_name != "size":
        yield choice.cost_name, said_cost(choice, choice.cost)
    yield "size", f"{choice.size_bytes:,} bytes, {choice.compression:.1f} times smaller"
    yield f"promised with {choice.confidence:.0%} confidence, at most", f"{choice.at_most:.2%} lost"
    yield f"on {choice.promised.samples:,} {samples} held out", f"{points(choice.promised)} points lost"
    yield f"on {choice.measured.samples:,} test {samples}", f"{points(choice.measured)} points lost"
    yield f"{metric} there, of FP32's", f"{choice.accuracy:.2%} of {choice.fp32_accuracy:.2%}"
    if (refined := choice.refinement) is not None:
        yield "swaps taken", f"{refined.taken} of {refined.proposals}"
        yield f"loss they saved on the {samples} held out", f"{refined.gain:.4f} ± {refined.gain_stderr:.4f}"
    if (steps := choice.steps) is not None:
        other = steps.without
        promised = f"{other.at_most:.2%} lost" if other.at_most <= choice.max_drop else "nothing to promise"
        yield (
            "LAPQ's steps",
            f"{'taken' if steps.taken else 'not taken'}, computed for {steps.computed} plans",
        )
        yield f"loss they saved on the {samples} that chose", f"{steps.gain:.4f} ± {steps.gain_stderr:.4f}"
        yield "without them: cost", said_cost(choice, other.cost)
        yield "without them: promised, at most", promised
        yield (
            f"without them: on the test {samples}",
            f"{points(other.measured)} points lost, {other.accuracy:.2%}",
        )
        yield f"{samples} in all for the steps", f"{steps.images:,}"
    yield "measured", f"{spent.plans:,} plans, {spent.samples:,} {samples} in all"
    yield "bits of weights, in depth order", " ".join(str(each["w_bits"]) for each in plan.values())
    yield "bits of activations", " ".join(str(each["a_bits"]) for each in plan.values())
