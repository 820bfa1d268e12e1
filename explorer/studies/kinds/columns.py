"""Parquet and Arrow files as one table, of which some groups of rows at a time are in memory."""

import json
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.ipc as ipc
import pyarrow.parquet as pq

from explorer import reading
from explorer.errors import StudyError

_FILE = reading.Kind("the table", 2**40, StudyError, "write it, or correct [data] path")
_KEPT = 2**28  # bytes of groups of rows that are kept of a table, but for the last one
_HUGGING_FACE = b"huggingface"


class Table:
    """Files of one table, read a group of rows at a time.

    Args:
        files: in order.

    Raises:
        StudyError: a file is damaged or no table, or they have other columns than the first.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        self._files = [_opened(file) for file in files]
        self.schema: Any = self._files[0].schema
        for each in self._files[1:]:
            if each.schema.names != self.schema.names:
                raise StudyError(
                    f"{each.path} has other columns than {self._files[0].path}; they must be of one table"
                )
        groups = [
            (each, group, count) for each in self._files for group, count in enumerate(each.counts) if count
        ]
        self._groups = [(each, group) for each, group, _ in groups]
        self._ends: list[int] = list(accumulate(count for _, _, count in groups))
        self._kept: OrderedDict[int, Any] = OrderedDict()
        self.name = files[0].name
        if not self._ends:
            raise StudyError(f"{files[0]} has no rows; write some")

    def __len__(self) -> int:
        return self._ends[-1]

    def check(self, column: str) -> None:
        """Refuse a column that is not there."""
        if column not in self.schema.names:
            raise StudyError(f"{self.name} has no column {column!r}; it has {', '.join(self.schema.names)}")

    def holds_pictures(self, column: str) -> bool:
        """Whether a column has files of pictures: bytes, or Hugging Face's struct of bytes and path."""
        kind = self.schema.field(column).type
        if pa.types.is_struct(kind):
            return "bytes" in [field.name for field in kind]
        return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))

    def class_names(self, column: str, *, at_least: int) -> tuple[str, ...]:
        """Names of a Hugging Face ``ClassLabel``; empty where the file has none, or too few."""
        text = (self.schema.metadata or {}).get(_HUGGING_FACE)
        try:
            names = json.loads(text)["info"]["features"][column]["names"] if text else ()
        except (ValueError, KeyError, TypeError):  # written by somebody else
            return ()
        return tuple(map(str, names)) if len(names) >= at_least else ()

    def value(self, row: int, column: str) -> Any:
        """A value as Python has it."""
        number = bisect_right(self._ends, row)
        first = self._ends[number - 1] if number else 0
        group = self._kept.get(number)
        if group is None:
            file, position = self._groups[number]
            group = file.read(position)
            self._kept[number] = group
            while len(self._kept) > 1 and sum(each.nbytes for each in self._kept.values()) > _KEPT:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(number)
        return group.column(column)[row - first].as_py()

    def column(self, name: str) -> list[Any]:
        """All values of a column."""
        return [
            value
            for file, group in self._groups
            for value in file.read(group, [name]).column(name).to_pylist()
        ]


class _Parquet:
    def __init__(self, path: Path) -> None:
        self.path, self._file = path, pq.ParquetFile(path)
        self.schema = self._file.schema_arrow
        self.counts = [self._file.metadata.row_group(n).num_rows for n in range(self._file.num_row_groups)]

    def read(self, group: int, columns: Sequence[str] | None = None) -> Any:
        try:
            return self._file.read_row_group(group, columns=columns)
        except (pa.ArrowException, OSError) as error:
            raise StudyError(
                f"{self.path} is damaged in its group of rows {group}; write it again"
            ) from error


class _Arrow:
    """An IPC file or stream, mapped into memory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        source = pa.memory_map(str(path))
        try:
            opened = ipc.open_file(source)
            self._batches = [opened.get_batch(n) for n in range(opened.num_record_batches)]
        except pa.ArrowInvalid:
            opened = ipc.open_stream(source)
            self._batches = list(opened)
        self.schema = opened.schema
        self.counts = [batch.num_rows for batch in self._batches]

    def read(self, group: int, columns: Sequence[str] | None = None) -> Any:
        return self._batches[group] if columns is None else self._batches[group].select(columns)


def _opened(path: Path) -> "_Parquet | _Arrow":
    reading.checked(path, _FILE)
    try:
        return _Parquet(path) if path.suffix == ".parquet" else _Arrow(path)
    except (pa.ArrowException, OSError) as error:
        raise StudyError(
            f"{path} is damaged, or no {path.suffix[1:] or 'Arrow'} file; write it again"
        ) from error
