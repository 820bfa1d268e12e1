"""What is wrong with data is one sentence that names the file, the row or the key."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from explorer import studies
from explorer.errors import StudyError
from tests import kinds_of_data as made
from tests.archive import write_arrays

Break = Callable[[Path], object]


def replaced(name: str, old: str, new: str) -> Break:
    """A change of one of the study's files."""

    def change(folder: Path) -> None:
        path = folder / name
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    return change


def key(old: str, new: str) -> Break:
    return replaced("study.toml", old, new)


def written(name: str, content: bytes) -> Break:
    return lambda folder: (folder / name).write_bytes(content)


def array(**changed: np.ndarray) -> Break:
    def change(folder: Path) -> None:
        held = dict(np.load(folder / "data.npz"))
        write_arrays(folder / "data.npz", {**held, **changed})

    return change


def empty_class(folder: Path) -> None:
    for split in ("train", "test"):
        (folder / "pictures" / split / "d").mkdir()


def deep(folder: Path) -> None:
    from PIL import Image

    Image.fromarray(np.zeros((9, 9), np.uint16)).save(folder / "pictures/test/a/0.png")


def table(**columns: list[object]) -> Break:
    """One Parquet file in place of the saved data set."""

    def change(folder: Path) -> None:
        pq.write_table(pa.table(columns), folder / "table.parquet")
        text = (
            (folder / "study.toml")
            .read_text(encoding="utf-8")
            .replace('path = "saved"', 'path = "table.parquet"')
        )
        (folder / "study.toml").write_text(text.replace('inputs = "image"', 'inputs = "x"'), encoding="utf-8")

    return change


def data(old: str, new: str) -> Break:
    return replaced("data.py", old, new)


def rows(old: str, new: str) -> Break:
    return replaced("labels.csv", old, new)


def boxes(old: str, new: str) -> Break:
    return replaced("scenes/test.json", old, new)


def pairs(old: str, new: str) -> Break:
    return replaced("pairs.csv", old, new)


