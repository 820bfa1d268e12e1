"""Tables of text in CSV files, whose first line names the columns; a row is told by its line in every sentence."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, tensor

from explorer import reading
from explorer.errors import StudyError
from explorer.studies.kinds.sections import divided

_FILE = reading.Kind("the table", 2**30, StudyError, "write it, or correct [data] path")
SPLIT = "split"


@dataclass(frozen=True)
class Row:
    """A line of the file.

    Attributes:
        place: ``labels.csv, line 3``, for sentences.
        values: column to text.
    """

    place: str
    values: Mapping[str, str]


def read_csv(path: Path, columns: Sequence[str]) -> list[Row]:
    """The rows, all of which have a value in every one of some columns.

    Raises:
        StudyError: the file cannot be read or has no such column, or a row lacks a value; the line is named.
    """
    text = reading.read_text(path, _FILE)
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    found = []
    try:
        there = [name.strip() for name in reader.fieldnames or ()]
        reader.fieldnames = there
        for column in columns:
            if column not in there:
                raise StudyError(
                    f"{path} has no column {column!r}; its first line names {', '.join(there) or 'none'}"
                )
        for values in reader:
            place = f"{path.name}, line {reader.line_num}"
            if None in values:
                raise StudyError(
                    f"{place} has more values than there are columns ({len(there)}); quote commas"
                )
            for column in columns:
                if not (values[column] or "").strip():
                    raise StudyError(f"{place} has no {column}; give it one, or remove the line")
            found.append(Row(place, {key: (value or "").strip() for key, value in values.items()}))
    except csv.Error as error:
        raise StudyError(
            f"{path.name}, line {reader.line_num + 1} is no line of a CSV file: {error}"
        ) from error
    if not found:
        raise StudyError(f"{path} has no rows; write some below the names of the columns")
    return found


def split_rows(rows: Sequence[Row], share: float | None, seed: int, what: str) -> dict[str, Tensor]:
    """Numbers of the rows of each split: by their column ``split``, or drawn where there is none.

    Raises:
        StudyError: a row is of another split than train or test, or there are no test rows.
    """
    if SPLIT not in rows[0].values:
        return divided(len(rows), share, seed, what)
    if share is not None:
        raise StudyError(
            f"{what} has a column {SPLIT}, so that test_share has no meaning; remove one of them"
        )
    found: dict[str, list[int]] = {}
    for number, row in enumerate(rows):
        name = row.values[SPLIT]
        if name not in ("train", "test"):
            raise StudyError(f"{row.place} has the split {name!r}; write train or test")
        found.setdefault(name, []).append(number)
    if "test" not in found:
        raise StudyError(f"{what} has no row of the split test; mark some")
    return {name: tensor(numbers) for name, numbers in found.items()}


def numbered(names: Sequence[str]) -> tuple[list[int], tuple[str, ...]]:
    """Class numbers of labels, and the names of the classes in order.

    Labels that are all whole numbers from 0 are class numbers themselves; others are numbered in the order of the
    alphabet.

    >>> numbered(["dog", "cat", "dog"]), numbered(["2", "0"])
    (([1, 0, 1], ('cat', 'dog')), ([2, 0], ('0', '1', '2')))
    """
    if all(each.isdecimal() and each.isascii() and len(each) <= 5 for each in names):
        values = [int(each) for each in names]
        return values, tuple(str(number) for number in range(max(values) + 1))
    classes = tuple(sorted(set(names)))
    places = {name: number for number, name in enumerate(classes)}
    return [places[each] for each in names], classes


def number(row: Row, column: str) -> float:
    """A finite number in a column.

    Raises:
        StudyError: it is none.
    """
    text = row.values[column]
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not abs(value) < 1e38:
        raise StudyError(f"{row.place} has {text!r} as {column}, which is no finite number")
    return value
