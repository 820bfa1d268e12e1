"""The first files of a study of one's own: a study.toml for data of some kind, and a net.py to fill in.

What can be told from the data is filled in already: classes, channels, names of arrays and columns. Nothing that is
there is ever written over.
"""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from explorer import files
from explorer.errors import StudyError
from explorer.studies.factories import Factories
from explorer.studies.kinds.sections import Place
from explorer.studies.kinds.table import KINDS
from explorer.studies.writing import toml_value

TOML, NET, DATA = "study.toml", "net.py", "data.py"
_TARGETS = ("label", "labels", "target", "targets", "y")  # what is usually called so
_IMAGENET = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}

_DOCUMENT = """name = {name}

[model]
factory = "net.py:build"         # returns the network
weights = "weights.safetensors"  # its trained weights; or a .pt file with the state dict

[data]
{data}

[loss]
kind = {loss}
"""

_NETWORK = '''"""The network of the study: `build` returns it, and its weights come from the file that study.toml names.

The weights of a trained network are saved by

    from safetensors.torch import save_file
    save_file({{name: tensor.contiguous() for name, tensor in model.state_dict().items()}}, "weights.safetensors")
"""

from torch import nn


def build() -> nn.Module:
    """The network; it gets {inputs}, and gives {outputs}."""
{body}
'''
_TO_FILL = '    raise NotImplementedError("return your network from build() in net.py")'
_PICTURES = """    # An example: put your network here.
    return nn.Sequential(
        nn.Conv2d({channels}, 16, 3, padding=1), nn.ReLU(),
        nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, {classes}),
    )"""

_DETECTOR = (
    _TO_FILL
    + '''


def loss():
    """A function of outputs and targets (a dict of boxes and labels a picture) that gives one value a picture, (n,)."""
    raise NotImplementedError("return your loss from loss() in net.py")'''
)

_DATASETS = '''"""The data of the study: `build` returns map-style datasets, as a DataLoader of PyTorch takes them."""


def build() -> dict:
    """``train`` (may be left out) and ``test``; also, where wanted, ``collate``, ``classes`` and ``noun``."""
    raise NotImplementedError("return your datasets from build() in data.py")
'''


@dataclass(frozen=True)
class _Start:
    """What is written for a kind.

    Attributes:
        data: keys of the section.
        loss: its kind.
        inputs, outputs: of the network, in words.
        body: of ``build``; the example, or what says that it is missing.
    """

    data: Mapping[str, Any]
    loss: str
    inputs: str
    outputs: str
    body: str = _TO_FILL


def begin(folder: Path, kind: str, path: Path | None) -> tuple[Path, ...]:
    """Write the files that are not there yet.

    Args:
        folder: of the study; made if need be.
        kind: of the data.
        path: to them; for a factory to the file with the function, or None.

    Returns:
        The files that were written.

    Raises:
        StudyError: there is a study in the folder, the kind is unknown, or the data cannot be read.
    """
    if kind not in KINDS:
        raise StudyError(f"{kind!r} is no kind of data; use {', '.join(KINDS)}")
    for name in (TOML, NET):
        if os.path.lexists(folder / name):
            raise StudyError(
                f"{folder / name} is there already, and is not written over; name another folder"
            )
    if path is None and kind != "factory":
        raise StudyError(f"no data are named; say where those of the kind {kind} lie with --path")
    if path is not None and not path.exists():
        raise StudyError(f"there is nothing at {path}; correct --path")
    start = _STARTS[kind](folder, path)
    lines = [f"{key} = {toml_value(value)}" for key, value in start.data.items()]
    shown = "\n".join(lines) if kind == "npz" else "\n".join([f"kind = {json.dumps(kind)}", *lines])
    made = {
        TOML: _DOCUMENT.format(
            name=json.dumps(folder.resolve().name[:80]), data=shown, loss=json.dumps(start.loss)
        ),
        NET: _NETWORK.format(inputs=start.inputs, outputs=start.outputs, body=start.body),
    }
    if kind == "factory" and path is None and not (folder / DATA).exists():
        made[DATA] = _DATASETS
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in made.items():
            files.write(folder / name, text.encode())
    except OSError as error:
        raise StudyError(f"the folder {folder} cannot be written ({error.strerror}); name another") from error
    return tuple(folder / name for name in made)


def _named(path: Path, folder: Path) -> str:
    """A path as study.toml names it: from its folder where it lies in it."""
    whole, home = path.resolve(), folder.resolve()
    return whole.relative_to(home).as_posix() if whole.is_relative_to(home) else str(whole)


def _loaded(kind: str, keys: Mapping[str, Any], folder: Path) -> Any:
    """The data, loaded as the study will."""
    try:
        section = KINDS[kind].model_validate({"kind": kind, **keys})
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(map(str, problem["loc"]))
        raise StudyError(f"a study.toml with the key {where} cannot be written: {problem['msg']}") from error
    return section.load(Place(folder, Factories(folder))).samples


def _pictures(channels: int, classes: int) -> str:
    return _PICTURES.format(channels=channels, classes=max(classes, 1))


def _npz(folder: Path, path: Path | None) -> _Start:
    assert path is not None
    from explorer.studies.data.archive import read_npz

    arrays = read_npz(path)
    channels = arrays["test_images"].shape[-1] if arrays["test_images"].ndim == 4 else 3
    keys = {"path": _named(path, folder), **_normalisation(channels)}
    classes = len(_loaded("npz", keys, folder).classes)
    inputs = f"images (n, {channels}, height, width) float32"
    return _Start(keys, "cross_entropy", inputs, f"scores (n, {classes})", _pictures(channels, classes))


def _normalisation(channels: int) -> dict[str, list[float]]:
    if channels == 3:
        return _IMAGENET
    return {"mean": [0.5] * channels, "std": [0.5] * channels}