CALLED = 'factory = "data.py:build"'
FACTORY, FOLDER, CSV, ARRAYS = made.factory, made.pictures, made.table_of_pictures, made.arrays
PAIRS, BOXES = made.interactions, made.detection
TEXT, LABELS, SAVED = made.language, made.sentences, made.saved_data_set
CASES: list[tuple[Callable[[Path], None], Break, str]] = [
    (FACTORY, key('kind = "factory"', 'kind = "factories"'), "the key data.kind is wrong: factories is no kind"),
    (FACTORY, key(CALLED, ""), "the key data.factory is missing"),
    (FACTORY, key(CALLED, f"{CALLED}\npath = 'x'"), "the key data.path is unknown"),
    (FACTORY, data("return {", "return 1 / 0 and {"), "failed: ZeroDivisionError"),
    (FACTORY, data("return {", "return 5, {"), "the train dataset of 'data.py:build' has no length"),
    (FACTORY, data("return {", "return None and {"), "returned a NoneType; it must return (train, test)"),
    (FACTORY, data('"noun"', '"name"'), "a dict with the key 'name'; it may have train, test"),
    (FACTORY, data('"test":', '"collate": lambda all: 3, "test":'), "returned a int; it must return inputs"),
    (FACTORY, data("return len(self.words)", "return 0"), "the train dataset of 'data.py:build' is empty"),
    (FACTORY, data("noisy = ", "1 / 0\n        noisy = "), "train sample 0 of 'data.py:build' failed: ZeroDiv"),
    (FACTORY, data(", int(self.words[i].sum() % 3)", ""), "it must be a pair of input and target"),
    (FACTORY, data("sum() % 3)", "sum() % 3) + 3"), "the network has outputs for 3 classes"),
    (FACTORY, data("noisy = ", "noisy = float('nan') * "), "train query 0, counted from 0, holds NaN"),
    (FACTORY, data("int(self.words[i].sum() % 3)", "'a'"), "targets of train queries hold a str"),
    (FACTORY, data("import random", "import absent"), "data.py failed: ModuleNotFoundError: No module named 'absent'"),
    (FACTORY, data("return {", "return [1, 2, 3, 4] or {"), "returned a list; it must return (train, test)"),
    (FACTORY, replaced("net.py", "return Net()", "return Net"), "'net.py:build' returned a type; it must return an"),
    (FOLDER, written("pictures/test/a/0.png", b"\x89PNG\r\n\x1a\n cut"), "0.png cannot be read: it is damaged"),
    (FOLDER, written("pictures/test/a/0.png", b""), "test/a/0.png is empty"),
    (FOLDER, deep, "test/a/0.png has more than 8 bits a channel"),
    (FOLDER, empty_class, "the class 'd' has no pictures in"),
    (FOLDER, lambda folder: (folder / "pictures/test/d").mkdir(), "the class 'd' has no pictures"),
    (FOLDER, key("crop = 6", "crop = 9"), "less than crop = 9; resize it first"),
    (FOLDER, key("mean = [0.5, 0.5, 0.5]", "mean = [0.5, 0.5]"), "give each one for grey, three for RGB"),
    (FOLDER, key("crop = 6", "crop = 6\ntest_share = 0.5"), "test_share has no meaning"),
    (FOLDER, key('path = "pictures"', 'path = "none"'), "none does not exist"),
    (CSV, rows("test/a/0.png,z", "test/a/0.png,"), "labels.csv, line 8 has no label"),
    (CSV, rows("test/a/0.png", "test/a/x.png"), "line 8 names 'pictures/test/a/x.png'"),
    (CSV, rows("z,test", "z,val"), "line 8 has the split 'val'; write train or test"),
    (CSV, rows("path,label", "file,label"), "has no column 'path'"),
    (CSV, rows("test/c/5.png,x", "test/c/5.png,w"), "the labels go up to 3; the factory must build a network"),
    (CSV, key("labels.csv", 'labels.csv"\ntarget = "number'), "line 2 has 'z' as label, which is no"),
    (ARRAYS, array(test_y=np.zeros(5)), "has 16 rows in test_x and 5 in test_y"),
    (ARRAYS, array(test_x=np.full((16, 4), np.nan)), "test_x in data.npz is not finite (NaN or infinity) in row 0"),
    (ARRAYS, array(test_x=np.array([{}] * 16)), "test_x holds Python objects; save plain numbers"),
    (ARRAYS, array(train_x=np.zeros((24, 5))), "cannot take the training readings, of shape (5,), (4,): The size"),
    (ARRAYS, key('targets = "y"', 'targets = "z"'), "data.npz has no array test_z"),
    (TEXT, written("text.txt", b"\xff\xfe"), "text.txt is not text in UTF-8"),
    (TEXT, written("text.txt", b"a"), "has fewer than two tokens"),
    (TEXT, key("max_length = 6", 'tokenizer = "none.json"'), "none.json does not exist"),
    (LABELS, written("reviews.csv", b'text,label\n"a,b\n'), "reviews.csv, line 2 is no line of a CSV file"),
    (LABELS, written("reviews.csv", b"text,label\na,b,c\n"), "line 2 has more values than there are columns"),
    (LABELS, replaced("reviews.csv", "text,label", "text,stars"), "reviews.csv has no column 'label'; its first line"),
    (LABELS, replaced("net.py", "nn.Embedding(257", "nn.Embedding(100"), "words.weight has shape (257, 3) and the"),
    (SAVED, key('inputs = "image"', 'inputs = "img"'), "has no column 'img'; it has image, label"),
    (SAVED, written("saved/test/data-00000-of-00001.arrow", b"x"), "is damaged, or no arrow file"),
    (SAVED, table(x=[b"no", b"picture"], label=[0, 1]), "in row 0 of table.parquet cannot be read"),
    (SAVED, table(x=[b"no", b"picture"], label=[0, None]), "row 1 of the test table has no label"),
    (SAVED, table(x=[[1.0], [2.0]], label=[0, 1]), "are for pictures; 'x' holds none"),
    (PAIRS, pairs("1,2,0,test", "1,x,0,test"), "has 'x' as item, which is no whole number from 0"),
    (PAIRS, pairs("1,2,0,test\n", ""), "the user 1 has 11 test rows in"),
    (PAIRS, pairs("5,11,0,test", "5,12,0,test"), "cannot take test user 5, which has the highest number of all: index"),
    (PAIRS, pairs("1,2,0,test", "1,2,nan,test"), "line 40 has 'nan' as label, which is no finite number"),
    (PAIRS, pairs("1,2,0,test", "1,2,1,test"), "the user 1 has 2 test rows with the label 1 in"),
    (PAIRS, pairs("1,1,1,test", "1,1,0,test"), "with candidates = true one row has the label 1 and all"),
    (BOXES, boxes('"bbox": [1, 1, 4, 4]', '"bbox": [1, NaN, 4, 4]'), "test.json is not JSON (NaN is no number"),
    (BOXES, boxes('"bbox": [1, 1, 4, 4]', '"bbox": [1, null, 4, 4]'), "has the box [1, None, 4, 4]; give four numbers"),
    (BOXES, boxes('"bbox": [1, 1, 4, 4]', '"bbox": [1, 4, 4]'), "has the box [1, 4, 4]; give four numbers"),
    (BOXES, boxes('"image_id": 3', '"image_id": "a"'), "give it image_id and category_id, whole numbers"),
    (BOXES, written("scenes/test.json", b"[]"), "is not of COCO's form; give lists of images, annotations and"),
    (BOXES, boxes('"bbox": [1, 1, 4, 4]', '"bbox": [1, 1, 40, 4]'), "annotation 1 in test.json has"),
    (BOXES, boxes('"bbox": [1, 1, 4, 4]', '"bbox": [1, 1, 0, 4]'), "is empty or outside its image"),
    (BOXES, boxes('"category_id": 7', '"category_id": 8'), "is of the category 8, which is not"),
    (BOXES, boxes('"image_id": 3', '"image_id": 30'), "is of the image 30, which is not"),
    (BOXES, boxes("test4.png", "gone.png"), "names the picture 'gone.png', and there is no such"),
    (BOXES, boxes('"height": 8,', '"height": 9,'), "8 × 12 pixels and its annotations say 9 × 12"),
    (BOXES, boxes('"annotations"', '"boxes"'), "is not of COCO's form: it lacks 'annotations'"),
    (BOXES, key('pictures = "files"', 'pictures = "files"\ncrop = 4'), "crop would cut boxes"),
]  # fmt: skip


@pytest.mark.parametrize(("write", "spoil", "said"), CASES, ids=[said[:40] for _, _, said in CASES])
def test_what_is_wrong_is_named(
    tmp_path: Path, write: Callable[[Path], None], spoil: Break, said: str
) -> None:
    write(tmp_path / "own")
    spoil(tmp_path / "own")
    with pytest.raises(StudyError) as caught:
        studies.load(tmp_path / "own")
    assert said in str(caught.value)


def test_a_sample_that_fails_later_is_named_too(tmp_path: Path) -> None:
    """Loading reads a few samples; the others fail in the middle of something long."""
    made.pictures(tmp_path / "own")
    study = studies.load_network(tmp_path / "own")
    (tmp_path / "own/pictures/train/b/13.png").write_bytes(b"no picture")
    with pytest.raises(StudyError, match=r"train/b/13\.png cannot be read: it is damaged"):
        list(study.data.batches("train", 5))
