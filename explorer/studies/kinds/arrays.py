"""``kind = "arrays"``: any number of arrays of any type, in an npz file or as npy files in a folder.

Every array is named by its split: ``inputs = "x"`` means ``test_x`` and ``train_x``, ``targets = "y"`` means
``test_y`` and ``train_y``, samples along the first dimension. ``inputs`` is one name (the network gets a tensor), a
list of names (a tuple) or a table of names (a dict). Fractions come as float32, whole numbers as int64, truth values
and bytes (uint8) as they are. npy files are mapped into memory and read when a sample is asked for. Nothing is ever
unpickled.
"""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from explorer import reading
from explorer.errors import StudyError
from explorer.studies.data.archive import read_npz
from explorer.studies.data.datasets import DatasetSamples
from explorer.studies.data.images import MAX_CLASSES
from explorer.studies.data.samples import SAMPLES, SPLITS
from explorer.studies.identity.origin import Stamp, stamp
from explorer.studies.kinds.sections import (
    DataSection,
    Loaded,
    Name,
    Names,
    PathText,
    Place,
    arranged,
    listed,
    noun,
)
from explorer.studies.losses import IGNORED

_PIECE = 2**24  # bytes hashed and looked at together
_NPY = reading.Kind("the array", 2**40, StudyError, "write it, or correct [data] path")


class ArraysSection(DataSection):
    """Arrays in files."""

    kind: Literal["arrays"]
    path: PathText
    inputs: Names
    targets: Name
    classes: tuple[Name, ...] = ()
    noun: Name | None = None

    def load(self, place: Place) -> Loaded:
        """Read or map the arrays; see `DataSection`."""
        path = place.folder / self.path
        named = [*listed(self.inputs), self.targets]
        stamps: tuple[Stamp, ...]
        if path.is_dir():
            files = [
                path / f"{split}_{name}.npy"
                for split in SPLITS
                for name in named
                if split == "test" or (path / f"{split}_{name}.npy").exists()
            ]
            arrays, stamps = {file.stem: _mapped(file) for file in files}, tuple(map(stamp, files))
        else:
            stamps = (stamp(path),)
            wanted = [f"{split}_{name}" for split in SPLITS for name in named]
            arrays = read_npz(path, wanted, [name for name in wanted if name.startswith("test")])
        splits = [split for split in SPLITS if any(f"{split}_{name}" in arrays for name in named)]
        for split in splits:
            _check(arrays, split, named, path)
        targets = [arrays[f"{split}_{self.targets}"] for split in splits]
        data = DatasetSamples(
            {split: Rows(arrays, split, self.inputs, self.targets) for split in splits},
            noun=SAMPLES if self.noun is None else noun(self.noun),
            classes=self.classes or _classes(targets, path),
            identity=lambda: _hash(arrays),
            preprocessing=f"inputs {self.inputs}",
        )
        return Loaded(data, {}, stamps)


class Rows:
    """One split.

    Args:
        arrays: of all splits.
        split: its name.
        inputs, targets: names without the split.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray], split: str, inputs: Names, targets: str) -> None:
        self._arrays, self._split, self._inputs, self._targets = arrays, split, inputs, targets

    def __len__(self) -> int:
        return len(self._arrays[f"{self._split}_{self._targets}"])

    def sample(self, row: int) -> tuple[Any, Any]:
        """Inputs in their structure, and the target."""
        return arranged(self._inputs, lambda name: self._at(name, row)), self.target(row)

    def target(self, row: int) -> Any:
        """The target."""
        return self._at(self._targets, row)

    def _at(self, name: str, row: int) -> Tensor:
        value = np.asarray(self._arrays[f"{self._split}_{name}"][row])
        if value.dtype.kind == "f":
            return torch.from_numpy(value.astype(np.float32))
        if value.dtype == np.bool_ or (value.dtype == np.uint8 and name != self._targets):
            return torch.from_numpy(np.array(value))
        return torch.from_numpy(value.astype(np.int64))


def _mapped(path: Path) -> np.ndarray:
    """An npy file, of which only what is asked for is read."""
    reading.checked(path, _NPY)
    try:
        found: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # the header is a literal of Python, whose parser raises a dozen kinds
        raise StudyError(f"{path} is no npy file of plain numbers; write it with numpy.save") from error
    return found


def _check(arrays: Mapping[str, np.ndarray], split: str, named: list[str], path: Path) -> None:
    """Arrays of a split must be numbers, as many each, and finite."""
    lengths = {}
    for name in named:
        key = f"{split}_{name}"
        if key not in arrays:
            raise StudyError(f"{path.name} has no array {key}, and has others of the split {split}; add it")
        array = arrays[key]
        if array.dtype.kind not in "biuf":
            raise StudyError(f"{key} in {path.name} is {array.dtype}; save numbers")
        if array.ndim == 0 or len(array) == 0:
            raise StudyError(f"{key} in {path.name} holds no samples; give at least one")
        lengths[key] = len(array)
        if array.dtype.kind == "f" and not isinstance(array, np.memmap):
            bad = ~np.isfinite(array.reshape(len(array), -1)).all(1)
            if bad.any():
                raise StudyError(
                    f"{key} in {path.name} is not finite (NaN or infinity) in row {int(bad.argmax())}"
                )
    if len(set(lengths.values())) > 1:
        (one, most), (other, fewest) = max(lengths.items(), key=_second), min(lengths.items(), key=_second)
        raise StudyError(
            f"{path.name} has {most} rows in {one} and {fewest} in {other}; give every sample all of them"
        )


def _second(item: tuple[str, int]) -> int:
    return item[1]


def _classes(targets: list[np.ndarray], path: Path) -> tuple[str, ...]:
    """Names of the classes where targets are class numbers, one a sample."""
    if any(each.dtype.kind not in "iu" or each.ndim != 1 for each in targets):
        return ()
    lowest, highest = min(int(each.min()) for each in targets), max(int(each.max()) for each in targets)
    if lowest < 0 and lowest != IGNORED:
        raise StudyError(f"{path.name} has the label {lowest}; labels number the classes from 0")
    if highest >= MAX_CLASSES:
        raise StudyError(
            f"{path.name} has the label {highest}; labels number the classes, below {MAX_CLASSES:,}"
        )
    return tuple(str(number) for number in range(highest + 1))


def _hash(arrays: Mapping[str, np.ndarray]) -> str:
    """SHA-256 over names, types, shapes and values, read piece by piece."""
    digest = sha256()
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        step = max(1, _PIECE * len(array) // max(1, array.nbytes))
        for first in range(0, len(array), step):
            digest.update(np.ascontiguousarray(array[first : first + step]).data)
    return digest.hexdigest()
