"""Commands that ask a question: their options are its fields, so that nothing of a question is spelled twice.

    @asks(TracesQuestion)
    def traces(asked: Asked[TracesQuestion], as_json: JsonOption = False) -> None: ...

has ``--study``, ``--time-limit``, ``--device`` and an option for every field, with the field's name, type, default, limits and description (`spelling`).
Further parameters of the function are options of the command alone.
"""

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from explorer import devices
from explorer.cli.parsing import DeviceOption, StudyOption, TimeLimitOption
from explorer.cli.running import run_to_end
from explorer.cli.spelling import spelling
from explorer.errors import ExplorerError
from explorer.questions import Question

if TYPE_CHECKING:
    from explorer.runs import Run
    from explorer.studies import Study

Q = TypeVar("Q", bound=Question)


class Asked(Generic[Q]):
    """What a person typed: a question to a study, which is loaded once.

    Attributes:
        options: field to value, but for what takes the study.
        ran: the run that answered last.
        late: field to what reads it for the study; empty where the question is complete without it.
        time_limit: seconds that its runs may work; None: no limit.
        device: where the study's network runs; None: where it usually does.
    """

    def __init__(
        self,
        kind: type[Q],
        reference: str,
        typed: Mapping[str, Any],
        time_limit: str | None = None,
        device: str | None = None,
    ) -> None:
        spelled = {name: spelling(kind, name) for name in typed}
        self.options = {
            name: spelled[name].read(value, spelled[name].names[0]) for name, value in typed.items()
        }
        self._kind, self._reference = kind, reference
        self.time_limit, self.device = seconds(time_limit), device
        self.late = {
            name: each.read_for
            for name, each in spelled.items()
            if each.read_for is not None and typed[name] is not None
        }

    @cached_property
    def study(self) -> "Study":
        """The network study that is asked."""
        from explorer import studies
        from explorer.jobs.loading import placed

        return placed(studies.load_network(self._reference), self.device)

    @cached_property
    def question(self) -> Q:
        """The question, complete."""
        late = {name: read(self.options[name], self.study) for name, read in self.late.items()}
        return self._kind(**{**self.options, **late})

    def run(self, title: str) -> "Run":
        """The finished run that answers."""
        return run_to_end(self.study, self.question, title, self.time_limit)


def seconds(time_limit: str | None) -> float | None:
    """What was typed as ``--time-limit``, in seconds."""
    if time_limit is None:
        return None
    from explorer.jobs.bounds.units import seconds_of

    return seconds_of(time_limit, "--time-limit")


def _with_options(sentence: str, fields: Iterable[str]) -> str:
    """The sentence with fields as they are typed: ``--max-products 5`` for ``max_products=5``."""
    for name in fields:
        option = f"--{name.replace('_', '-')}"
        sentence = re.sub(rf"\b{name}=", f"{option} ", sentence)
        sentence = re.sub(rf"^{name} is ", f"{option} is ", sentence)
    return sentence


def asks(kind: type[Q]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command, whose first parameter is what was `Asked`, the options of a kind of question.

    A mistake in the question is told before the study is looked for, unless it takes the study to read it.
    """
    fields = [*(name for name in kind.model_fields if name != "seed"), "seed"]

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        _, *own = inspect.signature(command).parameters.values()

        def run(*, study: str, time_limit: str | None, device: str | None, **given: Any) -> None:
            if device is not None:
                devices.chosen(device)  # a mistake is told before the study is looked for
            asked = Asked(kind, study, {name: given.pop(name) for name in fields}, time_limit, device)
            if not asked.late:
                try:
                    _ = asked.question
                except ExplorerError as error:
                    raise type(error)(_with_options(str(error), fields)) from error
            command(asked, **given)

        parameters = [
            inspect.Parameter("study", inspect.Parameter.KEYWORD_ONLY, annotation=StudyOption),
            *(spelling(kind, name).parameter(name) for name in fields),
            inspect.Parameter(
                "time_limit", inspect.Parameter.KEYWORD_ONLY, annotation=TimeLimitOption, default=None
            ),
            inspect.Parameter(
                "device", inspect.Parameter.KEYWORD_ONLY, annotation=DeviceOption, default=None
            ),
            *(each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own),
        ]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__doc__ = command.__doc__
        return run

    return decorate
