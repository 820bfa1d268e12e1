"""``kind = "detection"``: pictures of different sizes with boxes and labels, described by COCO's JSON.

``path`` is a folder with ``test.json`` and, if there is one, ``train.json``; the pictures' names count from
``pictures``, a folder in it, or from itself. The network gets pictures (1, C, H, W), one at a time unless ``resize``
brings them to one size. Targets are a list with a dict a picture: ``boxes`` (k, 4) float32, left, top, right and
bottom in pixels after resizing, ``labels`` (k,) int64, numbers of the categories in the order of their ids, and
``size`` (2,) int64, height and width after resizing. Boxes of crowds are left out. The loss is a factory's, of what the
network returns and this list.

The identity of the data is that of the kind ``folder``, with the content of the JSON files.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from explorer import reading
from explorer.errors import StudyError
from explorer.studies.data.samples import IMAGES, SPLITS
from explorer.studies.identity.origin import stamp
from explorer.studies.kinds.folder import Entry, hash_of_files
from explorer.studies.kinds.pictures import PictureSamples, PictureSection
from explorer.studies.kinds.sections import Loaded, Name, PathText, Place, noun

_FILE = reading.Kind("the annotations", 2**31, StudyError, "write them, or correct [data] path")
_EDGE = 1.0  # pixel that a box may lie outside by rounding


class DetectionSection(PictureSection):
    """Pictures with boxes."""

    kind: Literal["detection"]
    path: PathText
    pictures: PathText | None = None
    noun: Name | None = None

    def load(self, place: Place) -> Loaded:
        """Read the annotations; see `DataSection`."""
        if self.crop is not None:
            raise StudyError("[data] crop would cut boxes; use resize for pictures with boxes")
        root = place.folder / self.path
        files = {split: root / f"{split}.json" for split in SPLITS}
        files = {split: file for split, file in files.items() if file.exists() or split == "test"}
        texts = {split: reading.read_text(file, _FILE) for split, file in files.items()}
        folder = root if self.pictures is None else root / self.pictures
        read = {split: _read(texts[split], file, folder) for split, file in files.items()}
        classes = [names for _, names in read.values()]
        if any(names != classes[0] for names in classes):
            raise StudyError(
                f"the categories of {root / 'train.json'} are not those of test.json; give both the same"
            )
        splits = {split: found for split, (found, _) in read.items()}
        data = PictureSamples(
            {split: Boxed(found, self) for split, found in splits.items()},
            section=self,
            noun=IMAGES if self.noun is None else noun(self.noun),
            classes=classes[0],
            identity=lambda: _hash(splits, texts, root),
            ragged=not self.of_one_size,
        )
        return Loaded(data, {}, tuple(map(stamp, files.values())))


@dataclass(frozen=True)
class Picture:
    """One picture's file, size in pixels, and boxes.

    Attributes:
        boxes: (k, 4) float32, as they are in the file's pixels: left, top, right, bottom.
        labels: (k,) int64.
    """

    path: Path
    height: int
    width: int
    boxes: Tensor
    labels: Tensor


class Boxed:
    """One split.

    Args:
        pictures: with their boxes.
        section: how they are read.
    """

    def __init__(self, pictures: Sequence[Picture], section: PictureSection) -> None:
        self._pictures, self._section = pictures, section

    def __len__(self) -> int:
        return len(self._pictures)

    def sample(self, row: int) -> tuple[Tensor, Any]:
        """A picture, (H, W, C) uint8, with its boxes and labels.

        Raises:
            StudyError: it cannot be read, or has another size than the annotations say.
        """
        of = self._pictures[row]
        size = self._section.size_of(of.path)
        if size != (of.height, of.width):
            raise StudyError(
                f"the picture {of.path} has {size[0]} × {size[1]} pixels and its annotations say "
                f"{of.height} × {of.width}; correct them"
            )
        return self._section.read(of.path), self.target(row)

    def target(self, row: int) -> Any:
        """Boxes in pixels after resizing, labels, and height and width of the picture."""
        of = self._pictures[row]
        height, width = self._section.resized(of.height, of.width)
        scale = torch.tensor([width / of.width, height / of.height] * 2)
        return {"boxes": of.boxes * scale, "labels": of.labels, "size": torch.tensor([height, width])}


def _read(text: str, path: Path, folder: Path) -> tuple[list[Picture], tuple[str, ...]]:
    """Pictures in the order of the file, and names of the categories in the order of their ids."""
    content = reading.parse_json(text, _FILE, of=f" {path}")
    try:
        categories = sorted((int(each["id"]), str(each["name"])) for each in content["categories"])
        pictures = {int(each["id"]): each for each in content["images"]}
        annotations = list(content["annotations"])
        sizes = {key: (int(each["height"]), int(each["width"])) for key, each in pictures.items()}
        names = {key: str(each["file_name"]) for key, each in pictures.items()}
    except KeyError as error:
        raise StudyError(f"{path} is not of COCO's form: it lacks {error}") from error
    except (TypeError, ValueError, AttributeError) as error:
        raise StudyError(
            f"{path} is not of COCO's form; give lists of images, annotations and categories, as COCO does"
        ) from error
    if not pictures:
        raise StudyError(f"{path} has no images; add some")
    numbers = {key: place for place, (key, _) in enumerate(categories)}
    boxes: dict[int, list[tuple[list[float], int]]] = {key: [] for key in pictures}
    for place, each in enumerate(annotations):
        found = _box(each, place, path, sizes, numbers)
        if found is not None:
            boxes[found[0]].append(found[1:])
    made = []
    for key, held in boxes.items():
        file = folder / names[key]
        if not file.is_file():
            raise StudyError(
                f"{path} names the picture {names[key]!r}, and there is no such file in {folder}"
            )
        made.append(
            Picture(
                file,
                *sizes[key],
                torch.tensor([box for box, _ in held], dtype=torch.float32).reshape(-1, 4),
                torch.tensor([label for _, label in held], dtype=torch.int64),
            )
        )
    return made, tuple(name for _, name in categories)


def _box(
    each: Any, place: int, path: Path, sizes: Mapping[int, tuple[int, int]], numbers: Mapping[int, int]
) -> tuple[int, list[float], int] | None:
    """Picture, corners and label of one annotation; None of a crowd.

    Raises:
        StudyError: it is not of COCO's form, of no picture or category, or outside its picture.
    """
    try:
        name = f"annotation {each.get('id', place)} in {path.name}"
        if each.get("iscrowd"):
            return None
        picture, category = int(each["image_id"]), int(each["category_id"])
        bbox = each["bbox"]
    except KeyError as error:
        raise StudyError(
            f"annotation {place} in {path.name} is not of COCO's form: it lacks {error}"
        ) from error
    except (TypeError, ValueError, AttributeError) as error:
        raise StudyError(
            f"annotation {place} in {path.name} is not of COCO's form; give it image_id and category_id, whole numbers"
        ) from error
    try:
        left, top, width, height = map(float, bbox)
    except (TypeError, ValueError) as error:
        raise StudyError(
            f"{name} has the box {bbox!r}; give four numbers, left, top, width and height"
        ) from error
    if picture not in sizes:
        raise StudyError(f"{name} is of the image {picture}, which is not in the file; remove it")
    if category not in numbers:
        raise StudyError(f"{name} is of the category {category}, which is not in the file; add it")
    high, wide = sizes[picture]
    inside = (
        left >= -_EDGE and top >= -_EDGE and left + width <= wide + _EDGE and top + height <= high + _EDGE
    )
    if not (inside and width > 0 and height > 0):
        raise StudyError(
            f"{name} has the box {each['bbox']} (left, top, width, height), which is empty or outside its image of "
            f"{wide} × {high} pixels"
        )
    return (
        picture,
        [max(left, 0.0), max(top, 0.0), min(left + width, wide), min(top + height, high)],
        numbers[category],
    )


def _hash(splits: Mapping[str, Sequence[Picture]], texts: Mapping[str, str], root: Path) -> str:
    entries = {split: [Entry(each.path, 0) for each in found] for split, found in splits.items()}
    digest = sha256(hash_of_files(entries, root).encode())
    for split, text in sorted(texts.items()):
        digest.update(f"{split} {sha256(text.encode()).hexdigest()}\n".encode())
    return digest.hexdigest()
