"""A second study beside another one: the same network, weights and images, with its batch norms folded."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from explorer.errors import StudyError
from explorer.studies import load_network
from explorer.studies.shipped.builtin import NAMES, files_folder, toml_path
from explorer.studies.study import Study
from explorer.studies.toml import read_description


def write_folded(name_or_path: str | Path, folder: Path) -> Study:
    """Write a study.toml that has ``fold_batch_norms`` and names the files of a study where they lie.

    Args:
        name_or_path: of the study, as for `load_network`.
        folder: to write study.toml into; made if need be.

    Returns:
        The new study, loaded.

    Raises:
        StudyError: the study cannot be loaded or its batch norms cannot be folded, they are folded already, or
            there is a study in the folder.
    """
    study = load_network(name_or_path)
    source = toml_path(study.reference) if study.reference in NAMES else Path(study.reference)
    files = files_folder(study.reference) or source.parent
    description = read_description(source)
    content = description.model_dump(exclude_unset=True)
    assert description.data is not None  # of a study that has a network
    if content["model"].get("fold_batch_norms"):
        raise StudyError(f"the batch normalisations of {study.name} are folded already; use it as it is")
    target = folder / "study.toml"
    if os.path.exists(target):
        raise StudyError(f"there is a study at {target} already; give another folder")

    content["name"] = f"{study.name}-folded"
    content["model"] |= {
        "factory": _located(content["model"]["factory"], source.parent),
        "weights": str((files / content["model"]["weights"]).resolve()),
        "fold_batch_norms": True,
    }
    content["data"] = description.data.located(files)
    if "kind" in content.get("loss", {}):
        content["loss"]["kind"] = _located(content["loss"]["kind"], source.parent)
    content["card"] = {**content.get("card", {}), "title": f"{study.card.title}, batch norms folded"}

    try:
        folder.mkdir(parents=True, exist_ok=True)
        target.write_text(_toml(content) + "\n", encoding="utf-8")
    except (OSError, ValueError) as error:
        raise StudyError(f"{target} cannot be written: {error}") from error
    try:
        return load_network(target)
    except StudyError:
        target.unlink()
        raise


def _located(address: str, folder: Path) -> str:
    """The address of a factory, with the whole path where it is a file beside the study."""
    place, colon, name = address.partition(":")
    return f"{(folder / place).resolve()}{colon}{name}" if place.endswith(".py") else address


def _toml(content: Mapping[str, Any], section: str = "") -> str:
    """Nested dicts as TOML; a string, number, truth value or list of them is written in it as in JSON."""
    lines = [f"[{section}]"] if section else []
    inner = []
    for key, value in content.items():
        bare = key if key.isidentifier() and key.isascii() else _json(key)
        if isinstance(value, Mapping):
            inner.append("\n" + _toml(value, f"{section}.{bare}" if section else bare))
        else:
            lines.append(f"{bare} = {_json(value)}")
    return "\n".join([*lines, *inner])


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
