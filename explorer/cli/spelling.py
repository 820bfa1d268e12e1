"""How the fields of questions are typed on the command line: what option is made of each.

A field's option has its name, type, default, limits and description. A tuple is typed with commas between. What else
cannot be typed as it is stands in ``SPELLED``, the one table of exceptions.
"""

import inspect
import math
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin

import typer
from pydantic.fields import FieldInfo

from explorer import reading
from explorer.cli.output import remark
from explorer.errors import LapqError, PlanError
from explorer.questions import Question

if TYPE_CHECKING:
    from explorer.proxy import PrintedFrontier
    from explorer.studies import Study

_STEPS = reading.Kind(
    "the file of steps",
    5_000_000,
    LapqError,
    "give what lapq --json printed",
    mend="give what lapq --json printed",
)
_FRONTIER = reading.Kind(
    "the file of a frontier",
    200_000_000,
    PlanError,
    "give what frontier --json printed",
    mend="give what frontier --json printed",
)
REQUIRED = inspect.Parameter.empty
STEPS = (
    "lapq",
    "lapq_surface",
    "lapq_sweep",
    "lapq_hessian",
    "lapq_table",
)  # kinds whose bits a plan can give


@dataclass(frozen=True)
class Spelling:
    """How a field is typed on the command line.

    Attributes:
        typed: type of what is typed.
        default: of what is typed; REQUIRED where there is none.
        names: of the option.
        help: what is said about it.
        read: from what was typed and the option's name to the field's value.
        read_for: further, where that takes the study.
        limits: of numbers, as `typer.Option` takes them.
    """

    typed: Any
    default: Any
    names: tuple[str, ...]
    help: str
    read: Callable[[Any, str], Any] = lambda value, _: value
    read_for: "Callable[[Any, Study], Any] | None" = None
    limits: Mapping[str, Any] = field(default_factory=dict)

    def parameter(self, name: str) -> inspect.Parameter:
        """The parameter that Typer makes the option of."""
        option = typer.Option(*self.names, help=self.help, **self.limits)
        return inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=self.default,
            annotation=Annotated[self.typed, option],
        )


def spelling(kind: type[Question], name: str) -> Spelling:
    """How a field of a question is typed."""
    info = kind.model_fields[name]
    exception = SPELLED.get(f"{kind.kind}.{name}") or SPELLED.get(name)
    return _plainly(name, info) if exception is None else exception(info)


def _plainly(name: str, info: FieldInfo) -> Spelling:
    option = "--" + name.replace("_", "-")
    default = REQUIRED if info.is_required() else info.default
    text, typed = info.description or "", info.annotation
    read = _listed(typed)
    if read is not None:
        shown = ",".join(map(str, default)) if isinstance(default, tuple) else default
        optional = type(None) in get_args(typed)
        return Spelling(str | None if optional else str, shown, (option,), text, read)
    names = (option, f"--no-{name.replace('_', '-')}") if typed is bool else (option,)
    return Spelling(typed, default, ("/".join(names),), text, limits=_limits(info))


def _listed(typed: Any) -> Callable[[Any, str], Any] | None:
    """How a tuple is read from words with commas between; None where the field holds no tuple."""
    members = get_args(typed) if get_origin(typed) in (Union, types.UnionType) else (typed,)
    for member in members:
        if get_origin(member) is tuple:
            inner = get_args(member)[0]
            inner = get_args(inner)[0] if get_origin(inner) is Annotated else inner
            return _numbers if inner is int else _words
    return None


def _numbers(text: str | None, option: str) -> tuple[int, ...] | None:
    try:
        return None if text is None else tuple(int(part) for part in text.split(","))
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} must be whole numbers with a comma between, e.g. 4,2", param_hint=option
        ) from None


def _words(text: str | None, option: str) -> tuple[str, ...] | None:
    return None if text is None else tuple(part.strip() for part in text.split(",") if part.strip())


def _limits(info: FieldInfo) -> dict[str, Any]:
    """A field's limits as Typer takes them; its own include their ends and let NaN through."""
    bounds: dict[str, Any] = {
        name: getattr(each, name)
        for each in info.metadata
        for name in ("ge", "le", "gt", "lt")
        if hasattr(each, name)
    }
    low, high = bounds.get("gt", -math.inf), bounds.get("lt", math.inf)
    found = {typed: bounds[name] for typed, name in (("min", "ge"), ("max", "le")) if name in bounds}
    if (low, high) == (-math.inf, math.inf):
        return found

    def check(value: float | None) -> float | None:
        if value is not None and not low < value < high:
            within = f"above {low:g}" if high == math.inf else f"above {low:g} and below {high:g}"
            raise typer.BadParameter(f"{value:g} must be a number {within}")
        return value

    return {**found, "callback": check}


