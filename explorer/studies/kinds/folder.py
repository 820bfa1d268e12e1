"""``kind = "folder"``: pictures in a folder a class, or named by a CSV file with their labels.

``path`` is a folder that holds ``test`` and, if there are any, ``train``, each with a folder a class; or a folder
with a folder a class, of which ``test_share`` are drawn as test samples; or a CSV file with the columns ``path``
(counted from the file's folder) and ``label``, and ``split`` if it says which rows are for the test. Classes and
files are in the order of their names. A picture is read when it is asked for.

The identity of the data is the hash of every file's name, size and label, and of the content of the files: of all
where they have at most `WHOLE` bytes together, else of `IDENTIFYING` evenly spread over each split.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any, Literal

from pydantic import Field
from torch import Tensor

from explorer.errors import StudyError
from explorer.randomness import spread_rows
from explorer.studies.data.samples import IMAGES
from explorer.studies.identity.origin import stamp
from explorer.studies.kinds.csvs import number, numbered, read_csv, split_rows
from explorer.studies.kinds.pictures import SUFFIXES, PictureSamples, PictureSection
from explorer.studies.kinds.sections import Loaded, Name, PathText, Place, Share, divided, noun

WHOLE = 2**29
IDENTIFYING = 1000
_MOST = 10_000_000  # files


class FolderSection(PictureSection):
    """Pictures in files."""

    kind: Literal["folder"]
    path: PathText
    test_share: Share | None = None
    seed: int = Field(default=0, ge=0, lt=2**31)
    target: Literal["class", "number"] = "class"
    noun: Name | None = None

    def load(self, place: Place) -> Loaded:
        """List the files; see `DataSection`."""
        root = place.folder / self.path
        stamps = [stamp(root)]
        if root.is_dir():
            if self.target == "number":
                raise StudyError(f'{root} is a folder of classes; target = "number" needs a CSV file as path')
            found, classes = self._folders(root)
            stamps += [stamp(each) for each in sorted(root.rglob("*")) if each.is_dir()]
        else:
            found, classes = self._table(root)
        sources = {split: Pictures(entries, self) for split, entries in found.items()}
        data = PictureSamples(
            sources,
            section=self,
            noun=IMAGES if self.noun is None else noun(self.noun),
            classes=classes,
            identity=lambda: hash_of_files(found, root if root.is_dir() else root.parent),
            ragged=not self.of_one_size,
        )
        return Loaded(data, {}, stamps)

    def _folders(self, root: Path) -> tuple[dict[str, list["Entry"]], tuple[str, ...]]:
        if not (root / "test").is_dir():
            entries, classes = _classes(root)
            rows = divided(len(entries), self.test_share, self.seed, str(root))
            return {split: [entries[row] for row in chosen] for split, chosen in rows.items()}, classes
        if self.test_share is not None:
            raise StudyError(
                f"{root} has a folder test, so that test_share has no meaning; remove one of them"
            )
        splits = [split for split in ("train", "test") if (root / split).is_dir()]
        made = {split: _classes(root / split) for split in splits}
        names = [names for _, names in made.values()]
        if any(each != names[0] for each in names):
            odd = sorted(set(names[0]) ^ set(names[-1]))[0]
            raise StudyError(
                f"the class {odd!r} is only in one of {root / 'train'} and {root / 'test'}; add its folder"
            )
        return {split: entries for split, (entries, _) in made.items()}, names[0]

    def _table(self, path: Path) -> tuple[dict[str, list["Entry"]], tuple[str, ...]]:
        rows = read_csv(path, ("path", "label"))
        labels: Sequence[float]
        classes: tuple[str, ...] = ()
        if self.target == "number":
            labels = [number(row, "label") for row in rows]
        else:
            labels, classes = numbered([row.values["label"] for row in rows])
        entries = []
        for row, label in zip(rows, labels, strict=True):
            file = path.parent / row.values["path"]
            if not file.is_file():
                raise StudyError(f"{row.place} names {row.values['path']!r}, and there is no such file")
            entries.append(Entry(file, label))
        chosen = split_rows(rows, self.test_share, self.seed, str(path))
        return {split: [entries[row] for row in numbers] for split, numbers in chosen.items()}, classes


@dataclass(frozen=True)
class Entry:
    """A picture's file, and its class number or value."""

    path: Path
    label: float


class Pictures:
    """One split.

    Args:
        entries: its files.
        section: how they are read.
    """

    def __init__(self, entries: Sequence[Entry], section: PictureSection) -> None:
        self._entries, self._section = entries, section

    def __len__(self) -> int:
        return len(self._entries)

    def sample(self, row: int) -> tuple[Tensor, Any]:
        """A picture, (H, W, C) uint8, and its label."""
        return self._section.read(self._entries[row].path), self._entries[row].label

    def target(self, row: int) -> Any:
        """The label."""
        return self._entries[row].label


def hash_of_files(splits: Mapping[str, Sequence[Entry]], root: Path) -> str:
    """SHA-256 over the names, sizes and labels of all files and the content of all or some of them.

    Raises:
        StudyError: a file is gone.
    """
    digest = sha256()
    try:
        sizes = {split: [entry.path.stat().st_size for entry in entries] for split, entries in splits.items()}
        whole = sum(map(sum, sizes.values())) <= WHOLE
        for split, entries in sorted(splits.items()):
            for entry, taken in zip(entries, sizes[split], strict=True):
                name = _relative(entry.path, root)
                digest.update(f"{split}\0{name}\0{taken}\0{entry.label}\n".encode(errors="surrogateescape"))
            for row in spread_rows(len(entries), len(entries) if whole else IDENTIFYING):
                with entries[row].path.open("rb") as stream:
                    digest.update(file_digest(stream, "sha256").digest())
    except OSError as error:
        raise StudyError(
            f"the picture {error.filename} cannot be read ({error.strerror}); load the study again"
        ) from error
    return digest.hexdigest()


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name


def _classes(folder: Path) -> tuple[list[Entry], tuple[str, ...]]:
    """The pictures of every class, in the order of the names."""
    names = sorted(each.name for each in folder.iterdir() if each.is_dir() and not each.name.startswith("."))
    if not names:
        raise StudyError(f"{folder} has no folders; put the pictures of each class into a folder of its own")
    found = []
    for label, name in enumerate(names):
        files = sorted(each for each in (folder / name).rglob("*") if each.suffix.lower() in SUFFIXES)
        if not files:
            raise StudyError(
                f"the class {name!r} has no pictures in {folder / name}; add some, or remove the folder"
            )
        found += [Entry(file, label) for file in files]
    if len(found) > _MOST:
        raise StudyError(f"{folder} has {len(found):,} pictures; at most {_MOST:,} are read")
    return found, tuple(names)
