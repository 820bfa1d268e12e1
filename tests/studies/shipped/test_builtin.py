"""The built-in studies: what is here, what is not, and that the shipped networks do what their cards say."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from explorer import studies
from explorer.errors import StudyError
from explorer.studies.shipped.builtin import ASSETS

SHIPPED = ("fashion-resnet20", "fashion-mobilenet", "fashion-thin")


@pytest.fixture
def no_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EXPLORER_DATA", raising=False)


def test_the_names_are_fixed() -> None:
    expected = (
        "fashion-resnet20",
        "fashion-mobilenet",
        "fashion-thin",
        "cifar10-resnet20",
        "tiny-language-model",
        "ncf-synthetic",
        "detector-fashion",
        "hawq-v3-resnet18",
        "hawq-v3-resnet50",
    )
    assert studies.names() == expected
    assert studies.DEFAULT == "fashion-resnet20"


def test_a_name_is_what_its_toml_says() -> None:
    for name in studies.names():
        text = (ASSETS / name / "study.toml").read_text(encoding="utf-8")
        assert text.startswith(f'name = "{name}"')


@pytest.mark.usefixtures("no_data")
def test_the_catalogue_says_how_to_get_what_is_not_here() -> None:
    cards = {card.name: card for card in studies.catalogue()}
    assert [name for name, card in cards.items() if not card.available] == ["cifar10-resnet20"]
    assert "python -m explorer fetch cifar10-resnet20" in cards["cifar10-resnet20"].how_to_get
    assert "EXPLORER_DATA" in cards["cifar10-resnet20"].how_to_get
    assert cards["hawq-v3-resnet50"].kind == "profile"
    with pytest.raises(StudyError, match=r"is not ready: .*python -m explorer fetch"):
        studies.load("cifar10-resnet20")


@pytest.mark.parametrize("missing", [None, "cifar10_subset.npz", "resnet20_cifar10.safetensors"])
def test_explorer_data_is_found_when_it_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str | None
) -> None:
    (tmp_path / "cifar10").mkdir()
    for name in ("cifar10_subset.npz", "resnet20_cifar10.safetensors"):
        if name != missing:
            (tmp_path / "cifar10" / name).touch()
    monkeypatch.setenv("EXPLORER_DATA", str(tmp_path))
    card = {card.name: card for card in studies.catalogue()}["cifar10-resnet20"]
    assert card.available == (missing is None)


def test_a_persons_own_study_is_in_the_catalogue(folder: Any) -> None:
    entry = studies.catalogue((str(folder.path),))[-1]
    assert (entry.name, entry.title, entry.kind, entry.available) == (
        str(folder.path),
        "tiny",
        "network",
        True,
    )


@pytest.mark.parametrize(
    ("name", "said"),
    [("fashion-resnet-20", "did you mean fashion-resnet20"), ("xyz", "use one of fashion-resnet20")],
)
def test_an_unknown_name(name: str, said: str) -> None:
    with pytest.raises(StudyError, match=said):
        studies.load(name)


def measured(study: studies.Study) -> tuple[float, float, int]:
    model, loss, correct = study.model(), 0.0, 0
    with torch.no_grad():
        for inputs, targets in study.data.batches("test", 500):
            outputs = model(inputs)
            right = study.metric.per_sample(outputs, targets)
            assert right is not None
            loss += study.loss.per_sample(outputs, targets).sum().item()
            correct += int(right.sum())
    size = study.data.size("test")
    return loss / size, correct / size, size


def stated(line: str) -> tuple[float, float, int]:
    match = re.fullmatch(r"([\d.]+)% of ([\d,]+) images right, loss ([\d.]+)", line)
    assert match
    return float(match[3]), float(match[1]) / 100, int(match[2].replace(",", ""))


@pytest.mark.slow
@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_network_is_as_accurate_as_its_card_says(name: str) -> None:
    study = studies.load_network(name)
    card = json.loads((ASSETS / name / "card.json").read_text(encoding="utf-8"))
    loss, accuracy, size = stated(card["shipped test images"])
    assert card["shipped test images"] == study.card.facts["shipped test images"]
    found_loss, found_accuracy, found_size = measured(study)
    assert found_size == size == 5000
    assert found_accuracy == pytest.approx(
        accuracy, abs=0.000_61
    )  # three images whose two best classes all but tie
    assert found_loss == pytest.approx(loss, abs=0.000_1)


def test_the_default_network_reaches_the_accuracy_promised() -> None:
    card = json.loads((ASSETS / "fashion-resnet20" / "card.json").read_text(encoding="utf-8"))
    _, accuracy, size = stated(card["full test set"])
    assert size == 10_000
    assert accuracy >= 0.935


def test_the_shipped_images_are_stratified() -> None:
    data = studies.load_network("fashion-resnet20").data
    assert (data.size("train"), data.size("test"), len(data.classes)) == (10_000, 5_000, 10)
    for split, each in (("train", 1000), ("test", 500)):
        counts = np.bincount(data.targets(split, slice(None)).numpy())
        assert counts.tolist() == [each] * 10


@pytest.mark.slow
def test_hawqs_network_is_as_accurate_as_published(data_folder: Path) -> None:
    loss, accuracy, size = measured(studies.load_network("cifar10-resnet20"))
    assert size == 1017
    assert accuracy == pytest.approx(0.9164, abs=0.002)
    assert loss == pytest.approx(0.378, abs=0.001)
