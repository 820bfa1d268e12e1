"""What each kind of data gives, against what was written, and what identifies it."""

import importlib.util
import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from explorer import studies
from explorer.errors import StudyError
from explorer.studies.data.datasets import Kept
from explorer.studies.data.stacking import leaves
from explorer.studies.factories import Factories
from explorer.studies.kinds.sections import Place, divided
from explorer.studies.study import Study
from explorer.studies.toml import read_description
from explorer.studies.writing import toml_value
from tests import kinds_of_data as made

ALL = slice(None)


def load(folder: Path) -> Study:
    return studies.load_network(folder)


def edited(folder: Path, old: str, new: str, name: str = "study.toml") -> Study:
    """The study after a change of one of its files."""
    text = (folder / name).read_text(encoding="utf-8")
    assert old in text
    (folder / name).write_text(text.replace(old, new), encoding="utf-8")
    return load(folder)


def values(data: Any, rows: torch.Tensor) -> list[torch.Tensor]:
    return [tensor for _, tensor in leaves(data.inputs("train", rows))]


def test_what_a_dataset_draws_is_decided_by_the_number_of_the_sample(tmp_path: Path) -> None:
    """Whatever was drawn before, in whatever order and batch, by another object; and nobody else's draws change."""
    made.factory(tmp_path / "own")
    one, other = load(tmp_path / "own").data, load(tmp_path / "own").data
    torch.default_generator.manual_seed(1)
    expected = torch.rand(2)
    torch.default_generator.manual_seed(1)
    first = values(one, torch.tensor([3, 7, 5]))
    assert torch.equal(torch.rand(2), expected)
    later = [values(other, torch.tensor([row])) for row in (5, 3, 7)]
    for place, tensor in enumerate(first):
        assert torch.equal(tensor, torch.cat([later[1][place], later[2][place], later[0][place]]))
    noisy = first[-1]
    assert not torch.equal(noisy[0] - noisy[1], noisy[1] - noisy[2]), "samples draw differently"
    assert one.noun == ("query", "queries")
    assert one.classes == ("a", "b", "c")


def test_samples_and_source_identify_the_data_of_a_factory(tmp_path: Path) -> None:
    made.factory(tmp_path / "own")
    before = load(tmp_path / "own").parts
    assert load(tmp_path / "own").parts == before
    assert "code of data.py" in before
    source = edited(tmp_path / "own", "class Made", "# a remark\nclass Made", "data.py").parts
    assert [name for name in before if source[name] != before[name]] == ["code of data.py"]
    samples = edited(tmp_path / "own", "Made(16, 1)", "Made(16, 2)", "data.py").parts
    assert samples["data"] != before["data"]


def test_a_collate_function_puts_batches_together(tmp_path: Path) -> None:
    made.factory(tmp_path / "own")
    plain = load(tmp_path / "own").data
    collate = (
        "def together(samples):\n"
        "    inputs = [each for each, _ in samples]\n"
        '    more = tuple(torch.stack([each["more"][k] for each in inputs]) for k in (0, 1))\n'
        '    words = torch.stack([each["words"] for each in inputs])\n'
        '    return {"words": words, "more": more}, torch.tensor([target for _, target in samples])\n\n'
        "def build():\n"
    )
    edited(tmp_path / "own", "def build():\n", collate, "data.py")
    put = edited(tmp_path / "own", '"noun":', '"collate": together, "noun":', "data.py").data
    for (x, y), (z, w) in zip(plain.batches("test", 6), put.batches("test", 6), strict=True):
        assert torch.equal(y, w)
        assert all(torch.equal(a, b) for (_, a), (_, b) in zip(leaves(x), leaves(z), strict=True))


def test_pictures_are_resized_cropped_and_normalised(tmp_path: Path) -> None:
    """Left half black, right half white, 10 × 20 pixels: the shorter side becomes 4, the centre is cut at the edge."""
    made.pictures(tmp_path / "own")
    picture = np.zeros((10, 20, 3), np.uint8)
    picture[:, 10:] = 255
    Image.fromarray(picture).save(tmp_path / "own/pictures/test/a/0.png")
    data = edited(tmp_path / "own", "resize = 8\ncrop = 6", "resize = 4\ncrop = 4").data
    found = data.inputs("test", slice(0, 1))
    assert found.shape == (1, 3, 4, 4)
    columns = found[0, 1].mean(0)
    assert torch.allclose(columns, -columns.flip(0), atol=1 / 255 / 0.2), "symmetric about the mean of 0.5"
    assert columns[0] == -0.5 / 0.2, "black"
    counts = [len(list((tmp_path / f"own/pictures/test/{label}").iterdir())) for label in "abc"]
    assert data.targets("test", ALL).tolist() == [0] * counts[0] + [1] * counts[1] + [2] * counts[2]


