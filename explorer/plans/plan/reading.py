"""Reading and writing plan.json: every way a plan can fail to fit its study is one sentence.

The file says ``{"version": 1, "study": name, "weights_sha256": ..., "blocks": {name: {"w_bits": 4, "a_bits":
8}}}``, and may carry a ``name`` and ``steps``: ``{"layers": {layer: {"w_step": 0.1, "a_step": 0.2, "a_signed":
false}}, "bias_correction": "none"}``. It does not say at which granularity its blocks are: the names decide. The
hash of the weights may be left out, as by hand: then nothing can tell whether the plan was made for them, and that is
remarked.
"""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictInt, ValidationError

from explorer import files, reading
from explorer.blocks import Block
from explorer.errors import PlanError
from explorer.plans.plan.plan import BlockBits, Plan, StudyIdentity, bits_of, check_names, listed
from explorer.quantizers.bias_correction import BiasCorrection
from explorer.quantizers.given import GivenSteps, LayerSteps
from explorer.quantizers.grid import FLOAT_BITS

_FILE = reading.Kind(
    "the plan", 5_000_000, PlanError, "give the path of a plan.json", mend="export it again from the app"
)
_MOST_BLOCKS = 20_000
_LONGEST_NAME = 80


def _representable(step: float) -> float:
    if step < 1e-30:
        raise ValueError(f"{step} is nothing in single precision")
    return step


_Step = Annotated[float, Field(gt=0, le=1e30, allow_inf_nan=False), AfterValidator(_representable)]


class _Widths(BaseModel):
    model_config = ConfigDict(frozen=True)
    w_bits: StrictInt
    a_bits: StrictInt


class _LayerSteps(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True)
    w_step: _Step | None = None
    a_step: _Step | None = None
    a_signed: bool = True


class _Steps(BaseModel):
    model_config = ConfigDict(frozen=True)
    layers: dict[str, _LayerSteps] = Field(max_length=_MOST_BLOCKS)
    bias_correction: BiasCorrection = "none"


class _PlanFile(BaseModel):
    model_config = ConfigDict(frozen=True)
    version: Literal[1]
    study: str
    weights_sha256: str | None = None
    blocks: dict[str, _Widths] = Field(min_length=1, max_length=_MOST_BLOCKS)
    name: str = Field(default="", max_length=_LONGEST_NAME)
    steps: _Steps | None = None


def read_plan(
    source: Path | str | bytes | Mapping[str, Any],
    *,
    study: StudyIdentity,
    partitions: Sequence[tuple[Block, ...]],
    remark: Callable[[str], None] | None = None,
) -> tuple[Plan, tuple[Block, ...]]:
    """Read a plan and find out which of the study's partitions it is for.

    Args:
        source: a file, its text, or its parsed content.
        study: what the plan must be for.
        partitions: the study's blocks at each granularity.
        remark: told what is worth knowing about a plan that is taken all the same.

    Returns:
        The plan, its blocks in depth order, and the partition whose names it uses.

    Raises:
        PlanError: it cannot be read, is not JSON, has another version, is for another study or other weights,
            names blocks or layers the study does not have or omits blocks, gives a width or step that does not
            exist, or a step to what it leaves in FP32.
    """
    content = _parse(source)
    if content.study != study.name:
        raise PlanError(
            f"the plan is for the study {content.study!r}, not for {study.name!r}; open that study to use it"
        )
    if content.weights_sha256 not in (None, study.weights_sha256):
        raise PlanError(
            f"the plan was made for other weights of {study.name} (sha256 {content.weights_sha256[:12]}, "
            f"the study's are {study.weights_sha256[:12]}); make the plan again for these weights"
        )
    # The partition that shares most names is the one that was meant: its complaint is the useful one.
    blocks = max(partitions, key=lambda candidate: _agreement(content.blocks, candidate))
    check_names(content.blocks, blocks, study.name)
    bits = {
        block.name: bits_of(block.name, content.blocks[block.name].w_bits, content.blocks[block.name].a_bits)
        for block in blocks
    }
    steps = None if content.steps is None else _given(content.steps, blocks, study.name)
    if steps is not None:
        _check_quantized(steps, bits, blocks)
    if content.weights_sha256 is None and remark is not None:
        remark(
            f"the plan has no weights_sha256, so it is not known whether it was made for these weights of {study.name}"
        )
    return Plan(study.name, study.weights_sha256, bits, content.name, steps), blocks


def write_plan(plan: Plan, path: Path) -> None:
    """Write a plan.json, whole or not at all.

    Raises:
        PlanError: it cannot be written there.
    """
    if os.path.exists(path) and not path.is_file():
        raise PlanError(f"the plan cannot be written to {path} (not a file); name another place")
    try:
        files.write(path, (json.dumps(plan.to_json(), indent=2) + "\n").encode())
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "a name cannot hold a NUL"
        raise PlanError(f"the plan cannot be written to {path} ({reason}); name another place") from error


def _given(content: _Steps, blocks: Sequence[Block], study: str) -> GivenSteps:
    known = {name for block in blocks for layer in block.layers for name in layer.names}
    unknown = [name for name in content.layers if name not in known]
    if unknown:
        raise PlanError(
            f"the plan has steps of layers that {study} does not have ({listed(unknown)}); leave them out"
        )
    layers = {name: LayerSteps(**each.model_dump()) for name, each in content.layers.items()}
    return GivenSteps(layers, content.bias_correction)


def _check_quantized(steps: GivenSteps, bits: Mapping[str, BlockBits], blocks: Sequence[Block]) -> None:
    """Refuse a step that nothing would use."""
    for block in blocks:
        for name in (name for layer in block.layers for name in layer.names if name in steps.layers):
            of = steps.layers[name]
            for what, step, width in (
                ("weight", of.w_step, bits[block.name].w_bits),
                ("input", of.a_step, bits[block.name].a_bits),
            ):
                if step is not None and width == FLOAT_BITS:
                    raise PlanError(
                        f"the plan has a step for the {what} of {name} and leaves it in FP32; leave the step out or "
                        "give it fewer bits"
                    )


def _agreement(names: Mapping[str, Any], blocks: Sequence[Block]) -> tuple[int, int]:
    shared = sum(block.name in names for block in blocks)
    return shared, shared - len(blocks)


def _parse(source: Path | str | bytes | Mapping[str, Any]) -> _PlanFile:
    content: Any = source
    if isinstance(content, Path):
        content = reading.read_bytes(content, _FILE)
    if isinstance(content, bytes):
        content = reading.text_of(content, _FILE)
    if isinstance(content, str):
        content = reading.parse_json(content, _FILE)
    if not isinstance(content, Mapping):
        raise PlanError("the plan is JSON but not an object; a plan has version, study and blocks")
    version = content.get("version")
    if version != 1 or isinstance(version, bool):
        found = f"has version {version!r}" if "version" in content else "has no version"
        raise PlanError(f"the plan {found}; this program reads version 1")
    try:
        return _PlanFile.model_validate(dict(content))
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(str(part) for part in problem["loc"])
        raise PlanError(f"the plan's {where} is wrong: {problem['msg']}") from error
