"""The base of every question: a frozen model whose mistakes are one sentence and whose form is canonical.

`Question.parameters` leaves out what has its default, so an option added later does not orphan the runs recorded
before it (as open_lth's hparams do).
"""

from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from explorer.errors import ExplorerError, QuantizerError, RunError

Granularity = Literal["layer", "module"]
Split = Literal["train", "test"]
MAX_SEED = 2**63 - 1
MOST_SAMPLES = 100_000_000  # of anything that counts samples: more than a data file can hold
MOST_NAMES = 20_000  # layers or blocks that a question may list
LONGEST_NAME = 1000
Name = Annotated[str, Field(max_length=LONGEST_NAME)]  # of a block, a layer or a tensor

WIDTHS = (1, 2, 3, 4, 5, 6, 7, 8, 16, 32)


def check_width(bits: int) -> int:
    """The width if there is such a one; 32 means FP32.

    Raises:
        ValueError: there is none.
    """
    if bits not in WIDTHS:
        raise ValueError(f"there is no width of {bits} bits; use 1 to 8, 16 or 32")
    return bits


Width = Annotated[int, AfterValidator(check_width)]

Q = TypeVar("Q", bound="Frozen")


class Frozen(BaseModel):
    """A frozen model that raises its own kind of error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    refusal: ClassVar[type[ExplorerError]] = RunError

    def __init__(self, /, **options: Any) -> None:
        try:
            super().__init__(**options)
        except ValidationError as error:
            raise self.refusal(_sentence(error)) from error

    def differing(self) -> dict[str, Any]:
        """Plain data of the fields that do not have their defaults, lists for tuples."""
        plain = self.model_dump(mode="json")
        return {
            name: value.differing() if isinstance(value, Frozen) else plain[name]
            for name, value in self
            if type(self).model_fields[name].is_required() or value != self.default(name)
        }

    def but(self, **changes: Any) -> Self:
        """The same question with some options changed."""
        return type(self)(**{**dict(self), **changes})

    @classmethod
    def default(cls, name: str) -> Any:
        """Default of a field."""
        return cls.model_fields[name].get_default(call_default_factory=True)


class Question(Frozen):
    """One question to a study; see the package.

    Attributes:
        kind: name of the kind of run that answers it.
        free: options in which another run may differ and still answer, where the very run is missing: how precise or
            how fine.
        urgency: of the runs that wait, the higher goes first: what a person waits for before what runs overnight.
        lighter: what to choose where memory does not suffice; nothing where no option helps.
        version: of the algorithm; raised whenever the numbers it stands for change.
        seed: of every random draw.
    """

    kind: ClassVar[str]
    version: ClassVar[int] = 1
    urgency: ClassVar[int] = 0
    lighter: ClassVar[str] = "fewer samples"
    free: ClassVar[frozenset[str]] = frozenset()

    seed: int = Field(0, ge=0, le=MAX_SEED, description="of every random draw")

    def parameters(self) -> dict[str, Any]:
        """Options that differ from their defaults, as plain data; the seed apart."""
        return {name: value for name, value in self.differing().items() if name != "seed"}

    def options(self) -> dict[str, Any]:
        """Every option by name, the seed included; nested settings as they are."""
        return dict(self)

    @classmethod
    def from_parameters(cls, parameters: dict[str, Any], seed: int = 0) -> Self:
        """The question whose `parameters` these are."""
        return cls(**parameters, seed=seed)

    @classmethod
    def recorded(cls, parameters: dict[str, Any], version: int) -> dict[str, Any]:
        """Parameters that a run of this version was recorded with, as they would be recorded now.

        A kind whose defaults changed overrides it, so that older runs keep saying what they did.
        """
        return parameters

    def about(self) -> dict[str, Any]:
        """Options that decide what the question is about: all but the free ones."""
        return {name: value for name, value in self if name not in self.free}


class Quantizer(Frozen):
    """Settings of a weight quantizer but for its bits; see `explorer.quantizers.QuantizerSettings`."""

    refusal = QuantizerError

    scheme: Literal["symmetric", "affine"] = "symmetric"
    granularity: Literal["tensor", "channel"] = "channel"
    step: str = Field("mse", min_length=1, max_length=80, description="rule that chooses the step")
    bias_correction: Literal["none", "mean", "mean-variance"] = "none"


def question_of(kind: type[Q], question: Q | None, options: dict[str, Any]) -> Q:
    """The question a library function was asked: the given one, or one made of plain keywords.

    Raises:
        ExplorerError: both were given, or an option is unknown or out of range.
    """
    if question is None:
        return kind(**options)
    if options:
        raise kind.refusal(
            f"{', '.join(options)} was given beside a question; put it into the question, or leave the question out"
        )
    return question


def is_number(value: Any) -> bool:
    """Whether a raw option can be compared with a limit; what is none is refused for its type."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def two_give_an_error(value: Any) -> Any:
    """The raw number of samples; fewer than two have no standard error."""
    if is_number(value) and value < 2:
        raise ValueError(f"samples={value} gives no standard error; give at least 2")
    return value


def _sentence(error: ValidationError) -> str:
    problem: dict[str, Any] = dict(error.errors()[0])
    # Of a list the option is named, not the place in it: the value says which one is meant.
    name = ".".join(part for part in problem["loc"] if isinstance(part, str)) or "the question"
    given, kind, context = problem.get("input"), problem["type"], problem.get("ctx", {})
    if kind == "missing":
        return f"{name} is missing; give it"
    if kind == "extra_forbidden":
        return f"there is no option {name}; correct its spelling or leave it out"
    if kind == "literal_error":
        return f"there is no {name} {given!r}; use one of {context['expected'].replace(chr(39), '')}"
    if kind == "value_error":
        return str(context["error"])
    told = problem["msg"][0].lower() + problem["msg"][1:]
    told = told.removeprefix("input should be ").partition(", unable")[0]
    shown = repr(given) if isinstance(given, str) else str(given)
    return f"{name} is {shown[:80]}; it must be {told}"