def test_names_labels_and_contents_identify_pictures(tmp_path: Path) -> None:
    folder = tmp_path / "own"
    made.pictures(folder)
    prints = [load(folder).data.sha256]
    (folder / "pictures/test/a/0.png").rename(folder / "pictures/test/a/00.png")
    prints.append(load(folder).data.sha256)
    (folder / "pictures/test/a/00.png").rename(folder / "pictures/test/b/00.png")
    prints.append(load(folder).data.sha256)
    content = bytearray((folder / "pictures/test/b/00.png").read_bytes())
    content[-13] ^= 1  # in the checksum of the last chunk, which no decoder minds
    (folder / "pictures/test/b/00.png").write_bytes(bytes(content))
    prints.append(load(folder).data.sha256)
    assert len(set(prints)) == 4


def test_a_share_is_drawn_once_and_for_all() -> None:
    one, same, other = (divided(100, 0.3, seed, "x") for seed in (0, 0, 1))
    assert sorted([*one["train"].tolist(), *one["test"].tolist()]) == list(range(100))
    assert len(one["test"]) == 30
    assert torch.equal(one["test"], same["test"])
    assert not torch.equal(one["test"], other["test"])
    with pytest.raises(StudyError, match="leaves a split empty"):
        divided(3, 0.1, 0, "x")


@pytest.mark.parametrize("kind", made.KINDS)
def test_a_description_elsewhere_names_the_same_data(tmp_path: Path, kind: str) -> None:
    """What folding and adopting write: every path and function is whole, and the samples are the same."""
    made.KINDS[kind][0](tmp_path / "own")
    section = read_description(tmp_path / "own/study.toml").data
    assert section is not None
    moved = type(section).model_validate(tomllib.loads(toml_lines(section.located(tmp_path / "own"))))
    (tmp_path / "elsewhere").mkdir()
    places = (Place(tmp_path / name, Factories(tmp_path / name)) for name in ("own", "elsewhere"))
    one, other = (each.load(place).samples for each, place in zip((section, moved), places, strict=True))
    assert one.sha256 == other.sha256
    assert one.preprocessing == other.preprocessing


def toml_lines(content: Mapping[str, Any]) -> str:
    return "\n".join(f"{key} = {toml_value(value)}" for key, value in content.items())


def test_kept_samples_are_bounded() -> None:
    kept = Kept(5000)
    for row in range(10):
        kept.put(row, torch.zeros(250))  # 1000 bytes and what goes with it
    assert kept.bytes <= 5000
    assert [row for row in range(10) if kept.get(row) is not None] == [6, 7, 8, 9]
    for number, other in enumerate((torch.zeros(5000), {"picture": object()}, np.array([{}]))):
        kept.put(f"no {number}", other)
        assert kept.get(f"no {number}") is None, "too large, or of unknown size"


def test_npy_files_are_the_same_data_as_an_npz_file(tmp_path: Path) -> None:
    made.arrays(tmp_path / "own")
    packed = load(tmp_path / "own")
    (tmp_path / "own/arrays").mkdir()
    for name, array in np.load(tmp_path / "own/data.npz").items():
        np.save(tmp_path / f"own/arrays/{name}.npy", array)
    mapped = edited(tmp_path / "own", "data.npz", "arrays")
    assert mapped.data.sha256 == packed.data.sha256
    for one, other in zip(packed.data.inputs("train", ALL), mapped.data.inputs("train", ALL), strict=True):
        assert torch.equal(one, other)
    assert [each.dtype for each in mapped.data.inputs("train", ALL)] == [torch.float32, torch.bool]
    np.save(tmp_path / "own/arrays/test_x.npy", np.array([{}] * 16), allow_pickle=True)
    with pytest.raises(StudyError, match=r"test_x\.npy is no npy file of plain numbers"):
        load(tmp_path / "own")


def test_targets_of_tokens_are_the_next_ones(tmp_path: Path) -> None:
    made.language(tmp_path / "own")
    text = (tmp_path / "own/text.txt").read_bytes()
    data = load(tmp_path / "own").data
    read, said = b"", b""
    for split in ("train", "test"):
        inputs, targets = data.inputs(split, ALL), data.targets(split, ALL)
        mask = inputs["attention_mask"].bool()
        read += bytes(inputs["input_ids"][mask].tolist())
        said += bytes(targets[mask].tolist())
        assert (inputs["input_ids"][~mask] == 256).all()
        assert (targets[~mask] == -100).all()
    assert (read, said) == (text[:-1], text[1:])


