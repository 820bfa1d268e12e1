"""``kind = "parquet"``: columns of Parquet or Arrow files, or of a Hugging Face data set that ``save_to_disk`` wrote.

``path`` is one file, of which ``test_share`` of the rows are drawn for the test, or a folder with ``test`` and, if
there is one, ``train``: as ``test.parquet`` (or ``.arrow``, ``.feather``), as files ``test-*.parquet`` of one table,
or as the folders of a saved ``DatasetDict``. All of it is read by pyarrow; the package ``datasets`` is not needed.

``inputs`` is a column, a list of columns (a tuple) or a table of columns (a dict), ``target`` the column of labels. A
column of numbers, or of lists of numbers of one length, becomes a tensor; fractions come as float32, whole numbers as
int64. A column of pictures (files as bytes, or Hugging Face's struct of ``bytes`` and ``path``) is decoded as of the
kind ``folder``, by the keys ``resize``, ``crop``, ``mean`` and ``std``. Labels of text are numbered by the alphabet;
names of a ``ClassLabel`` are those of the classes. Of a file only the groups of rows are in memory that were asked
for last.

The identity of the data is the hash of the files, and of which columns and rows of them are used.
"""

from collections.abc import Mapping, Sequence
from hashlib import file_digest, sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from pydantic import Field

from explorer import reading
from explorer.errors import StudyError
from explorer.studies.data.datasets import DatasetSamples
from explorer.studies.data.images import MAX_CLASSES
from explorer.studies.data.samples import IMAGES, SAMPLES, SPLITS, Noun
from explorer.studies.identity.origin import stamp
from explorer.studies.kinds.csvs import numbered
from explorer.studies.kinds.pictures import PictureSamples, PictureSection, Size
from explorer.studies.kinds.sections import (
    DataSection,
    Deviations,
    Loaded,
    Means,
    Name,
    Names,
    PathText,
    Place,
    Share,
    arranged,
    divided,
    listed,
    noun,
)

if TYPE_CHECKING:
    from explorer.studies.kinds.columns import Table

_ENDINGS = (".parquet", ".arrow", ".feather")


class ParquetSection(DataSection):
    """Columns in files."""

    kind: Literal["parquet"]
    path: PathText
    inputs: Names
    target: Name
    resize: Size | None = None
    crop: Size | None = None
    mean: Means | None = None
    std: Deviations | None = None
    test_share: Share | None = None
    seed: int = Field(default=0, ge=0, lt=2**31)
    noun: Name | None = None

    def load(self, place: Place) -> Loaded:
        """Open the files; see `DataSection`."""
        from explorer.studies.kinds.columns import Table  # pyarrow, which other studies need not wait for

        root = place.folder / self.path
        found = files_of(root)
        tables = {split: Table(files) for split, files in found.items()}
        for table in tables.values():
            for column in (*listed(self.inputs), self.target):
                table.check(column)
        labels, classes = _labels(
            {split: table.column(self.target) for split, table in tables.items()}, self.target
        )
        classes = tables["test"].class_names(self.target, at_least=len(classes)) or classes
        pictures = self._pictures(tables["test"])
        if root.is_dir():
            if self.test_share is not None:
                raise StudyError(f"{root} is a folder with a table for the test; remove test_share")
            rows = {split: list(range(len(table))) for split, table in tables.items()}
        else:
            drawn = divided(len(tables["test"]), self.test_share, self.seed, str(root))
            rows = {split: chosen.tolist() for split, chosen in drawn.items()}
        sources = {
            split: Columns(
                tables.get(split, tables["test"]),
                labels.get(split, labels["test"]),
                rows[split],
                self,
                pictures,
            )
            for split in rows
        }
        called: Noun = (IMAGES if pictures else SAMPLES) if self.noun is None else noun(self.noun)
        chosen_by = f"{self.inputs} {self.target} {self.test_share} {self.seed}"
        options: dict[str, Any] = {
            "noun": called,
            "classes": classes,
            "identity": lambda: _hash(found, chosen_by),
        }
        data = (
            DatasetSamples(sources, preprocessing=f"inputs {self.inputs}", **options)
            if pictures is None
            else PictureSamples(sources, section=pictures, ragged=not pictures.of_one_size, **options)
        )
        return Loaded(data, {}, tuple(stamp(file) for files in found.values() for file in files))

    def _pictures(self, table: "Table") -> PictureSection | None:
        """How pictures are read, if the inputs are a column of them.

        Raises:
            StudyError: mean and std are missing, or given for numbers.
        """
        columns = listed(self.inputs)
        held = [column for column in columns if table.holds_pictures(column)]
        if not held:
            if self.mean is not None or self.std is not None or self.resize or self.crop:
                raise StudyError(
                    f"[data] mean, std, resize and crop are for pictures; {columns[0]!r} holds none"
                )
            return None
        if not isinstance(self.inputs, str):
            raise StudyError(
                f"the column {held[0]!r} holds pictures, so it must be the only one: inputs = {held[0]!r}"
            )
        if self.mean is None or self.std is None:
            raise StudyError(
                f"the column {held[0]!r} holds pictures; give [data] mean and std, one value a channel"
            )
        return PictureSection(
            kind="pictures", resize=self.resize, crop=self.crop, mean=self.mean, std=self.std
        )


