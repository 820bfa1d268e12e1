"""The questions about a network that leaves the explorer: its files, and how fast they run here."""

from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from explorer.errors import ExportError
from explorer.questions.base import Question
from explorer.questions.training import without_name

Format = Literal["onnx", "packed", "qonnx", "aimet"]
Flavour = Literal["integer", "faithful"]
Carrying = Literal["int8", "packed"]


class ExportQuestion(Question):
    """Files of a quantized network, read back: of a plan without training, or of what a training ended with."""

    kind = "export"
    urgency = 5
    lighter = "fewer samples to try the file on"
    refusal = ExportError

    plan: dict[str, Any] | None = Field(None, description="plan.json's content; a run's own without it")
    run: str = Field(
        "",
        max_length=80,
        description="a finished finetune run, whose weights are written, in place of a plan",
    )
    format: Format = Field("onnx", description="which files")
    flavour: Flavour = Field(
        "integer",
        description="of onnx and qonnx: integer (int32 biases, 8-bit sums) or faithful (the plan alone)",
    )
    carrier: Carrying = Field(
        "int8", description="of onnx: int8 (a byte a weight) or packed (each at its own width)"
    )
    tried: int = Field(200, ge=2, le=10_000_000, description="test samples that the file is tried on")

    _plan_without_name = field_validator("plan", mode="before")(without_name)

    @model_validator(mode="after")
    def _one_network(self) -> Self:
        if self.plan is None and not self.run:
            raise ValueError("neither a plan nor a run is named; give one")
        if self.plan is not None and self.run:
            raise ValueError("a plan and a run are named, and a run has its own plan; leave one out")
        return self

    @model_validator(mode="before")
    @classmethod
    def _one_spelling(cls, options: Any) -> Any:
        """What a format takes no notice of is not spelled out."""
        format = options.get("format", "onnx")
        unused = {"onnx": (), "qonnx": ("carrier",)}.get(format, ("flavour", "carrier"))
        return {name: value for name, value in options.items() if name not in unused}


class ExportLatencyQuestion(Question):
    """How long ONNX Runtime takes for an exported file on this computer, beside the FP32 network."""

    kind = "export_latency"
    urgency = -5
    lighter = "fewer rounds"
    refusal = ExportError

    export: ExportQuestion = Field(description="the file that is timed")
    rounds: int = Field(4, ge=2, le=100, description="fresh processes for each network and batch size")

    @field_validator("export", mode="after")
    @classmethod
    def _runs(cls, value: ExportQuestion) -> ExportQuestion:
        if value.format != "onnx":
            raise ValueError(f"a file of the format {value.format} does not run in ONNX Runtime; export onnx")
        return value