def _plan(info: FieldInfo) -> Spelling:
    def read(typed: str, study: "Study") -> dict[str, Any]:
        from explorer.plans import read_plan

        if not typed:
            raise typer.BadParameter("no file is named; give a plan.json", param_hint="--plan")
        path = Path(typed)

        partitions = (study.blocks(), study.blocks("module"))
        return read_plan(path, study=study, partitions=partitions, remark=remark)[0].to_json()

    return Spelling(str, REQUIRED, ("--plan",), "path of a plan.json", read_for=read)


def _plan_or_plans(info: FieldInfo) -> Spelling:
    read_for = _plan(info).read_for
    # Without one the question is complete but for its plan: the command takes those of --plans.
    return Spelling(
        str | None,
        None,
        ("--plan",),
        "path of a plan.json",
        lambda typed, _: {} if typed is None else typed,
        read_for,
    )


def _method_options(info: FieldInfo) -> Spelling:
    def read(typed: str | None, option: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for part in (typed or "").split(",") if typed else ():
            name, equals, value = part.partition("=")
            if not equals or not name.strip():
                raise typer.BadParameter(
                    f"{part!r} must be a name and a value, e.g. scale=0.5", param_hint=option
                )
            found[name.strip()] = _plain_value(value.strip())
        return found

    text = "options of the method, such as NAME=VALUE,NAME=VALUE"
    return Spelling(str | None, None, ("--method-options",), text, read)


def _plain_value(text: str) -> Any:
    """A number or a truth value where it is one, else the words."""
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _plan_of_steps(info: FieldInfo) -> Spelling:
    text = "a plan.json whose widths are taken, in place of --w-bits and --a-bits"
    return Spelling(str | None, None, ("--plan",), text, read_for=_plan(info).read_for)


def _ladder(info: FieldInfo) -> Spelling:
    def read(typed: str, study: "Study") -> Any:
        return printed(typed, study).ladder

    return Spelling(str, REQUIRED, ("--frontier",), "file of what frontier --json printed", read_for=read)


def printed(typed: str, study: "Study") -> "PrintedFrontier":
    """The frontier in a file of what ``frontier --json`` printed.

    Raises:
        PlanError: it cannot be read, or is something else.
    """
    from explorer.proxy import printed_frontier

    if not typed:
        raise typer.BadParameter(
            "no file is named; give what frontier --json printed", param_hint="--frontier"
        )
    path = Path(typed)
    content = reading.parse_json(reading.read_text(path, _FRONTIER), _FRONTIER, of=f" {path}")
    return printed_frontier(content, study)


def _jointly(info: FieldInfo) -> Spelling:
    text = "hutchinson with one product a block, as the papers do"
    return Spelling(bool, False, ("--separately",), text, lambda separately, _: not separately)


def _quantizer(info: FieldInfo) -> Spelling:
    def read(rule: str, option: str) -> dict[str, str]:
        from explorer.quantizers import QuantizerSettings

        QuantizerSettings(step=rule)  # a misspelt rule is told before anything is computed
        return {"step": rule}

    text = "how weights choose their step: mse or min-max"
    return Spelling(str, info.default.step, ("--step",), text, read)


def _corrections(info: FieldInfo) -> Spelling:
    def read(text: str, option: str) -> tuple[str, ...] | None:
        from explorer.quantizers.bias_correction import check_bias_correction

        kinds = _words(text, option)
        for kind in kinds or ():
            check_bias_correction(kind)
        return kinds

    return Spelling(str, ",".join(info.default), ("--corrections",), info.description or "", read)


def _steps(info: FieldInfo) -> Spelling:
    def read(path: Path | None, option: str) -> Any:
        if path is None:
            return None
        content = reading.parse_json(reading.read_text(path, _STEPS), _STEPS, of=f" {path}")
        steps = content.get("steps") if isinstance(content, dict) else None
        if not isinstance(steps, dict):
            raise LapqError(f"the file of steps {path} has no steps; give what lapq --json printed")
        return steps

    text = "file of what lapq --json printed; the steps of the quadratic phase without it"
    return Spelling(Path | None, None, ("--steps",), text, read)


# Fields that are not typed as they are: of every question that has one of the name, or of one kind.
SPELLED: Mapping[str, Callable[[FieldInfo], Spelling]] = {
    "plan": _plan,
    "finetune.plan": _plan_or_plans,
    "method_options": _method_options,
    "measure_frontier.plans": _ladder,
    "jointly": _jointly,
    "quantizer": _quantizer,
    "corrections": _corrections,
    **{f"{kind}.plan": _plan_of_steps for kind in STEPS},
    "lapq_sweep.steps": _steps,
    "lapq_hessian.steps": _steps,
}
