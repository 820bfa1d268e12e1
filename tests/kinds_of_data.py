"""A tiny study with data of every kind; each function writes one into a folder that is not there yet."""

import io
import json
import textwrap
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.ipc
from PIL import Image

from tests.archive import write_arrays
from tests.own_study import write_study

TRAIN, TEST, CLASSES = 24, 16, 3

CONVOLUTIONS = """
    from torch import nn

    def build():
        return nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 1), nn.ReLU(),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)
        )
"""

PAIRS = """
    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.words = nn.Embedding(7, 4)
            self.hidden = nn.Linear(6, 5)
            self.out = nn.Linear(5, 3)

        def forward(self, x):
            words, mask = x["words"], x["more"][0].unsqueeze(2)
            found = (self.words(words) * mask).sum(1) / mask.sum(1).clamp(min=1)
            return self.out(torch.relu(self.hidden(torch.cat([found, x["more"][1]], 1))))

    def build():
        return Net()
"""

DATASETS = """
    import random

    import torch
    from torch.utils.data import Dataset

    class Made(Dataset):
        def __init__(self, size, seed):
            draw = torch.Generator().manual_seed(seed)
            self.words = torch.randint(0, 7, (size, 5), generator=draw)
            self.values = torch.randn(size, 2, generator=draw)

        def __len__(self):
            return len(self.words)

        def __getitem__(self, i):
            noisy = self.values[i] + 0.1 * random.random() + 0.1 * torch.rand(2)
            more = (self.words[i] > 0).float(), noisy
            return {"words": self.words[i], "more": more}, int(self.words[i].sum() % 3)

    def build():
        return {"train": Made(24, 0), "test": Made(16, 1), "noun": "query/queries", "classes": "abc"}
"""

TUPLES = """
    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.enter = nn.Linear(4, 5)
            self.hidden = nn.Linear(5, 5)
            self.out = nn.Linear(5, 1)

        def forward(self, x):
            values, mask = x
            return self.out(torch.relu(self.hidden(torch.relu(self.enter(values * mask)))))

    def build():
        return Net()
"""

LANGUAGE = """
    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.words = nn.Embedding(257, 3)
            self.hidden = nn.Linear(3, 4)
            self.out = nn.Linear(4, 257)

        def forward(self, x):
            return self.out(torch.relu(self.hidden(self.words(x["input_ids"]))))

    def build():
        return Net()
"""

SENTENCES = (
    LANGUAGE.replace("nn.Linear(4, 257)", "nn.Linear(4, 2)")
    .replace("torch.relu", "torch.tanh")
    .replace(
        'self.words(x["input_ids"])',
        '(self.words(x["input_ids"]) * x["attention_mask"].unsqueeze(2)).mean(1)',
    )
)


def factory(folder: Path) -> None:
    write_study(folder, net=PAIRS, data='kind = "factory"\nfactory = "data.py:build"')
    (folder / "data.py").write_text(textwrap.dedent(DATASETS), encoding="utf-8")


def pictures(folder: Path) -> None:
    draw = np.random.default_rng(0)
    for split, count in (("train", TRAIN), ("test", TEST)):
        for number in range(count):
            place = folder / "pictures" / split / "abc"[number % CLASSES]
            place.mkdir(parents=True, exist_ok=True)
            size = (7 + number % 4, 9, 3)
            Image.fromarray(draw.integers(0, 256, size, dtype=np.uint8)).save(place / f"{number}.png")
    data = 'kind = "folder"\npath = "pictures"\nresize = 8\ncrop = 6\nmean = [0.5, 0.5, 0.5]\nstd = [0.2, 0.2, 0.2]'
    write_study(folder, net=CONVOLUTIONS, data=data)


def table_of_pictures(folder: Path) -> None:
    """Pictures of different sizes go through one at a time."""
    pictures(folder)
    lines = [
        f"pictures/{split}/{'abc'[n % CLASSES]}/{n}.png,{'zyx'[n % CLASSES]},{split}"
        for split, count in (("train", 6), ("test", 6))
        for n in range(count)
    ]
    (folder / "labels.csv").write_text("\n".join(["path,label,split", *lines]), encoding="utf-8")
    text = (folder / "study.toml").read_text(encoding="utf-8")
    text = text.replace('path = "pictures"\nresize = 8\ncrop = 6', 'path = "labels.csv"')
    (folder / "study.toml").write_text(text, encoding="utf-8")


def arrays(folder: Path) -> None:
    """A regression on a tuple of fractions in double precision and truth values."""
    draw = np.random.default_rng(0)
    folder.mkdir()
    made: dict[str, np.ndarray] = {}
    for split, count in (("train", TRAIN), ("test", TEST)):
        made[f"{split}_x"], made[f"{split}_m"] = draw.normal(size=(count, 4)), draw.random((count, 4)) > 0.3
        made[f"{split}_y"] = made[f"{split}_x"].sum(1)
    write_arrays(folder / "data.npz", made)
    data = 'kind = "arrays"\npath = "data.npz"\ninputs = ["x", "m"]\ntargets = "y"\nnoun = "reading"'
    write_study(folder, net=TUPLES, data=data, loss='kind = "mse"')


def language(folder: Path) -> None:
    data = 'kind = "text"\npath = "text.txt"\ntask = "next-token"\nmax_length = 6\ntest_share = 0.4'
    write_study(folder, net=LANGUAGE, data=data, loss='kind = "token_cross_entropy"')
    (folder / "text.txt").write_text(
        "the cat sat on the mat; the dog, though, did not sit. " * 4, encoding="utf-8"
    )


