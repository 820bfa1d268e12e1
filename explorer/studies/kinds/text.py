"""``kind = "text"``: texts as token numbers, to be classified or continued.

``task = "label"`` reads a CSV file with the columns ``text`` and ``label``, and ``split`` if it says which rows are
for the test; a text is cut after ``max_length`` tokens and padded to them. ``task = "next-token"`` reads a text file,
or ``train.txt`` and ``test.txt`` in a folder, and cuts its tokens into windows of ``max_length`` that do not overlap;
the targets are the same tokens one later, `IGNORED` where there is none. Without ``train.txt`` the last
``test_share`` of the windows are for the test.

The network gets a dict of ``input_ids`` and ``attention_mask``, both int64 (n, max_length), the mask 1 at tokens and
0 at padding, as those of the transformers package do; with ``mask = false`` the token numbers alone.
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import Field

from explorer import reading
from explorer.errors import StudyError
from explorer.studies.data.archive import most_bytes
from explorer.studies.data.datasets import DatasetSamples
from explorer.studies.data.samples import SPLITS
from explorer.studies.identity.origin import stamp
from explorer.studies.kinds.csvs import numbered, read_csv, split_rows
from explorer.studies.kinds.sections import DataSection, Loaded, Name, PathText, Place, Share, noun
from explorer.studies.kinds.tokens import Tokenizer, tokenizer
from explorer.studies.losses import IGNORED


class TextSection(DataSection):
    """Texts in files."""

    paths: ClassVar = ("path", "tokenizer")

    kind: Literal["text"]
    path: PathText
    task: Literal["label", "next-token"]
    tokenizer: PathText = "bytes"
    max_length: int = Field(default=128, ge=1, le=2**20)
    mask: bool = True
    test_share: Share | None = None
    seed: int = Field(default=0, ge=0, lt=2**31)
    noun: Name | None = None

    def located(self, folder: Path) -> dict[str, Any]:
        """As of every kind; ``bytes`` is no file."""
        content = super().located(folder)
        return {**content, "tokenizer": "bytes"} if self.tokenizer == "bytes" else content

    def load(self, place: Place) -> Loaded:
        """Read and number the texts; see `DataSection`."""
        path, tokens = place.folder / self.path, tokenizer(self.tokenizer, place.folder)
        classes: tuple[str, ...] = ()
        if self.task == "label":
            splits, classes, files = *_labelled(path, tokens, self), [path]
        else:
            splits, files = _windows(path, tokens, self)
        if self.tokenizer != "bytes":
            files.append(place.folder / self.tokenizer)
        default = "text" if self.task == "label" else "sequence"
        data = DatasetSamples(
            {split: Texts(texts, targets, tokens.pad, self) for split, (texts, targets) in splits.items()},
            noun=noun(self.noun or default),
            classes=classes,
            identity=lambda: _hash(splits),
            telling={split: _highest(texts) for split, (texts, _) in splits.items()},
            preprocessing=f"tokens of {tokens.name}, {self.task}, max_length {self.max_length}, mask {self.mask}",
        )
        return Loaded(data, {}, tuple(map(stamp, files)))


class Texts:
    """One split.

    Args:
        texts: token numbers of each.
        targets: class numbers, or the tokens that follow.
        pad: fills up to the full length.
        section: what is made of them.
    """

    def __init__(
        self, texts: Sequence[np.ndarray], targets: Sequence[Any], pad: int, section: TextSection
    ) -> None:
        self._texts, self._targets, self._pad, self._section = texts, targets, pad, section

    def __len__(self) -> int:
        return len(self._texts)

    def sample(self, row: int) -> tuple[Any, Any]:
        """Token numbers with their mask, and the target."""
        text, most = self._texts[row], self._section.max_length
        numbers = _filled(text, most, self._pad)
        if not self._section.mask:
            return numbers, self.target(row)
        mask = (torch.arange(most) < len(text)).to(torch.int64)
        return {"input_ids": numbers, "attention_mask": mask}, self.target(row)

    def target(self, row: int) -> Any:
        """A class number, or the tokens that follow, (max_length,)."""
        found = self._targets[row]
        return found if isinstance(found, int) else _filled(found, self._section.max_length, IGNORED)


_Splits = Mapping[str, tuple[Sequence[np.ndarray], Sequence[Any]]]


def _filled(numbers: np.ndarray, length: int, pad: int) -> torch.Tensor:
    found = torch.full((length,), pad, dtype=torch.int64)
    found[: len(numbers)] = torch.from_numpy(numbers.astype(np.int64))
    return found


def _labelled(path: Path, tokens: Tokenizer, section: TextSection) -> tuple[_Splits, tuple[str, ...]]:
    rows = read_csv(path, ("text", "label"))
    labels, classes = numbered([row.values["label"] for row in rows])
    texts = [tokens.numbers(row.values["text"], row.place)[: section.max_length] for row in rows]
    for row, text in zip(rows, texts, strict=True):
        if not len(text):
            raise StudyError(f"{row.place} has a text without a token; remove the line")
    chosen = split_rows(rows, section.test_share, section.seed, str(path))
    found = {
        split: ([texts[row] for row in numbers], [labels[row] for row in numbers])
        for split, numbers in chosen.items()
    }
    return found, classes


def _windows(path: Path, tokens: Tokenizer, section: TextSection) -> tuple[_Splits, list[Path]]:
    if not path.is_dir():
        windows = _cut(_numbers(path, tokens), section.max_length, path)
        if section.test_share is None:
            return {"test": windows}, [path]
        count = round(section.test_share * len(windows[0]))
        if not 0 < count < len(windows[0]):
            raise StudyError(
                f"[data] test_share = {section.test_share:g} of the {len(windows[0])} windows in {path} leaves a split "
                "empty; give another share, or a smaller max_length"
            )
        parts = {"train": slice(0, -count), "test": slice(-count, None)}
        return {split: (windows[0][part], windows[1][part]) for split, part in parts.items()}, [path]
    if section.test_share is not None:
        raise StudyError(
            f"{path} is a folder with a text for the test, so that test_share has no meaning; remove it"
        )
    files = [path / f"{split}.txt" for split in SPLITS]
    files = [file for file in files if file.exists() or file.stem == "test"]
    return {file.stem: _cut(_numbers(file, tokens), section.max_length, file) for file in files}, files


def _numbers(path: Path, tokens: Tokenizer) -> np.ndarray:
    text = reading.read_text(
        path, reading.Kind("the text", most_bytes(), StudyError, "write it, or correct [data] path")
    )
    return tokens.numbers(text, path.name)


def _cut(numbers: np.ndarray, length: int, path: Path) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Windows of tokens, and of the tokens one later."""
    if len(numbers) < 2:
        raise StudyError(
            f"the text {path} has fewer than two tokens, so that none follows another; give a longer one"
        )
    firsts = range(0, len(numbers) - 1, length)
    return (
        [numbers[first : min(first + length, len(numbers) - 1)] for first in firsts],
        [numbers[first + 1 : first + 1 + length] for first in firsts],
    )


def _highest(texts: Sequence[np.ndarray]) -> tuple[int, ...]:
    """The text with the highest token."""
    return (max(range(len(texts)), key=lambda row: int(texts[row].max())),)


def _hash(splits: _Splits) -> str:
    digest = sha256()
    for split, (texts, targets) in sorted(splits.items()):
        digest.update(f"{split} {len(texts)}\n".encode())
        for text, target in zip(texts, targets, strict=True):
            digest.update(f"{len(text)}\n".encode())
            digest.update(text.tobytes())
            digest.update(str(target).encode() if isinstance(target, int) else target.tobytes())
    return digest.hexdigest()
