"""The built-in studies: where each lies, whether it is here, and how to get it.

Each is a folder of ``assets`` with a study.toml, loaded like anybody's own study. ``cifar10-resnet20`` ships
its description only; its files are looked for in the folder that ``EXPLORER_DATA`` names (in ``cifar10/``
below it) and then where ``python -m explorer fetch`` puts them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from explorer import reading
from explorer.errors import StudyError
from explorer.places import data_home, operator_data
from explorer.studies.toml import described

_CARD = reading.Kind(
    "the card", 256_000, StudyError, "install the package again", mend="install the package again"
)
ASSETS = Path(__file__).parents[1] / "assets"
DEFAULT = "fashion-resnet20"
NAMES = (
    DEFAULT,
    "fashion-mobilenet",
    "fashion-thin",
    "cifar10-resnet20",
    "tiny-language-model",
    "ncf-synthetic",
    "detector-fashion",
    "hawq-v3-resnet18",
    "hawq-v3-resnet50",
)
CIFAR = "cifar10-resnet20"
CIFAR_FILES = ("cifar10_subset.npz", "resnet20_cifar10.safetensors")


@dataclass(frozen=True)
class StudyCard:
    """An entry of the study picker; made without loading any weights."""

    name: str
    title: str
    kind: Literal["network", "profile"]
    available: bool
    how_to_get: str = ""


def toml_path(name: str) -> Path:
    """The study.toml of a built-in study."""
    return ASSETS / name / "study.toml"


def files_folder(name: str) -> Path | None:
    """Where the weights and data of a built-in study lie, when that is not beside its study.toml."""
    if name != CIFAR:
        return None
    places = [data_home() / "cifar10"]
    if (operator := operator_data()) is not None:
        places.insert(0, operator / "cifar10")
    complete = (place for place in places if all((place / file).is_file() for file in CIFAR_FILES))
    return next(complete, places[-1])


def facts(name: str) -> Mapping[str, str]:
    """What the project measured when it trained the network, from ``card.json`` beside the weights."""
    path = ASSETS / name / "card.json"
    if not path.is_file():
        return {}
    found: dict[str, str] = reading.parse_json(reading.read_text(path, _CARD), _CARD, of=f" {path}")
    return found


def card(name: str) -> StudyCard:
    """The picker's entry of a built-in study."""
    description = described(toml_path(name))
    folder = files_folder(name)
    here = folder is None or all((folder / file).is_file() for file in CIFAR_FILES)
    advice = (
        f"its images and weights are not here: run `python -m explorer fetch {name}` (about 170 MB), "
        f"or set EXPLORER_DATA to a folder that has cifar10/{CIFAR_FILES[0]} and cifar10/{CIFAR_FILES[1]}"
    )
    return StudyCard(name, description.card.title, description.kind, here, "" if here else advice)