def sentences(folder: Path) -> None:
    lines = [f'"{"good" if n % 2 else "bad"}, {n} times",{"ny"[n % 2]}' for n in range(40)]
    data = 'kind = "text"\npath = "reviews.csv"\ntask = "label"\nmax_length = 12\ntest_share = 0.4\nnoun = "review"'
    write_study(folder, net=SENTENCES, data=data)
    (folder / "reviews.csv").write_text("\n".join(["text,label", *lines]), encoding="utf-8")


def saved_data_set(folder: Path) -> None:
    """Pictures in a data set as Hugging Face's ``save_to_disk`` writes it: Arrow streams, with names of classes."""
    draw = np.random.default_rng(0)
    names = {"info": {"features": {"label": {"names": ["cat", "dog", "owl"], "_type": "ClassLabel"}}}}
    picture = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    schema = pa.schema(
        [("image", picture), ("label", pa.int64())], metadata={"huggingface": json.dumps(names)}
    )
    for split, count in (("train", TRAIN), ("test", TEST)):
        place = folder / "saved" / split
        place.mkdir(parents=True)
        (place / "state.json").write_text('{"_data_files": [{"filename": "data-00000-of-00001.arrow"}]}')
        rows = []
        for number in range(count):
            stream = io.BytesIO()
            Image.fromarray(draw.integers(0, 256, (6, 6, 3), dtype=np.uint8)).save(stream, "PNG")
            rows.append({"image": {"bytes": stream.getvalue(), "path": None}, "label": number % CLASSES})
        with pa.ipc.new_stream(place / "data-00000-of-00001.arrow", schema) as writer:
            writer.write_table(pa.Table.from_pylist(rows, schema=schema), max_chunksize=5)
    data = """kind = "parquet"
path = "saved"
inputs = "image"
target = "label"
crop = 6
mean = [0.5, 0.5, 0.5]
std = [0.2, 0.2, 0.2]"""
    write_study(folder, net=CONVOLUTIONS, data=data)


PAIRWISE = """
    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.users, self.items = nn.Embedding(6, 3), nn.Embedding(12, 3)
            self.hidden, self.out = nn.Linear(6, 4), nn.Linear(4, 1)

        def forward(self, pair):
            users, items = pair
            both = torch.cat([self.users(users), self.items(items)], -1)
            return self.out(torch.relu(self.hidden(both))).squeeze(-1)

    def build():
        return Net()
"""

DETECTOR = """
    import torch
    import torch.nn.functional as F
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 4, 3, padding=1))
            self.scores, self.boxes = nn.Conv2d(4, 2, 1), nn.Conv2d(4, 4, 1)

        def forward(self, x):
            x = torch.relu(self.body(x))
            return {"scores": self.scores(x).amax((2, 3)), "boxes": self.boxes(x).mean((2, 3))}

    def build():
        return Net()

    def loss():
        def of(outputs, targets):
            found = []
            for scores, box, target in zip(outputs["scores"], outputs["boxes"], targets):
                there = F.one_hot(target["labels"], 2).amax(0).float()
                found.append(F.binary_cross_entropy_with_logits(scores, there))
                found[-1] = found[-1] + (box - target["boxes"].mean(0) / 10).square().mean()
            return torch.stack(found)
        return of
"""


def interactions(folder: Path) -> None:
    """For every one of six users one positive and eleven negative items in the test, as HR@10 wants them."""
    draw = np.random.default_rng(0)
    lines = [f"{n % 6},{draw.integers(12)},{n % 2},train" for n in range(TRAIN)]
    for user in range(6):
        lines += [f"{user},{item},{int(item == user)},test" for item in range(12)]
    data = 'kind = "interactions"\npath = "pairs.csv"\ncandidates = true'
    task = '[task]\nmetric = "hr10"'
    write_study(folder, net=PAIRWISE, data=data, loss='kind = "bce_with_logits"', task=task)
    (folder / "pairs.csv").write_text("\n".join(["user,item,label,split", *lines]), encoding="utf-8")


def detection(folder: Path) -> None:
    """Pictures of different sizes with two boxes each; the network returns a dict, the loss is a factory's."""
    draw = np.random.default_rng(0)
    (folder / "scenes/files").mkdir(parents=True)
    for split, count in (("train", 6), ("test", 5)):
        images, boxes = [], []
        for n in range(count):
            height, width = 8 + n, 12 - n
            name = f"{split}{n}.png"
            Image.fromarray(draw.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(
                folder / "scenes/files" / name
            )
            images.append({"id": n, "file_name": name, "height": height, "width": width})
            for k in range(2):
                boxes.append(
                    {"id": 2 * n + k, "image_id": n, "category_id": 7 - 4 * k, "bbox": [k, 1, 3 + k, 4]}
                )
        categories = [{"id": 7, "name": "shoe"}, {"id": 3, "name": "bag"}]
        content = {"images": images, "annotations": boxes, "categories": categories}
        (folder / f"scenes/{split}.json").write_text(json.dumps(content), encoding="utf-8")
    data = 'kind = "detection"\npath = "scenes"\npictures = "files"\nmean = [0.5, 0.5, 0.5]\nstd = [0.2, 0.2, 0.2]'
    write_study(folder, net=DETECTOR, data=data, loss='kind = "net.py:loss"')


KINDS: dict[str, tuple[Callable[[Path], None], str]] = {
    "factory": (factory, "queries"),
    "folder": (pictures, "images"),
    "csv": (table_of_pictures, "images"),
    "arrays": (arrays, "readings"),
    "next-token": (language, "sequences"),
    "label": (sentences, "reviews"),
    "parquet": (saved_data_set, "images"),
    "interactions": (interactions, "users"),
    "detection": (detection, "images"),
}