def _folder(folder: Path, path: Path | None) -> _Start:
    assert path is not None
    keys: dict[str, Any] = {"path": _named(path, folder), "resize": 256, "crop": 224, **_IMAGENET}
    if not _has_a_test(path):
        keys["test_share"] = 0.2
    classes = len(_loaded("folder", keys, folder).classes)
    inputs = "images (n, 3, 224, 224) float32"
    return _Start(keys, "cross_entropy", inputs, f"scores (n, {classes})", _pictures(3, classes))


def _has_a_test(path: Path) -> bool:
    """Whether the data say themselves which samples are for the test."""
    if path.is_dir():
        return (path / "test").is_dir()
    from explorer.studies.kinds.csvs import SPLIT, read_csv

    return SPLIT in read_csv(path, ())[0].values


def _arrays(folder: Path, path: Path | None) -> _Start:
    assert path is not None
    found = _names_of_arrays(path)
    if len(found) < 2:
        raise StudyError(
            f"{path} has no arrays called test_…, of inputs and of targets; it has {', '.join(found) or 'none'}"
        )
    target = next((name for name in _TARGETS if name in found), found[-1])
    others = [name for name in found if name != target]
    inputs: Any = others[0] if len(others) == 1 else {name: name for name in others}
    keys = {"path": _named(path, folder), "inputs": inputs, "targets": target}
    data = _loaded("arrays", keys, folder)
    given = "a tensor" if len(others) == 1 else f"a dict of {', '.join(others)}"
    if data.targets("test", slice(0, 1)).is_floating_point():
        return _Start(keys, "mse", given, "values of the targets' shape")
    return _Start(keys, "cross_entropy", given, f"scores (n, {len(data.classes)})")


def _names_of_arrays(path: Path) -> list[str]:
    """Names without ``test_``, in the order of the file."""
    if path.is_dir():
        names = sorted(each.stem for each in path.glob("*.npy"))
    else:
        try:
            with np.load(path, allow_pickle=False) as archive:
                names = list(archive.files) if isinstance(archive, np.lib.npyio.NpzFile) else []
        except Exception as error:  # of a damaged file a dozen kinds
            raise StudyError(f"{path} is no npz file of plain arrays") from error
    return [name.removeprefix("test_") for name in names if name.startswith("test_")]


def _text(folder: Path, path: Path | None) -> _Start:
    assert path is not None
    label = path.suffix == ".csv"
    keys: dict[str, Any] = {"path": _named(path, folder), "task": "label" if label else "next-token"}
    keys |= {"tokenizer": "bytes", "max_length": 128}
    if not (_has_a_test(path) if label else path.is_dir()):
        keys["test_share"] = 0.2
    data = _loaded("text", keys, folder)
    inputs = "a dict of input_ids and attention_mask, (n, 128) int64"
    if label:
        return _Start(keys, "cross_entropy", inputs, f"scores (n, {len(data.classes)})")
    return _Start(keys, "token_cross_entropy", inputs, "scores (n, 128, 257)")


def _parquet(folder: Path, path: Path | None) -> _Start:
    assert path is not None
    from explorer.studies.kinds.columns import Table
    from explorer.studies.kinds.parquet import files_of

    table = Table(files_of(path)["test"])
    names = list(table.schema.names)
    if len(names) < 2:
        raise StudyError(f"{path} has the column {', '.join(names)} alone; inputs and targets are two")
    target = next((name for name in _TARGETS if name in names), names[-1])
    others = [name for name in names if name != target]
    pictures = [name for name in others if table.holds_pictures(name)]
    inputs: Any = (
        pictures[0] if pictures else others[0] if len(others) == 1 else {name: name for name in others}
    )
    keys: dict[str, Any] = {"path": _named(path, folder), "inputs": inputs, "target": target}
    keys |= {"resize": 256, "crop": 224, **_IMAGENET} if pictures else {}
    if not path.is_dir():
        keys["test_share"] = 0.2
    classes = len(_loaded("parquet", keys, folder).classes)
    outputs = f"scores (n, {classes})" if classes else "values of the targets' shape"
    loss = "cross_entropy" if classes else "mse"
    if pictures:
        return _Start(keys, loss, "images (n, 3, 224, 224) float32", outputs, _pictures(3, classes))
    given = "a tensor" if len(others) == 1 else f"a dict of {', '.join(others)}"
    return _Start(keys, loss, given, outputs)


def _interactions(folder: Path, path: Path | None) -> _Start:
    assert path is not None
    keys: dict[str, Any] = {"path": _named(path, folder)}
    if not (path.is_dir() or _has_a_test(path)):
        keys["test_share"] = 0.2
    _loaded("interactions", keys, folder)
    return _Start(keys, "bce_with_logits", "a pair of users and items, each (n, 1) int64", "scores (n, 1)")


def _detection(folder: Path, path: Path | None) -> _Start:
    assert path is not None
    keys = {"path": _named(path, folder), **_IMAGENET}
    _loaded("detection", keys, folder)
    inputs = "images (1, 3, height, width) float32"
    return _Start(keys, "net.py:loss", inputs, "what the loss takes", _DETECTOR)


def _factory(folder: Path, path: Path | None) -> _Start:
    named = DATA if path is None else _named(path, folder)
    keys = {"factory": f"{named}:build"}
    return _Start(keys, "cross_entropy", "what the datasets give", "what the loss takes")


_STARTS: Mapping[str, Callable[[Path, Path | None], _Start]] = {
    "npz": _npz,
    "factory": _factory,
    "folder": _folder,
    "arrays": _arrays,
    "text": _text,
    "parquet": _parquet,
    "interactions": _interactions,
    "detection": _detection,
}
