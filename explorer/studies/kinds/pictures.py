"""Picture files to arrays of one size, by Pillow.

Resizing is bilinear with antialiasing, to both sides or by the shorter one; a crop takes the centre. With these,
whole numbers round as torchvision's ``Resize`` and ``CenterCrop`` do. A picture is read in RGB, or in grey where
``mean`` has one value; what a camera says of its orientation is not applied. Only formats are read whose decoders are
Pillow's own.
"""

import io
import warnings
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from PIL import Image
from pydantic import Field, model_validator
from torch import Tensor

from explorer import reading
from explorer.errors import StudyError
from explorer.studies.data.datasets import DatasetSamples
from explorer.studies.data.samples import mapped
from explorer.studies.kinds.sections import DataSection, Deviations, Means

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
_MODES = {1: "L", 3: "RGB"}
_DEEP = ("I", "F", "I;16", "I;16B", "I;16L")
_MOST_PIXELS = 100_000_000
_FILE = reading.Kind("the picture", 2**28, StudyError, "put it there, or correct its path")

Side = Annotated[int, Field(ge=1, le=10_000)]
Size = Side | tuple[Side, Side]


class PictureSection(DataSection):
    """Keys of every kind whose inputs are pictures.

    Attributes:
        resize: the shorter side, or (height, width).
        crop: of the centre, a square's side or (height, width).
        mean, std: one value a channel, in units where a pixel is in [0, 1]; one for grey, three for RGB.
    """

    resize: Size | None = None
    crop: Size | None = None
    mean: Means
    std: Deviations

    @model_validator(mode="after")
    def _channels(self) -> "PictureSection":
        if len(self.mean) not in _MODES or len(self.mean) != len(self.std):
            raise ValueError(
                f"mean has {len(self.mean)} and std {len(self.std)} values; give each one for grey, three for RGB"
            )
        return self

    @property
    def of_one_size(self) -> bool:
        """Whether all pictures have the same size when they are read."""
        return self.crop is not None or isinstance(self.resize, tuple)

    @property
    def preprocessing(self) -> str:
        """What is done to a picture, on one line."""
        done = [
            f"{name} {value}" for name in ("resize", "crop") if (value := getattr(self, name)) is not None
        ]
        return " ".join([*done, f"mean {self.mean} std {self.std}"])

    def read(self, path: Path, name: str = "") -> Tensor:
        """A picture file, (H, W, C) uint8.

        Raises:
            StudyError: the file cannot be read, is no picture, or is smaller than the crop.
        """
        found = reading.checked(path, _FILE)
        if not found.st_size:
            raise StudyError(f"the picture {name or path} is empty; put it there again")
        return self.decoded(path, name or str(path))

    def resized(self, height: int, width: int) -> tuple[int, int]:
        """Height and width after resizing."""
        if self.resize is None:
            return height, width
        wide, high = _resized(width, height, self.resize)
        return high, wide

    def size_of(self, path: Path) -> tuple[int, int]:
        """Height and width of a picture file as it is; as `read`, without decoding it."""
        reading.checked(path, _FILE)
        try:
            with Image.open(path, formats=_FORMATS) as image:
                return image.height, image.width
        except Exception as error:  # a damaged file makes a decoder raise a dozen kinds
            raise _damaged(str(path)) from error

    def decoded(self, source: Path | bytes, name: str) -> Tensor:
        """A picture, (H, W, C) uint8; as `read`."""
        stream: Any = io.BytesIO(source) if isinstance(source, bytes) else source
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                with Image.open(stream, formats=_FORMATS) as image:
                    if image.width * image.height > _MOST_PIXELS:
                        raise StudyError(
                            f"the picture {name} has {image.width} × {image.height} pixels, more than {_MOST_PIXELS:,}"
                        )
                    if image.mode in _DEEP:
                        raise StudyError(f"the picture {name} has more than 8 bits a channel; save it with 8")
                    return self._sized(image.convert(_MODES[len(self.mean)]), name)
        except StudyError:
            raise
        except Exception as error:  # a damaged file makes a decoder raise a dozen kinds
            raise _damaged(name) from error

    def normalised(self, pictures: Tensor) -> Tensor:
        """Pictures (N, H, W, C) uint8 as inputs (N, C, H, W) float32."""
        x = pictures.permute(0, 3, 1, 2).to(torch.float32).div_(255)
        mean, std = (torch.tensor(v, dtype=torch.float32).view(-1, 1, 1) for v in (self.mean, self.std))
        return x.sub_(mean).div_(std).contiguous()

    def _sized(self, image: Image.Image, name: str) -> Tensor:
        if self.resize is not None:
            image = image.resize(_resized(image.width, image.height, self.resize), Image.Resampling.BILINEAR)
        if self.crop is not None:
            height, width = _pair(self.crop)
            if height > image.height or width > image.width:
                raise StudyError(
                    f"the picture {name} has {image.height} × {image.width} pixels, less than crop = {self.crop}; "
                    "resize it first"
                )
            top, left = round((image.height - height) / 2.0), round((image.width - width) / 2.0)
            image = image.crop((left, top, left + width, top + height))
        array = np.array(image, dtype=np.uint8)
        return torch.from_numpy(array[..., None] if array.ndim == 2 else array)


class PictureSamples(DatasetSamples):
    """Samples whose inputs are pictures: kept as bytes, normalised on the way out.

    Args:
        section: how they are read.
    """

    def __init__(self, *args: Any, section: PictureSection, **options: Any) -> None:
        super().__init__(*args, preprocessing=section.preprocessing, **options)
        self._section = section
        self.mean, self.std = section.mean, section.std

    def ready(self, inputs: Any) -> Any:
        """Normalised pictures, (N, C, H, W) float32."""
        return mapped(self._section.normalised, inputs)

    def images(self, split: str, rows: slice) -> np.ndarray:
        """Pictures as they are read, (n, H, W, C) uint8."""
        found = [self.sample(split, row)[0] for row in self._numbers(split, rows)]
        return torch.stack(found).numpy()


def _damaged(name: str) -> StudyError:
    formats = ", ".join(_FORMATS)
    return StudyError(
        f"the picture {name} cannot be read: it is damaged, or no picture of the formats {formats}"
    )


def _pair(size: int | tuple[int, int]) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else size


def _resized(width: int, height: int, to: int | tuple[int, int]) -> tuple[int, int]:
    """Width and height after resizing."""
    if not isinstance(to, int):
        return to[1], to[0]
    short, long = min(width, height), max(width, height)
    longer = max(1, int(to * long / short))
    return (to, longer) if width <= height else (longer, to)