class Columns:
    """One split.

    Args:
        table: where the values are.
        labels: of all rows of the table.
        rows: of the table, that are this split's.
        section: which columns.
        pictures: how they are decoded, if the inputs are some.
    """

    def __init__(
        self,
        table: "Table",
        labels: Sequence[Any],
        rows: Sequence[int],
        section: ParquetSection,
        pictures: PictureSection | None,
    ) -> None:
        self._table, self._labels, self._rows = table, labels, rows
        self._inputs, self._pictures = section.inputs, pictures

    def __len__(self) -> int:
        return len(self._rows)

    def sample(self, row: int) -> tuple[Any, Any]:
        """Inputs in their structure, and the target."""
        return arranged(self._inputs, lambda column: self._value(row, column)), self.target(row)

    def target(self, row: int) -> Any:
        """The target."""
        return self._labels[self._rows[row]]

    def _value(self, row: int, column: str) -> Any:
        place = f"row {self._rows[row]} of {self._table.name}"
        value = self._table.value(self._rows[row], column)
        if self._pictures is not None:
            content = value.get("bytes") if isinstance(value, dict) else value
            if not content:
                raise StudyError(f"{place} has no picture in {column!r}; store the bytes of its file")
            return self._pictures.decoded(content, f"in {place}")
        return _numbers(value, f"{place} has in {column!r}")


def _numbers(value: Any, place: str) -> torch.Tensor:
    """Numbers, or lists of them, as a tensor: float32 or int64, or truth values."""
    if value is None:
        raise StudyError(f"{place} no value; fill it, or remove the row")
    try:
        array = np.array(value)
    except ValueError as error:  # lists of different lengths
        raise StudyError(f"{place} lists of different lengths; pad them") from error
    if array.dtype.kind not in "biuf":
        raise StudyError(f"{place} {str(value)[:40]!r}, which is no number; use the kind text, or a factory")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise StudyError(f"{place} a value that is not finite (NaN or infinity)")
    kinds = {"b": np.bool_, "f": np.float32}
    return torch.from_numpy(array.astype(kinds.get(array.dtype.kind, np.int64)))


def _labels(columns: Mapping[str, Sequence[Any]], name: str) -> tuple[dict[str, list[Any]], tuple[str, ...]]:
    """Targets of every split, and the names of their classes."""
    for split, values in columns.items():
        for row, value in enumerate(values):
            if value is None or value != value:
                raise StudyError(f"row {row} of the {split} table has no {name}; fill it, or remove the row")
    every = [value for values in columns.values() for value in values]
    if all(isinstance(value, str) for value in every):
        numbers, classes = numbered(every)
        parts = iter(numbers)
        return {split: [next(parts) for _ in values] for split, values in columns.items()}, classes
    if all(isinstance(value, int) for value in every):
        lowest, highest = min(every), max(every)
        if lowest < 0 or highest >= MAX_CLASSES:
            wrong = lowest if lowest < 0 else highest
            raise StudyError(f"the column {name!r} has the label {wrong}; labels number the classes from 0")
        return {split: [int(value) for value in values] for split, values in columns.items()}, tuple(
            str(number) for number in range(int(highest) + 1)
        )
    found = {
        split: [
            _numbers(value, f"row {row} of the {split} table has in {name!r}")
            for row, value in enumerate(values)
        ]
        for split, values in columns.items()
    }
    return found, ()


def files_of(root: Path) -> dict[str, list[Path]]:
    """The files of each split.

    Raises:
        StudyError: there is none for the test.
    """
    if not root.is_dir():
        return {"test": [root]}
    found = {split: files for split in SPLITS if (files := _of_split(root, split))}
    if not found and (root / "state.json").exists():
        return {"test": _saved(root)}
    if "test" not in found:
        raise StudyError(
            f"{root} has no table for the test: no test.parquet, no test-*.parquet and no folder test"
        )
    return found


def _of_split(root: Path, split: str) -> list[Path]:
    if (root / split).is_dir():
        folder = root / split
        if (folder / "state.json").exists():
            return _saved(folder)
        return sorted(each for each in folder.iterdir() if each.suffix in _ENDINGS)
    single = [path for ending in _ENDINGS if (path := root / f"{split}{ending}").exists()]
    return single[:1] or sorted(each for each in root.glob(f"{split}-*") if each.suffix in _ENDINGS)


_STATE = reading.Kind("the state of the data set", 10_000_000, StudyError, "save the data set again")


def _saved(folder: Path) -> list[Path]:
    """Files of a data set that Hugging Face's ``save_to_disk`` wrote, in their order."""
    path = folder / "state.json"
    state = reading.parse_json(reading.read_text(path, _STATE), _STATE, of=f" {path}")
    try:
        names = [each["filename"] for each in state["_data_files"]]
        shuffled = state.get("_indices_data_files")
    except (TypeError, KeyError, AttributeError) as error:
        raise StudyError(
            f"{path} does not list the files of a data set; save it again with save_to_disk"
        ) from error
    if shuffled:
        raise StudyError(
            f"the rows of {folder} are chosen by an index; call flatten_indices before save_to_disk"
        )
    if not names or not all(isinstance(name, str) and Path(name).name == name for name in names):
        raise StudyError(
            f"{path} lists no files, or files that lie elsewhere; save it again with save_to_disk"
        )
    return [folder / name for name in names]


def _hash(splits: Mapping[str, Sequence[Path]], chosen_by: str) -> str:
    digest = sha256(chosen_by.encode())
    for split, files in sorted(splits.items()):
        for file in files:
            with file.open("rb") as stream:
                digest.update(f"{split} {file_digest(stream, 'sha256').hexdigest()}\n".encode())
    return digest.hexdigest()
