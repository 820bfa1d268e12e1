"""Making the shipped Fashion-MNIST studies again: ``python -m explorer pretrain NAME``.

Trains the network on all 60,000 training images with a fixed recipe and seed, packs the stratified subset of
images that ships, measures both and writes ``weights.safetensors``, ``card.json`` and ``data.npz``.
"""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from torch import nn

from explorer import files
from explorer.errors import StudyError
from explorer.studies import networks
from explorer.studies.networks.thin import fashion_thin
from explorer.studies.shipped import fashion
from explorer.studies.shipped.pretraining import Recipe, measure, pretrain, write_network

TRAIN_PER_CLASS = 1000
TEST_PER_CLASS = 500
RECIPES: dict[str, tuple[Callable[[], nn.Module], Recipe]] = {
    "fashion-resnet20": (networks.fashion_resnet20, Recipe(epochs=15)),
    "fashion-mobilenet": (networks.fashion_mobilenet, Recipe(epochs=12)),
    # The smaller weight decay: 26,785 parameters cannot learn 60,000 images by heart.
    "fashion-thin": (fashion_thin, Recipe(epochs=10, weight_decay=1e-4)),
}


def make(name: str, *, out: Path, data: Path | None = None, report: Callable[[str], None] = print) -> None:
    """Train a study's network and write everything the study ships.

    Args:
        name: a key of ``RECIPES``.
        out: folder to write into.
        data: folder of the four Fashion-MNIST files; looked for (`fashion.find_folder`) where it is not named.

    Raises:
        StudyError: the name has no recipe, or the data is not there.
    """
    if name not in RECIPES:
        raise StudyError(f"there is no recipe for {name!r}; this command makes {', '.join(RECIPES)}")
    arrays = fashion.read_folder(data or fashion.find_folder())
    build, recipe = RECIPES[name]
    network = pretrain(build, arrays, recipe, report)
    write(name, network, arrays, out)


def write(name: str, network: nn.Module, arrays: dict[str, np.ndarray], out: Path) -> None:
    """Write weights, card and packed images."""
    shipped = subset(arrays)
    write_network(out, network, _facts(RECIPES[name][1], network, arrays, shipped))
    pack(shipped, out / "data.npz")


def subset(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The first images of every class: 10,000 for training and 5,000 for testing."""
    chosen: dict[str, np.ndarray] = {}
    for split, per_class in (("train", TRAIN_PER_CLASS), ("test", TEST_PER_CLASS)):
        rows = fashion.stratified_subset(arrays[f"{split}_labels"], per_class)
        chosen[f"{split}_images"] = arrays[f"{split}_images"][rows]
        chosen[f"{split}_labels"] = arrays[f"{split}_labels"][rows].astype(np.uint8)
    chosen["classes"] = np.array(fashion.CLASSES)
    return chosen


def pack(arrays: dict[str, np.ndarray], path: Path) -> None:
    """Write an npz file whose entries are LZMA-compressed; ``numpy.load`` reads it like any other.

    LZMA takes 5.7 MB here where numpy's own deflate takes 6.6 MB. Time stamps are fixed, so that the same
    arrays give the same file.
    """
    path.write_bytes(files.archive((f"{name}.npy", _npy(array)) for name, array in arrays.items()))


def _npy(array: np.ndarray) -> bytes:
    content = io.BytesIO()
    np.lib.format.write_array(content, array, allow_pickle=False)
    return content.getvalue()


def _facts(
    recipe: Recipe, network: nn.Module, arrays: dict[str, np.ndarray], shipped: dict[str, np.ndarray]
) -> dict[str, str]:
    facts = {
        "training": (
            f"{recipe.epochs} epochs on all {len(arrays['train_labels']):,} training images, "
            f"SGD, learning rate {recipe.learning_rate}, seed {recipe.seed}"
        )
    }
    for title, source in (("full test set", arrays), ("shipped test images", shipped)):
        labels = source["test_labels"].astype(np.int64)
        loss, accuracy = measure(network, source["test_images"], labels)
        facts[title] = f"{accuracy:.2%} of {len(labels):,} images right, loss {loss:.4f}"
    return facts
