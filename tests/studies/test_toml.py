"""A study of one's own loads, and every way its description can be wrong is one sentence."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from explorer import studies
from explorer.errors import StudyError


def sentence(reference: Path | str) -> str:
    with pytest.raises(StudyError) as caught:
        studies.load(reference)
    message = str(caught.value)
    assert "Traceback" not in message
    return message


def test_a_study_loads_from_its_folder_and_from_its_file(folder: Any) -> None:
    by_folder, by_file = studies.load_network(folder.path), studies.load_network(str(folder.toml))
    assert by_folder.name == "tiny"
    assert by_folder.reference == by_file.reference == str(folder.toml.resolve())
    assert by_folder.fingerprint == by_file.fingerprint
    assert by_folder.data.size("train") == 7
    assert not by_folder.data.train_is_test
    assert by_folder.card.title == "tiny"


def test_each_model_is_a_fresh_copy_in_eval_mode(folder: Any) -> None:
    study = studies.load_network(folder.path)
    first = study.model()
    with torch.no_grad():
        next(first.parameters()).zero_()
    second = study.model()
    assert next(second.parameters()).abs().sum() > 0
    assert not any(module.training for module in second.modules())
    assert all(parameter.requires_grad for parameter in second.parameters())


def test_the_fingerprint_follows_weights_data_normalisation_and_loss(folder: Any) -> None:
    prints = [studies.load(folder.path).fingerprint]
    folder.write(old="0.5, 0.4, 0.3", new="0.5, 0.4, 0.31")
    prints.append(studies.load(folder.path).fingerprint)
    folder.write(old='kind = "cross_entropy"', new='kind = "mse"')
    prints.append(studies.load(folder.path).fingerprint)
    folder.data(test_labels=np.array([2, 1, 0, 1, 2]))
    prints.append(studies.load(folder.path).fingerprint)
    folder.weights(lambda tensors: {**tensors, "4.bias": tensors["4.bias"] + 1})
    prints.append(studies.load(folder.path).fingerprint)
    assert len(set(prints)) == len(prints)


def test_a_missing_study_is_named(tmp_path: Path) -> None:
    assert str(tmp_path / "study.toml") in sentence(tmp_path)
    assert "there is no study" in sentence(tmp_path / "none" / "study.toml")


def test_a_path_that_cannot_be_read_is_named(folder: Any) -> None:
    assert "cannot be read" in sentence(folder.toml / "study.toml")


def test_a_file_that_is_not_toml(folder: Any) -> None:
    folder.toml.write_text("name = ", encoding="utf-8")
    assert "is not valid TOML" in sentence(folder.path)
    folder.toml.write_bytes(b"\xff\xfe\x00")
    assert "is not text in UTF-8" in sentence(folder.path)


def test_a_file_beyond_the_limits(folder: Any) -> None:
    """What a parser of TOML takes the computer's memory for, or recurses into, is refused before it sees it."""
    for text, said in (
        ("[" * 100_000, "nests brackets"),
        ("a = " + "{a=" * 80_000, "nests brackets"),
        (".".join("a" * 100_000) + " = 1", "a dotted key of more than 8 parts"),
        ("a = " + "9" * 5000, "a number of more than 40 digits"),
        ("#" * 256_001, "is larger than 256 kB"),
    ):
        folder.toml.write_text(text, encoding="utf-8")
        assert said in sentence(folder.path)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="there are no devices here")
def test_a_device_is_no_study() -> None:
    assert "is no regular file" in sentence("/dev/zero")


