"""A trained network as a study of its own: new weights for the network of another study, on its data and loss.

A folder like any person's, with a ``study.toml``, the weights and what the factory is made of; the data stay where they
are and are named by their full path.
"""

import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor

from explorer import files
from explorer.errors import StudyError
from explorer.studies.shipped.builtin import NAMES, files_folder, toml_path
from explorer.studies.study import Study
from explorer.studies.toml import Description, described
from explorer.studies.writing import toml_value

WEIGHTS, TOML = "weights.safetensors", "study.toml"
_LONGEST_TITLE = 200
FOLDER = "networks"  # of the home, where the app keeps them


def kept(home: Path) -> tuple[str, ...]:
    """Paths of the studies that the app made of trained networks, by name; one that was damaged is none."""
    found = []
    for path in sorted((home / FOLDER).glob(f"[!.]*/{TOML}")):
        with suppress(StudyError):
            described(path)
            found.append(str(path))
    return tuple(found)


def name_of(study: Study, run: str) -> str:
    """What the study that a training of another one ended with is called; ``run`` is its id."""
    return f"{study.name[:70]}-{run[:5]}"


def of_training(study: Study, state: Mapping[str, Tensor], folder: Path, *, run: str, said: str) -> Path:
    """The network that a training ended with, as a study: the path of its study.toml.

    Its weights are the quantized ones, on their grids. Activations are in FP32, as in every study: what a plan makes of
    them is chosen anew.

    Args:
        study: that was trained.
        state: tensors that the training kept.
        folder: to be made, or empty.
        run: id of the training.
        said: its title.

    Raises:
        StudyError: as `derive`.
    """
    return derive(
        study,
        state,
        folder,
        name=name_of(study, run),
        title=f"{study.card.title}, trained ({run[:5]})"[:_LONGEST_TITLE],
        summary=f"What run {run} ended with: {said}. The weights are quantized, activations are not.",
    )


def derive(
    study: Study, state: Mapping[str, Tensor], folder: Path, *, name: str, title: str, summary: str
) -> Path:
    """Write a study whose network has other weights.

    Args:
        state: tensors by the names of the study's network; others are left out.
        folder: to be made, or empty.
        name, title, summary: of the new study; its weights need not be those of any published network.

    Returns:
        Path of its study.toml.

    Raises:
        StudyError: the folder holds something or cannot be written, or the network cannot be made again from its
            description. Nothing is left.
    """
    files.check_free(folder, StudyError)
    built_in = study.reference in NAMES
    source = toml_path(study.reference) if built_in else Path(study.reference)
    base = described(source)
    if base.model is None or base.data is None:
        raise StudyError(f"the study {study.name} holds no network; name one that has weights")
    if base.model.fold_batch_norms:
        raise StudyError(
            f"the batch norms of {study.name} are folded into its layers, which its factory does not make; "
            "train the study that does not fold them"
        )
    wanted = study.model().state_dict()
    missing = sorted(set(wanted) - set(state))
    if missing:
        raise StudyError(f"the weights lack {missing[0]!r}, which the network of {study.name} has")
    tensors = {key: state[key].detach().clone().contiguous() for key in wanted}
    beside = (files_folder(study.reference) if built_in else None) or source.parent
    text = _text(base, base.data.located(beside), name=name, title=title, summary=summary)
    try:
        with files.new_folder(folder) as made:
            save_file(tensors, made / WEIGHTS)
            if not built_in:
                _copy_code(study, source.parent, made)
            (made / TOML).write_text(text, encoding="utf-8")
    except OSError as error:
        raise StudyError(f"the folder {folder} cannot be written ({error.strerror}); name another") from error
    return folder / TOML


def _copy_code(study: Study, source: Path, folder: Path) -> None:
    """The source files of the study's factories that lie beside its description."""
    for each in study.origin.code:
        if (source / each).is_file():
            target = folder / each
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / each, target)


def _text(base: Description, data: Mapping[str, Any], *, name: str, title: str, summary: str) -> str:
    assert base.model is not None
    loss = base.loss.model_dump(exclude_none=True)
    card = {"title": title, "summary": summary, "source": base.card.source, "licence": base.card.licence}
    sections: dict[str, Mapping[str, Any]] = {
        "model": {"factory": base.model.factory, "weights": WEIGHTS},
        "data": data,
        "loss": loss,
        "card": {key: value for key, value in card.items() if value},
    }
    lines = [f"name = {toml_value(name)}"]
    for section, values in sections.items():
        lines += ["", f"[{section}]", *(f"{key} = {toml_value(value)}" for key, value in values.items())]
    return "\n".join(lines) + "\n"
