"""The questions about one plan: what it is worth without training, and after it."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from explorer.errors import RunError
from explorer.questions.base import Question, Split

Optimizer = Literal["usual", "sgd", "adamw"]
Schedule = Literal["cosine", "linear", "constant", "step"]
Augmentation = Literal["usual", "none", "flip", "crop", "crop-flip"]
BatchNorm = Literal["trained", "frozen", "re-estimated"]
NoisePlace = Literal["after", "before"]
Keep = Literal["best", "last"]
Order = Literal["descending", "ascending"]

LEARNING_RATES: Mapping[str, float] = {
    "sgd": 0.01,
    "adamw": 0.001,
}  # to start with, unless one is asked for
MOST_EPOCHS = 100_000


def without_name(plan: Any) -> Any:
    """The plan without its name, which plays no part in any result."""
    return {key: value for key, value in plan.items() if key != "name"} if isinstance(plan, dict) else plan


class EvaluateQuestion(Question):
    """Loss and metric of a plan without training, or of the FP32 network."""

    kind = "evaluate"
    urgency = 10
    lighter = ""

    plan: dict[str, Any] | None = Field(None, description="plan.json's content; the FP32 network without it")
    split: Split = Field("test", description="which samples")
    deployed: bool = Field(
        False, description="as integer arithmetic computes it: int32 biases, 8-bit residual sums"
    )

    _plan_without_name = field_validator("plan", mode="before")(without_name)


class FinetuneQuestion(Question):
    """Quantization-aware training of a plan.

    The defaults are a recipe for few epochs: LSQ, taught by the FP32 network through its convolutions' outputs and its
    logits, batch norm estimated again at the end, and what is kept is the best by training samples that were held out.
    """

    kind = "finetune"
    version = 2
    urgency = -10
    lighter = "a smaller batch"
    refusal = RunError

    plan: dict[str, Any] = Field(description="plan.json's content")
    method: str = Field("lsq", max_length=80, description="how gradients reach the weights")
    method_options: dict[str, Any] = Field({}, max_length=50, description="options of the method, by name")
    epochs: int | None = Field(
        None,
        ge=1,
        le=MOST_EPOCHS,
        description="passes over the training data; without it 1, 3, 5 or 10, by the plan's widths",
    )
    batch_size: int = Field(128, ge=2, le=1_000_000, description="samples a step")
    optimizer: Optimizer = Field(
        "usual",
        description="SGD with momentum, or AdamW; usual: sgd, but adamw for layer norms without batch norm",
    )
    learning_rate: float | None = Field(
        None,
        gt=0,
        lt=10,
        description="at the start; decays to zero; without it 0.01 for sgd, 0.001 for adamw",
    )
    momentum: float = Field(0.9, ge=0, lt=1, description="of sgd; the first beta of adamw")
    weight_decay: float = Field(1e-4, ge=0, lt=1, description="of the layers' weights alone")
    schedule: Schedule = Field("cosine", description="how the learning rate falls")
    warmup: float = Field(0.1, ge=0, le=MOST_EPOCHS, description="epochs over which the learning rate rises")
    augmentation: Augmentation = Field(
        "usual", description="random crops and flips of images; usual: both for CIFAR-10 and Fashion-MNIST"
    )
    logits: float = Field(
        0.9,
        ge=0,
        le=1,
        description="share of the loss that the FP32 outputs teach; none under a loss of one's own",
    )
    temperature: float = Field(2.0, gt=0, le=1000, description="that softens outputs which teach")
    channels: float = Field(
        1.0, ge=0, le=1000, description="weight of channel-wise standardization distillation"
    )
    noise: float = Field(
        0.0,
        ge=0,
        le=1,
        description="probability of feature noise, a layer and step (stochastic perturbation)",
    )
    noise_place: NoisePlace = Field(
        "after", description="noise after a layer's input is quantized, or before"
    )
    batch_norm: BatchNorm = Field("re-estimated", description="what becomes of batch norm's statistics")
    stages: int = Field(
        1, ge=1, le=1000, description="stages in which blocks are quantized, the last is joint"
    )
    stage_order: Order = Field("descending", description="by Omega: the most damaged blocks first, or last")
    keep: Keep = Field(
        "best", description="best by training samples held out, the untrained plan included; or the last"
    )
    trace_images: int = Field(
        0, ge=0, le=1_000_000, description="samples of a Hessian trace after each epoch; none for 0"
    )

    VERSION_1: ClassVar[Mapping[str, Any]] = {
        "method": "ste",
        "epochs": 1,
        "optimizer": "sgd",
        "warmup": 0.0,
        "augmentation": "none",
        "logits": 0.0,
        "channels": 0.0,
        "batch_norm": "trained",
        "keep": "last",
    }  # what a training of the first version was where it says nothing else

    _plan_without_name = field_validator("plan", mode="before")(without_name)

    @model_validator(mode="before")
    @classmethod
    def _one_spelling_of_the_rate(cls, options: Any) -> Any:
        """The optimizer's own learning rate is not spelled out."""
        own = LEARNING_RATES.get(options.get("optimizer", ""))
        known = own is not None and options.get("learning_rate") == own
        return {**options, "learning_rate": None} if known else options

    @classmethod
    def recorded(cls, parameters: dict[str, Any], version: int) -> dict[str, Any]:
        """Parameters as a version recorded them, by today's defaults."""
        return {**cls.VERSION_1, **parameters} if version < 2 else parameters

    def rate(self, optimizer: str) -> float:
        """Learning rate after the warm-up, of the optimizer that is in use."""
        return LEARNING_RATES[optimizer] if self.learning_rate is None else self.learning_rate

    @property
    def passes(self) -> int:
        """Epochs, by the plan's widths where none are asked for."""
        return usual_epochs(self.plan) if self.epochs is None else self.epochs

    @property
    def taught(self) -> bool:
        """Whether the FP32 network teaches."""
        return self.logits > 0 or self.channels > 0


def usual_epochs(plan: Mapping[str, Any]) -> int:
    """Passes over the training data by a plan's narrowest widths: 10 at W2A2, 5 at W2, 3 up to 4 bits, else 1.

    Args:
        plan: plan.json's content.
    """
    blocks = plan.get("blocks")
    widths = (
        [each for each in blocks.values() if isinstance(each, Mapping)] if isinstance(blocks, Mapping) else []
    )
    weights, inputs = (
        min((int(each.get(of, 32)) for each in widths), default=32) for of in ("w_bits", "a_bits")
    )
    if weights <= 2:
        return 10 if inputs <= 2 else 5
    return 3 if min(weights, inputs) <= 4 else 1
