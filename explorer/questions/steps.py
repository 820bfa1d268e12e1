"""The questions about step sizes (`explorer.lapq`): the search, and what is measured about steps."""

from typing import Annotated, Any, Literal, Protocol, Self, runtime_checkable

from pydantic import Field, ValidationInfo, field_validator, model_validator

from explorer.errors import LapqError
from explorer.questions.base import LONGEST_NAME, MAX_SEED, MOST_NAMES, MOST_SAMPLES, Name, Question

JointMethod = Literal["powell", "coordinate", "gradient"]
Form = Literal["integer", "paper", "code"]
Correction = Literal["none", "mean", "mean-variance"]
Others = Literal["float", "quantized"]
How = Literal["straight-through", "finite-differences"]
Sweep = Literal["error", "p", "distance", "calibration"]


@runtime_checkable
class _Plan(Protocol):
    def to_json(self) -> dict[str, Any]: ...


class StepsQuestion(Question):
    """Options that every question about steps has.

    Widths are given by ``w_bits`` and ``a_bits``, with the layers that stay in FP32, or by a plan. A plan stands in
    the question with its widths alone. One that gives all blocks the same is another question than ``w_bits`` and
    ``a_bits``, for it may say more; the answers are the same where no layer is left in FP32.
    """

    refusal = LapqError

    lighter = "fewer calibration samples"

    w_bits: int = Field(4, description="of weights, 2 to 8; 32 for FP32")
    a_bits: int = Field(4, description="of layers' inputs, 2 to 8; 32 for FP32")
    plan: dict[str, Any] | None = Field(
        None, description="a plan.json whose widths are taken, instead of one width for all"
    )
    calibration: int = Field(
        512, ge=1, le=MOST_SAMPLES, description="training samples that the loss is a mean of"
    )
    leave: tuple[Name, ...] | None = Field(
        None,
        max_length=MOST_NAMES,
        description="layers that stay in FP32, with commas between; the first and the last without it",
    )

    @field_validator("leave", mode="before")
    @classmethod
    def _in_order(cls, value: Any) -> Any:
        return value if value is None or isinstance(value, str) else tuple(sorted(value))

    @field_validator("w_bits", "a_bits")
    @classmethod
    def _of_a_step(cls, value: int, info: ValidationInfo) -> int:
        if not 2 <= value <= 8 and value != 32:
            what = "weights" if info.field_name == "w_bits" else "activations"
            raise ValueError(
                f"the {what} cannot have {value} bits here; give 2 to 8, or 32 to leave them in FP32"
            )
        return value

    @field_validator("plan", mode="before")
    @classmethod
    def _widths_alone(cls, value: Any) -> Any:
        """Neither the name of a plan nor the steps that it has already play a part."""
        content = value.to_json() if isinstance(value, _Plan) else value
        if not isinstance(content, dict):
            return content
        return {name: of for name, of in content.items() if name not in ("name", "steps")}

    @model_validator(mode="after")
    def _widths_once(self) -> Self:
        if self.plan is not None:
            for name in ("w_bits", "a_bits", "leave"):
                if getattr(self, name) != self.default(name):
                    raise ValueError(
                        f"a plan gives every layer its width, so {name} cannot be given too; leave out one of them"
                    )
        return self

    @property
    def one_width(self) -> tuple[int | None, int | None]:
        """Bits of weights and of activations; None where a plan gives them."""
        return (self.w_bits, self.a_bits) if self.plan is None else (None, None)

    @property
    def weight_widths(self) -> tuple[int, ...]:
        """All widths of weights that there are, the fewest bits first."""
        return self._widths("w_bits")

    @property
    def activation_widths(self) -> tuple[int, ...]:
        """The same of activations."""
        return self._widths("a_bits")

    @property
    def bits(self) -> str:
        """The widths in short: W4A4, or W2-8A8 where they are of a plan."""
        spans = ((found[0], found[-1]) for found in (self.weight_widths, self.activation_widths))
        low_high = (f"{low}" if low == high else f"{low}-{high}" for low, high in spans)
        return "W{}A{}".format(*low_high)

    def _widths(self, name: str) -> tuple[int, ...]:
        if self.plan is None:
            return (getattr(self, name),)
        return tuple(sorted({of[name] for of in self.plan["blocks"].values()}))


