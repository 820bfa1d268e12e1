"""Fashion-MNIST: reading the published files, and the stratified subset that the project ships.

Source: Xiao, Rasul and Vollgraf 2017, "Fashion-MNIST: a novel image dataset for benchmarking machine
learning algorithms" (70,000 grey images of 28x28, 10 classes, MIT licence). Debian carries the four files
in the package ``dataset-fashion-mnist``; elsewhere they are downloaded from the authors' address
(github.com/zalandoresearch/fashion-mnist).
"""

import gzip
from pathlib import Path

import numpy as np

from explorer.errors import StudyError
from explorer.places import operator_data

DEBIAN_FOLDER = Path("/usr/share/datasets/fashion-mnist")
FILES = tuple(
    f"{split}-{what}-ubyte.gz" for split in ("train", "t10k") for what in ("images-idx3", "labels-idx1")
)
CLASSES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
    "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
MEAN = (0.2860,)
STD = (0.3530,)

_IMAGES_MAGIC = 2051
_LABELS_MAGIC = 2049


def find_folder() -> Path:
    """The folder of the four files on this computer: in the one of ``EXPLORER_DATA``, or Debian's.

    Raises:
        StudyError: neither holds them all.
    """
    operator = operator_data()
    folders = [DEBIAN_FOLDER] if operator is None else [operator / "fashion-mnist", DEBIAN_FOLDER]
    for folder in folders:
        if all((folder / name).is_file() for name in FILES):
            return folder
    raise StudyError(
        f"Fashion-MNIST is not on this computer; name the folder of its four files ({', '.join(FILES)}) "
        f"with --data, or put them into the folder fashion-mnist of the one that EXPLORER_DATA names"
    )


def read_folder(folder: Path) -> dict[str, np.ndarray]:
    """Read the four IDX files of Fashion-MNIST.

    Returns:
        ``train_images`` (60000, 28, 28, 1) uint8, ``train_labels`` (60000,) int64 and the same for ``test_``.

    Raises:
        StudyError: a file is missing or is not an IDX file.
    """
    arrays = {}
    for split, prefix in (("train", "train"), ("test", "t10k")):
        images = _read_idx(folder / f"{prefix}-images-idx3-ubyte.gz", _IMAGES_MAGIC)
        labels = _read_idx(folder / f"{prefix}-labels-idx1-ubyte.gz", _LABELS_MAGIC)
        arrays[f"{split}_images"] = images[..., None]
        arrays[f"{split}_labels"] = labels.astype(np.int64)
    return arrays


def stratified_subset(labels: np.ndarray, per_class: int) -> np.ndarray:
    """Indices, ascending, of the first ``per_class`` samples of every class."""
    chosen = [np.flatnonzero(labels == c)[:per_class] for c in range(len(CLASSES))]
    return np.sort(np.concatenate(chosen))


def _read_idx(path: Path, magic: int) -> np.ndarray:
    if not path.is_file():
        raise StudyError(
            f"Fashion-MNIST file {path} is missing; name the folder that holds the four .gz files"
        )
    with gzip.open(path, "rb") as stream:
        content = stream.read()
    header = np.frombuffer(content, dtype=">i4", count=1)
    if header[0] != magic:
        raise StudyError(
            f"{path} is not the Fashion-MNIST file it is named after (magic {header[0]}, not {magic})"
        )
    dims = 3 if magic == _IMAGES_MAGIC else 1
    shape = np.frombuffer(content, dtype=">i4", count=dims, offset=4)
    return np.frombuffer(content, dtype=np.uint8, offset=4 + 4 * dims).reshape(tuple(int(s) for s in shape))
