"""Studies: trained networks with their data and loss, built in or a person's own.

>>> from explorer import studies
>>> studies.load("hawq-v3-resnet18").card.title
'ResNet-18 on ImageNet (published figures)'
"""

import os
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path

from explorer.errors import StudyError
from explorer.studies.data.images import ImageData
from explorer.studies.losses import Loss
from explorer.studies.shipped.builtin import DEFAULT, NAMES, StudyCard, card, facts, files_folder, toml_path
from explorer.studies.study import AnyStudy, Card, ProfileStudy, Study, require_network
from explorer.studies.toml import described, load_toml

__all__ = [
    "DEFAULT",
    "AnyStudy",
    "Card",
    "ImageData",
    "Loss",
    "ProfileStudy",
    "Study",
    "StudyCard",
    "catalogue",
    "load",
    "load_network",
    "names",
    "require_network",
]


def names() -> tuple[str, ...]:
    """Names of the built-in studies."""
    return NAMES


def catalogue(own: tuple[str, ...] = ()) -> list[StudyCard]:
    """An entry for every built-in study and every path in ``own``; loads no weights."""
    entries = [card(name) for name in NAMES]
    for reference in own:
        description = described(_toml_of(Path(reference)))
        entries.append(
            StudyCard(reference, description.card.title or description.name, description.kind, available=True)
        )
    return entries


def load(name_or_path: str | Path) -> AnyStudy:
    """Load a study.

    Args:
        name_or_path: a built-in name, a study.toml, or the folder that holds one.

    Raises:
        StudyError: no such study, or something it names is missing or does not fit.
    """
    reference = str(name_or_path)
    if reference in NAMES:
        entry = card(reference)
        if not entry.available:
            raise StudyError(f"the study {reference} is not ready: {entry.how_to_get}")
        study = load_toml(toml_path(reference), reference=reference, files=files_folder(reference))
        return replace(study, card=replace(study.card, facts={**study.card.facts, **facts(reference)}))
    if not reference:
        raise StudyError(f"no study is named; use one of {', '.join(NAMES)}, or a path to a study.toml")
    path = Path(reference)
    if not os.path.exists(path) and path.suffix != ".toml" and path.name == reference:
        near = get_close_matches(reference[:100], NAMES, n=1)
        hint = (
            f"did you mean {near[0]}?"
            if near
            else f"use one of {', '.join(NAMES)}, or a path to a study.toml"
        )
        raise StudyError(f"there is no study {reference!r}; {hint}")
    toml = _toml_of(path)
    described(toml)  # which says what is wrong with a path that cannot even be made absolute
    return load_toml(toml, reference=str(toml.resolve()))


def load_network(name_or_path: str | Path) -> Study:
    """Load a study that must have weights and data.

    Raises:
        StudyError: as ``load``, or the study is a profile of published figures.
    """
    return require_network(load(name_or_path))


def _toml_of(path: Path) -> Path:
    return path / "study.toml" if os.path.isdir(path) else path