def test_no_study_is_named() -> None:
    assert "no study is named" in sentence("")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('path = "data.npz"', f'path = "{"x" * 3000}"', "cannot be read (File name too long)"),
        ('path = "data.npz"', 'path = "a\\u0000b"', "a name cannot hold a NUL"),
        (
            'weights = "weights.safetensors"',
            f'weights = "{"x" * 3000}.pt"',
            "cannot be read (File name too long)",
        ),
        ('weights = "weights.safetensors"', 'weights = "a\\u0000b.pt"', "a name cannot hold a NUL"),
        ('factory = "net.py:build"', f'factory = "{"x" * 3000}.py:build"', "there is no file"),
        ('factory = "net.py:build"', 'factory = "a\\u0000b.py:build"', "there is no file"),
        ("std = [0.2, 0.25, 0.3]", "std = [0.2, inf, 0.3]", "the key data.std.1 is wrong"),
        ("std = [0.2, 0.25, 0.3]", "std = [0.2, nan, 0.3]", "the key data.std.1 is wrong"),
        ("mean = [0.5, 0.4, 0.3]", "mean = [0.5, 1e300, 0.3]", "the key data.mean.1 is wrong"),
        ("[loss]", "[loss]\nclass_weights = [1.0, nan, 1.0]", "the key loss.class_weights.1 is wrong"),
        ("[loss]", "[loss]\nclass_weights = [1.0, -1.0, 1.0]", "the key loss.class_weights.1 is wrong"),
        ("[loss]", "[loss]\nclass_weights = [0.0, 0.0, 0.0]", "every class has the weight 0"),
        ("[loss]", "[loss]\nclass_weights = [1.0, 1.0, 1.0, 1.0]", "cannot take the network's outputs"),
        ("[loss]", "[loss]\nlabel_smoothing = nan", "the key loss.label_smoothing is wrong"),
        ("[loss]", "[loss]\nlabel_smoothing = 1.5", "the key loss.label_smoothing is wrong"),
        ('factory = "net.py:build"', 'factory = "net.py:breaking"', "failed: Broken: in two"),
        ('name = "tiny"', "", "the key name is missing"),
        ('factory = "net.py:build"', "", "the key model.factory is missing"),
        ("mean = [0.5, 0.4, 0.3]", "", "the key data.mean is missing"),
        ('kind = "cross_entropy"', 'kinds = "mse"', "the key loss.kinds is unknown"),
        ('name = "tiny"', 'name = "tiny"\ncolour = "red"', "the key colour is unknown"),
        ('name = "tiny"', "name = 5", "the key name is wrong"),
        ('path = "data.npz"', "path = [1]", "the key data.path is wrong"),
        ("[0.5, 0.4, 0.3]", '["a", 0.4, 0.3]', "the key data.mean.0 is wrong"),
        ('name = "tiny"', 'name = "tiny"\nkind = "picture"', "the key kind is wrong"),
        ('name = "tiny"', 'name = "tiny"\nkind = "profile"', "has a [model] section; remove it"),
        ("[loss]", '[profile]\npath = "p.json"\n[loss]', "has a [profile] section; remove it"),
        (
            'kind = "cross_entropy"',
            'label_smoothing = 1.5\nkind = "cross_entropy"',
            "label_smoothing is wrong",
        ),
        ("net.py:build", "net.py", "must read FILE.py:function"),
        ("net.py:build", "other.py:build", "there is no file"),
        ("net.py:build", "net.py:construct", "has no function construct"),
        ("net.py:build", "net.py:failing", "failed: KeyError"),
        ("net.py:build", "net.py:leaving", "failed: SystemExit"),
        ("net.py:build", "net.py:number", "returned a int; it must return an nn.Module"),
        ("net.py:build", "no_such_package.nets:build", "cannot be imported: ModuleNotFoundError"),
        ("weights.safetensors", "absent.safetensors", "absent.safetensors does not exist"),
        ("weights.safetensors", "weights.bin", "weights.bin does not exist"),
        ("data.npz", "absent.npz", "absent.npz does not exist"),
        ("mean = [0.5, 0.4, 0.3]", "mean = [0.5]", "has 3 channels and [data] mean has 1 values"),
        ("std = [0.2, 0.25, 0.3]", "std = [0.2]", "mean has 3 and std 1 values"),
        ("std = [0.2, 0.25, 0.3]", "std = [0.2, 0.0, 0.3]", "the key data.std.1 is wrong"),
        ('kind = "cross_entropy"', 'kind = "hinge"', "kind 'hinge' is unknown; use cross_entropy"),
        ('kind = "cross_entropy"', 'kind = "net.py:averaged_loss"', "return one value a sample"),
        ('kind = "cross_entropy"', 'kind = "net.py:number"', "returned a int; it must return a function"),
        ('kind = "cross_entropy"', 'kind = "net.py:failing"', "failed: KeyError"),
        ('kind = "cross_entropy"', 'kind = "net.py:absent"', "has no function absent"),
        (
            'kind = "cross_entropy"',
            'kind = "cross_entropy"\nclass_weights = [1.0]',
            "cannot take the network's",
        ),
    ],
)
def test_one_thing_wrong_in_the_description(folder: Any, old: str, new: str, said: str) -> None:
    assert said in sentence(folder.write(old=old, new=new).path)


