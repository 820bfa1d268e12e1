"""Profile studies: published per-block figures of a network whose weights are not here.

The file is JSON: for each network its ``blocks`` (name, weights, mac_millions, mean_hessian_trace,
squared_error and latency_ms_t4 per bit width), ``ties`` (lists of block numbers that share one width) and
``published_plans`` (lists of bits, one a block). Figures of HAWQ-V3 (Yao et al. 2021) ship with the project.
"""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from explorer import reading
from explorer.blocks import Block, Layer
from explorer.errors import StudyError
from explorer.studies.study import Card, ProfileStudy
from explorer.studies.weights import file_sha256

_FILE = reading.Kind("the profile", 5_000_000, StudyError, "write it, or correct [profile] path")
_MOST = 1e30  # of a figure: what is added and multiplied up stays finite
_Bits = Annotated[int, Field(gt=0, le=32)]
_Measured = Annotated[float, Field(ge=0, le=_MOST, allow_inf_nan=False)]
_Name = Annotated[str, Field(max_length=500)]


class _BlockFigures(BaseModel):
    model_config = ConfigDict(frozen=True)
    name: _Name
    weights: int = Field(gt=0, le=10**15)
    mac_millions: float = Field(ge=0, le=1e12, allow_inf_nan=False)
    mean_hessian_trace: float = Field(ge=-_MOST, le=_MOST, allow_inf_nan=False)
    squared_error: dict[_Bits, _Measured] = Field(min_length=1)
    latency_ms_t4: dict[_Bits, _Measured] = Field(default_factory=dict)


class _NetworkFigures(BaseModel):
    model_config = ConfigDict(frozen=True)
    blocks: list[_BlockFigures] = Field(min_length=1, max_length=10_000)
    ties: list[list[int]] = Field(default_factory=list)
    published_plans: dict[str, list[int]] = Field(default_factory=dict)


def load_profile(path: Path, *, network: str | None, name: str, reference: str, card: Card) -> ProfileStudy:
    """Read a profile study.

    Args:
        path: the JSON file.
        network: which of its networks, when it has several.

    Raises:
        StudyError: the file is missing, is not JSON, lacks the network, or a figure is missing or impossible.
    """
    figures = _read(path, network)
    names = [block.name for block in figures.blocks]
    if len(set(names)) != len(names):
        raise StudyError(f"{path.name} has two blocks of one name; names must differ")
    for number in (number for group in figures.ties for number in group):
        if not 0 <= number < len(names):
            raise StudyError(f"{path.name} ties block number {number}, and there are {len(names)} blocks")
    for plan, bits in figures.published_plans.items():
        if len(bits) != len(names):
            raise StudyError(
                f"the published plan {plan} in {path.name} has {len(bits)} bits for {len(names)} blocks"
            )
    return ProfileStudy(
        name=name,
        reference=reference,
        card=card,
        published_blocks=tuple(_block(block) for block in figures.blocks),
        mean_traces={block.name: block.mean_hessian_trace for block in figures.blocks},
        squared_errors={block.name: block.squared_error for block in figures.blocks},
        latency_ms={block.name: block.latency_ms_t4 for block in figures.blocks},
        latency_device="NVIDIA T4",
        ties=tuple(tuple(names[number] for number in group) for group in figures.ties),
        published_plans={
            plan: dict(zip(names, bits, strict=True)) for plan, bits in figures.published_plans.items()
        },
        weights_sha256=file_sha256(path),
    )


def _read(path: Path, network: str | None) -> _NetworkFigures:
    content = reading.parse_json(reading.read_text(path, _FILE), _FILE, of=f" {path}")
    if network is not None:
        if not isinstance(content, dict) or network not in content:
            raise StudyError(f"the profile {path.name} has no network {network!r}")
        content = content[network]
    try:
        return _NetworkFigures.model_validate(content)
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(str(part) for part in problem["loc"]) or "the whole"
        raise StudyError(f"the profile {path.name} is wrong at {where}: {problem['msg']}") from error


def _block(figures: _BlockFigures) -> Block:
    layer = Layer(
        name=figures.name,
        kind="published",
        parameter="",
        shape=(),
        weights=figures.weights,
        macs=round(figures.mac_millions * 1e6),
    )
    return Block(figures.name, (layer,))
