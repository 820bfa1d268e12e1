"""The shipped networks can be made again: a seed fixes the result, the subset is stratified, the file repeatable."""

from pathlib import Path

import numpy as np
import pytest
import torch

from explorer.errors import StudyError
from explorer.studies import networks
from explorer.studies.data.archive import read_npz
from explorer.studies.shipped import fashion, making
from explorer.studies.shipped.pretraining import Recipe, measure, pretrain


@pytest.fixture(scope="module")
def arrays() -> dict[str, np.ndarray]:
    """Two classes that a glance tells apart: a bright upper and a bright lower half."""
    draw = np.random.default_rng(0)
    made: dict[str, np.ndarray] = {}
    for split, n in (("train", 64), ("test", 32)):
        labels = np.arange(n) % 2
        images = draw.integers(0, 60, (n, 28, 28, 1))
        images[labels == 0, :14] += 150
        images[labels == 1, 14:] += 150
        made[f"{split}_images"], made[f"{split}_labels"] = images.astype(np.uint8), labels.astype(np.int64)
    return made


def train(arrays: dict[str, np.ndarray], seed: int, epochs: int = 2) -> dict[str, torch.Tensor]:
    recipe = Recipe(epochs=epochs, batch_size=16, learning_rate=0.05, warmup_epochs=0.5, seed=seed)
    return pretrain(networks.fashion_mobilenet, arrays, recipe, report=lambda _: None).state_dict()


def test_one_seed_gives_one_network_and_another_seed_another(arrays: dict[str, np.ndarray]) -> None:
    first, again, other = train(arrays, 1), train(arrays, 1), train(arrays, 2)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["classifier.weight"], other["classifier.weight"])


def test_training_learns(arrays: dict[str, np.ndarray]) -> None:
    network = networks.fashion_mobilenet()
    network.load_state_dict(train(arrays, 0, epochs=15))
    _, accuracy = measure(network.eval(), arrays["test_images"], arrays["test_labels"])
    assert accuracy > 0.9


def test_the_subset_has_the_first_samples_of_every_class() -> None:
    labels = np.repeat(np.arange(10), 5)[np.random.default_rng(1).permutation(50)]
    rows = fashion.stratified_subset(labels, 3)
    assert np.array_equal(np.bincount(labels[rows]), np.full(10, 3))
    assert all(np.array_equal(rows[labels[rows] == c], np.flatnonzero(labels == c)[:3]) for c in range(10))


def test_packing_is_lossless_and_repeatable(tmp_path: Path, arrays: dict[str, np.ndarray]) -> None:
    one, two = tmp_path / "one.npz", tmp_path / "two.npz"
    making.pack(arrays, one)
    making.pack(arrays, two)
    assert one.read_bytes() == two.read_bytes()
    loaded = read_npz(one)
    assert all(np.array_equal(loaded[name], arrays[name]) for name in arrays)


def test_an_unknown_recipe_and_missing_files_are_sentences(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="no recipe for 'x'"):
        making.make("x", data=tmp_path, out=tmp_path)
    with pytest.raises(StudyError, match=r"train-images.*is missing"):
        making.make("fashion-resnet20", data=tmp_path, out=tmp_path)


def test_the_images_are_where_they_are_named_or_found_in_the_usual_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without --data the files are looked for; where they are nowhere, a sentence says how to name them."""
    monkeypatch.setattr(fashion, "DEBIAN_FOLDER", tmp_path / "debian")
    monkeypatch.delenv("EXPLORER_DATA", raising=False)
    with pytest.raises(StudyError, match=r"is not on this computer.*train-images-idx3-ubyte\.gz.*--data"):
        making.make("fashion-resnet20", out=tmp_path)
    monkeypatch.setenv("EXPLORER_DATA", str(tmp_path / "sets"))
    with pytest.raises(StudyError, match=r"is not on this computer"):
        fashion.find_folder()
    for folder in (tmp_path / "debian", tmp_path / "sets" / "fashion-mnist"):
        folder.mkdir(parents=True)
        for name in fashion.FILES:
            (folder / name).touch()
        assert fashion.find_folder() == folder, "a person's own folder goes before the system's"