class StepsLoss(StepsQuestion):
    """Options that define the loss as a function of the steps, and nothing more."""

    form: Form = Field("integer", description="the project's grid, the paper's, or that of the paper's code")
    bias_correction: Correction = Field("none", description="of the weights, channel by channel")

    def of_loss(self, **changes: Any) -> "StepsLoss":
        """What defines the loss, of a question that asks more; with some of it changed."""
        given = {name: getattr(self, name) for name in StepsLoss.model_fields}
        if self.plan is not None:  # widths that are not meant may be other defaults than those of the loss
            given = {name: value for name, value in given.items() if name not in ("w_bits", "a_bits")}
        return StepsLoss(**{**given, **changes})

    def of_every_layer(self) -> "StepsLoss":
        """What defines the loss, with no layer in FP32 but those that are named or that a plan leaves so."""
        return self.of_loss(leave=None if self.plan is not None else self.leave or ())


class LapqQuestion(StepsLoss):
    """Steps of all quantized tensors, by LAPQ."""

    kind = "lapq"
    version = 3

    method: JointMethod = Field("powell", description="of the joint phase")


class LapqSurfaceQuestion(StepsLoss):
    """The loss over the steps of two sites, all others fixed."""

    kind = "lapq_surface"
    free = frozenset({"points"})

    first: Name = Field(description="a site, such as layer1.0.conv1.weight or layer1.0.conv1.input")
    second: Name = Field(description="another")
    points: int = Field(33, ge=5, le=129, description="a side")
    others: Others = Field("float", description="all other tensors in FP32, or quantized")

    @model_validator(mode="after")
    def _two_sites(self) -> Self:
        if self.first == self.second:
            raise ValueError(f"a surface is over two steps and {self.first!r} is given twice; name another")
        return self

    @model_validator(mode="before")
    @classmethod
    def _nothing_left(cls, options: dict[str, Any]) -> dict[str, Any]:
        """Where all others are in FP32, no layer is left alone unless it is named."""
        if options.get("others", "float") == "float":
            return {**options, "leave": options.get("leave") or None}
        return options


class LapqSweepQuestion(StepsLoss):
    """A curve: error against step, or loss against p, distance or calibration samples."""

    kind = "lapq_sweep"
    version = 3

    sweep: Sweep = Field(
        description="a tensor's error against its step, or the loss against p, all steps times r, or samples"
    )
    site: str | None = Field(
        None, max_length=LONGEST_NAME, description="of error: whose tensor; draws of N(0, 1) without it"
    )
    steps: dict[Name, float] | None = Field(
        None,
        max_length=MOST_NAMES,
        description="of distance: site to step; those of the quadratic phase without it",
    )
    sizes: tuple[Annotated[int, Field(ge=1, le=MOST_SAMPLES)], ...] = Field(
        (16, 32, 64, 128, 256, 512),
        min_length=1,
        max_length=100,
        description="of calibration: how many samples",
    )
    seeds: tuple[Annotated[int, Field(ge=0, le=MAX_SEED)], ...] = Field(
        (0, 1, 2), min_length=1, max_length=100, description="of calibration: seeds of their draws"
    )
    method: JointMethod | None = Field(
        None, description="of calibration: joint phase; up to the quadratic phase without it"
    )


class LapqHessianQuestion(StepsLoss):
    """Derivatives of the loss by the steps; of activations alone by default, as in the paper's figure."""

    kind = "lapq_hessian"

    w_bits: int = Field(32, description="of weights, 2 to 8; 32 for FP32")
    steps: dict[Name, float] | None = Field(
        None, max_length=MOST_NAMES, description="site to step; those of the quadratic phase without it"
    )
    how: How = Field(
        "straight-through", description="derivatives by the quantizers' slope, or of the loss itself"
    )
    separability: bool = Field(True, description="interactions of sites two by two, too")


class LapqTableQuestion(StepsQuestion):
    """Methods of calibration side by side."""

    kind = "lapq_table"
    urgency = -10
    version = 4

    test_images: int | None = Field(
        None, ge=1, le=MOST_SAMPLES, description="samples that the table reports on; all without it"
    )
    corrections: tuple[Correction, ...] = Field(
        ("none", "mean"), description="bias corrections of the weights, with commas between"
    )
    method: JointMethod = Field("gradient", description="of the joint phase")

    @field_validator("corrections", mode="before")
    @classmethod
    def _at_least_one(cls, value: Any) -> Any:
        if not value:
            raise ValueError('there is no bias correction to compare with; give "none" for none')
        return value