def test_a_tokenizer_file_says_what_to_install_or_is_read(tmp_path: Path) -> None:
    made.sentences(tmp_path / "own")
    words = {"good": 0, "bad": 1, ",": 2, "times": 3, **{str(n): 4 + n for n in range(40)}}
    model = {"type": "WordLevel", "vocab": words, "unk_token": "[UNK]"}
    content = {"version": "1.0", "added_tokens": [], "pre_tokenizer": {"type": "Whitespace"}, "model": model}
    (tmp_path / "own/tokenizer.json").write_text(json.dumps(content))
    if importlib.util.find_spec("tokenizers") is None:
        with pytest.raises(StudyError, match="needs the package tokenizers, which is not installed"):
            edited(tmp_path / "own", "max_length", 'tokenizer = "tokenizer.json"\nmax_length')
        return
    data = edited(tmp_path / "own", "max_length", 'tokenizer = "tokenizer.json"\nmax_length').data
    assert set(data.inputs("train", ALL)["input_ids"][:, 0].tolist()) == {0, 1}
    with pytest.raises(
        StudyError, match=r"reviews\.csv, line 2 has a token that tokenizer\.json does not know"
    ):
        edited(tmp_path / "own", "bad, 0 times", "awful", "reviews.csv")


def test_candidates_of_a_user_are_one_sample(tmp_path: Path) -> None:
    made.interactions(tmp_path / "own")
    study = load(tmp_path / "own")
    users, items = study.data.inputs("test", ALL)
    assert torch.equal(users, torch.arange(6).unsqueeze(1).expand(6, 12))
    assert torch.equal(items, torch.arange(12).expand(6, 12))
    assert torch.equal(study.data.targets("test", ALL), torch.eye(12)[:6])
    assert [each.shape for each in study.data.inputs("train", ALL)] == [(24, 1), (24, 1)]
    assert study.metric.name == "HR@10"
    usual = edited(tmp_path / "own", 'metric = "hr10"', 'metric = "ndcg10"')
    assert usual.parts["metric"] != study.parts["metric"], "another metric is another study"


def test_boxes_follow_their_picture(tmp_path: Path) -> None:
    """Categories are numbered by their ids; a picture of 8 × 12 at 16 × 6 has boxes twice as high, half as wide."""
    made.detection(tmp_path / "own")
    data = load(tmp_path / "own").data
    assert data.classes == ("bag", "shoe")
    assert data.ragged
    (one,) = data.targets("test", slice(0, 1))
    assert isinstance(one, dict)
    assert one["labels"].tolist() == [1, 0]
    assert one["boxes"].tolist() == [[0, 1, 3, 5], [1, 1, 5, 5]]
    sized = edited(tmp_path / "own", "mean =", "resize = [16, 6]\nmean =").data
    assert not sized.ragged
    assert sized.inputs("test", ALL).shape == (5, 3, 16, 6)
    (first, *_) = sized.targets("test", ALL)
    assert isinstance(first, dict)
    assert first["boxes"].tolist() == [[0, 2, 1.5, 10], [0.5, 2, 2.5, 10]]


def test_rows_of_a_table_are_found_in_any_group(tmp_path: Path) -> None:
    folder = tmp_path / "own"
    made.arrays(folder)
    x = [[float(n), 0.0, 1.0, n / 2] for n in range(20)]
    y = [float(n) for n in range(20)]
    pq.write_table(pa.table({"x": x, "m": [[True] * 4] * 20, "y": y}), folder / "t.parquet", row_group_size=3)
    (folder / "study.toml").write_text(
        (folder / "study.toml")
        .read_text()
        .replace('kind = "arrays"', 'kind = "parquet"\ntest_share = 0.4')
        .replace("data.npz", "t.parquet")
        .replace("targets", "target")
    )
    data = load(folder).data
    found = {}
    for split in ("train", "test"):
        for row in reversed(range(data.size(split))):
            values_, mask = data.inputs(split, slice(row, row + 1))
            assert mask.all()
            found[float(values_[0, 0])] = (
                values_[0].tolist(),
                data.targets(split, slice(row, row + 1)).item(),
            )
    assert found == {float(n): (x[n], y[n]) for n in range(20)}
    before = data.sha256
    pq.write_table(
        pa.table({"x": x, "m": [[False] * 4] * 20, "y": y}), folder / "t.parquet", row_group_size=3
    )
    assert load(folder).data.sha256 != before


def test_classes_of_a_saved_data_set_have_their_names(tmp_path: Path) -> None:
    made.saved_data_set(tmp_path / "own")
    data = load(tmp_path / "own").data
    assert data.classes == ("cat", "dog", "owl")
    assert data.targets("train", slice(0, 7)).tolist() == [0, 1, 2, 0, 1, 2, 0]