def test_a_network_needs_its_sections(folder: Any) -> None:
    folder.toml.write_text('name = "tiny"\n[data]\npath = "data.npz"\nmean = [0.5]\nstd = [0.5]\n')
    assert "has no [model] section" in sentence(folder.path)
    folder.toml.write_text('name = "tiny"\n[model]\nfactory = "net.py:build"\nweights = "w.safetensors"\n')
    assert "has no [data] section" in sentence(folder.path)


def test_the_factory_file_itself_may_be_broken(folder: Any) -> None:
    folder.net("import no_such_thing\n")
    assert "importing" in sentence(folder.path)
    folder.net("def build(:\n")
    assert "SyntaxError" in sentence(folder.path)
    folder.net("raise SystemExit(1)\n")
    assert "SystemExit" in sentence(folder.path)


def test_an_importable_factory_serves(folder: Any) -> None:
    folder.write(old="net.py:build", new="explorer.studies.networks:cifar10_resnet20")
    assert "does not fit the network: it lacks" in sentence(folder.path)


def test_a_network_that_cannot_take_the_images(folder: Any) -> None:
    folder.data(
        train_images=None,
        train_labels=None,
        test_images=np.zeros((5, 9, 9, 3), np.uint8),
        test_labels=np.arange(5) % 3,
    )
    assert "the network cannot take images of shape (3, 9, 9)" in sentence(folder.path)


def test_a_network_that_returns_no_tensor(folder: Any) -> None:
    folder.write(old="net.py:build", new="net.py:pair")
    folder.weights(lambda _: {"linear.weight": torch.zeros(3, 108), "linear.bias": torch.zeros(3)})
    assert "the network returns a tuple" in sentence(folder.path)


@pytest.mark.parametrize("kind", ["cross_entropy", "mse", "bce_with_logits"])
def test_labels_beyond_the_outputs_are_found_before_anything_runs(folder: Any, kind: str) -> None:
    """The two samples that are tried first have small labels; the highest label of all decides."""
    folder.write(old='kind = "cross_entropy"', new=f'kind = "{kind}"').data(
        test_labels=np.array([0, 1, 2, 0, 7])
    )
    assert "the labels go up to 7; the factory must build a network with 8 outputs" in sentence(folder.path)


@pytest.mark.parametrize("kind", ["cross_entropy", "mse", "bce_with_logits", "net.py:loss"])
def test_every_kind_of_loss_loads(folder: Any, kind: str) -> None:
    study = studies.load_network(folder.write(old='kind = "cross_entropy"', new=f'kind = "{kind}"').path)
    inputs, targets = study.data.inputs("test", slice(None)), study.data.targets("test", slice(None))
    assert study.loss.per_sample(study.model()(inputs), targets).shape == (5,)


def test_a_missing_loss_is_cross_entropy(folder: Any) -> None:
    folder.write(old='[loss]\nkind = "cross_entropy"\n', new="")
    assert studies.load_network(folder.path).loss.kind == "cross_entropy"


