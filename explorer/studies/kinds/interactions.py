"""``kind = "interactions"``: pairs of a user and an item with a label, in CSV files.

``path`` is a CSV file with the columns ``user``, ``item`` and ``label`` (a number, 1 where they belong together), and
``split`` if it says which rows are for the test; or a folder with ``test.csv`` and ``train.csv``. Users and items are
whole numbers from 0. The network gets the pair of users and items, each int64 (n, C) with C = 1, and its outputs (n, C)
are compared with the labels, float32 (n, C).

With ``candidates = true`` the test rows of one user are one sample of C candidates. So are HR@10 and NDCG@10 measured,
of one positive among C - 1 negative items (He et al., "Neural collaborative filtering", section 4.1; LAPQ, 5.2).
"""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from explorer.errors import StudyError
from explorer.studies.data.datasets import DatasetSamples
from explorer.studies.identity.origin import stamp
from explorer.studies.kinds.csvs import Row, number, read_csv, split_rows
from explorer.studies.kinds.sections import DataSection, Loaded, Name, PathText, Place, Share, noun

_COLUMNS = ("user", "item", "label")


class InteractionsSection(DataSection):
    """Pairs in files."""

    kind: Literal["interactions"]
    path: PathText
    candidates: bool = False
    test_share: Share | None = None
    seed: int = Field(default=0, ge=0, lt=2**31)
    noun: Name | None = None

    def load(self, place: Place) -> Loaded:
        """Read the pairs; see `DataSection`."""
        path = place.folder / self.path
        tables, files = self._tables(path)
        splits = {
            split: _grouped(rows, path) if self.candidates and split == "test" else _Pairs.of(rows)
            for split, rows in tables.items()
        }
        default = "pair" if not self.candidates else "user"
        data = DatasetSamples(
            splits,
            noun=noun(self.noun or default),
            identity=lambda: _hash(splits),
            preprocessing=f"candidates {self.candidates}",
            telling={split: pairs.highest() for split, pairs in splits.items()},
        )
        return Loaded(data, {}, tuple(map(stamp, files)))

    def _tables(self, path: Path) -> tuple[dict[str, list[Row]], list[Path]]:
        if not path.is_dir():
            rows = read_csv(path, _COLUMNS)
            chosen = split_rows(rows, self.test_share, self.seed, str(path))
            return {split: [rows[n] for n in numbers] for split, numbers in chosen.items()}, [path]
        if self.test_share is not None:
            raise StudyError(f"{path} is a folder with pairs for the test; remove test_share")
        files = [path / "train.csv", path / "test.csv"]
        files = [file for file in files if file.exists() or file.stem == "test"]
        return {file.stem: read_csv(file, _COLUMNS) for file in files}, files


class _Pairs:
    """One split.

    Args:
        ids: users and items, (2, samples, C) int64.
        labels: one a pair, (samples, C) float32.
    """

    def __init__(self, ids: Tensor, labels: Tensor) -> None:
        self.ids, self.labels = ids, labels

    @classmethod
    def of(cls, rows: Sequence[Row]) -> "_Pairs":
        """A sample a row."""
        ids = torch.tensor([[[_whole(row, column)] for row in rows] for column in ("user", "item")])
        return cls(ids, torch.tensor([[number(row, "label")] for row in rows], dtype=torch.float32))

    def __len__(self) -> int:
        return self.ids.shape[1]

    def sample(self, row: int) -> Any:
        """User and item, and the label."""
        return (self.ids[0, row], self.ids[1, row]), self.labels[row]

    def target(self, row: int) -> Any:
        """The label."""
        return self.labels[row]

    def highest(self) -> tuple[int, ...]:
        """The samples with the highest number of a user and of an item."""
        return tuple(int(each.amax(1).argmax()) for each in self.ids)


def _grouped(rows: Sequence[Row], path: Path) -> _Pairs:
    """A sample a user, in the order in which they come first.

    Raises:
        StudyError: users have different numbers of rows, or one has not exactly one row of the label 1.
    """
    groups: dict[int, list[int]] = {}
    for place, row in enumerate(rows):
        groups.setdefault(_whole(row, "user"), []).append(place)
    counts = {user: len(places) for user, places in groups.items()}
    usual = max(counts.values())
    for user, count in counts.items():
        if count != usual:
            raise StudyError(
                f"the user {user} has {count} test rows in {path}, and others have {usual}; with candidates = true all "
                "need as many"
            )
    flat = _Pairs.of(rows)
    order = torch.from_numpy(np.array(list(groups.values())))
    labels = flat.labels[order, 0]
    for user, own in zip(groups, labels.tolist(), strict=True):
        *others, largest = sorted(own)
        if largest != 1 or any(others):
            raise StudyError(
                f"the user {user} has {own.count(1.0)} test rows with the label 1 in {path} and labels up to "
                f"{largest:g}; with candidates = true one row has the label 1 and all others 0"
            )
    return _Pairs(flat.ids[:, order, 0], labels)


def _whole(row: Row, column: str) -> int:
    text = row.values[column]
    if not (text.isascii() and text.isdecimal() and len(text) < 16):
        raise StudyError(f"{row.place} has {text!r} as {column}, which is no whole number from 0")
    return int(text)


def _hash(splits: dict[str, _Pairs]) -> str:
    digest = sha256()
    for split, pairs in sorted(splits.items()):
        digest.update(f"{split} {tuple(pairs.ids.shape)}\n".encode())
        digest.update(pairs.ids.contiguous().numpy().data)
        digest.update(pairs.labels.contiguous().numpy().data)
    return digest.hexdigest()