def test_absent_training_arrays_are_served_by_the_test_arrays(folder: Any) -> None:
    data = studies.load_network(folder.data(train_images=None, train_labels=None).path).data
    assert data.train_is_test
    assert data.size("train") == data.size("test") == 5
    assert torch.equal(data.inputs("train", slice(None)), data.inputs("test", slice(None)))


def test_a_study_says_when_it_has_no_training_images(folder: Any) -> None:
    """One sentence for every page and command; nothing where there is nothing to say."""
    plain = studies.load_network(folder.path)
    assert (plain.remark, plain.training_name) == (None, "training images")
    study = studies.load_network(folder.data(train_images=None, train_labels=None).path)
    assert study.training_name == "test images"
    assert study.remark is not None
    assert study.remark.startswith(
        "This study has no training images, so the test images serve in their place"
    )


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"test_images": None}, "has no array test_images; it has test_labels, train_images, train_labels"),
        ({"train_labels": None}, "has only one of train_images and train_labels"),
        ({"test_images": np.zeros((5, 6, 6, 3), np.float32)}, "test_images in data.npz is float32"),
        (
            {"test_images": np.zeros((5, 6, 6), np.uint8)},
            "must be uint8 of shape (N, height, width, channels)",
        ),
        ({"test_images": np.zeros((5, 3, 6, 6), np.uint8)}, "has 6 channels and [data] mean has 3"),
        ({"train_images": np.zeros((7, 8, 8, 3), np.uint8)}, "both must have one size"),
        ({"test_labels": np.arange(4)}, "has 5 test_images and 4 test_labels"),
        ({"test_labels": np.array(3)}, "has 5 test_images and 0 test_labels"),
        ({"test_labels": np.array(["a", "b", "c", "d", "e"])}, "test_labels in data.npz is <U1"),
        ({"test_labels": np.array([0, 1, -1, 0, 1])}, "one number a sample, 0 or above"),
        ({"test_labels": np.eye(5, dtype=int)}, "one number a sample, 0 or above"),
        ({"test_labels": np.array([0.0, 1, np.nan, 0, 1])}, "not finite"),
        ({"test_labels": np.array([0, 1, 2, 0, 2_000_000_000])}, "has the label 2000000000"),
        (
            {"test_images": np.zeros((0, 6, 6, 3), np.uint8), "test_labels": np.zeros(0, int)},
            "has 0 test_images",
        ),
        ({"test_images": np.array([{"a": 1}] * 5, dtype=object)}, "is not an npz file of plain arrays"),
        ({"classes": np.array(["one", "two"])}, "classes in data.npz has shape (2,)"),
    ],
)
def test_one_thing_wrong_in_the_data(folder: Any, arrays: dict[str, Any], said: str) -> None:
    assert said in sentence(folder.data(**arrays).path)


def test_class_names_come_from_the_data(folder: Any) -> None:
    folder.data(classes=np.array(["cat", "dog", "owl"]))
    assert studies.load_network(folder.path).data.classes == ("cat", "dog", "owl")


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"not a zip file at all"),
        lambda path: path.write_bytes(path.read_bytes()[:200]),
        lambda path: path.write_bytes(path.read_bytes().replace(b"NUMPY", b"NUMBY")),
        lambda path: np.save(path.open("wb"), np.zeros(3)),
    ],
    ids=["empty", "text", "truncated", "corrupt", "npy"],
)
def test_a_damaged_data_file(folder: Any, damage: Callable[[Path], Any]) -> None:
    damage(folder.path / "data.npz")
    assert "is not an npz file of plain arrays" in sentence(folder.path)


def test_a_profile_study_has_nothing_to_measure() -> None:
    with pytest.raises(StudyError, match="published figures only"):
        studies.load_network("hawq-v3-resnet18")


def test_an_interrupt_stays_one(folder: Any) -> None:
    """Ctrl-C while a factory works ends the program and is no mistake in the study."""
    folder.write(old="net.py:build", new="net.py:interrupted")
    with pytest.raises(KeyboardInterrupt):
        studies.load(folder.path)
