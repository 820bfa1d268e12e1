"""Every study that docs/own-study.md describes is used as it is written there, on a few samples made up for it.

Packages that the recipes import and that need not be here, torchvision and transformers, are stood in for by modules
beside the study, which have the same names and little in them.
"""

import json
import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from explorer.studies.factories import Factories
from tests import kinds_of_data as made
from tests.archive import write_arrays
from tests.cli.conftest import Command, explore  # noqa: F401  (a fixture)

DOCUMENT = Path(__file__).parents[2] / "docs/own-study.md"
LINES = 20  # of a recipe, blank ones and fences not counted

TORCHVISION = {
    "torchvision/__init__.py": "",
    "torchvision/datasets.py": """
        from pathlib import Path

        from PIL import Image

        class ImageFolder:
            def __init__(self, root, transform):
                self.files, self.transform = sorted(Path(root).glob("*/*.png")), transform
                self.classes = sorted({file.parent.name for file in self.files})

            def __len__(self):
                return len(self.files)

            def __getitem__(self, row):
                file = self.files[row]
                return self.transform(Image.open(file)), self.classes.index(file.parent.name)
    """,
    "torchvision/models.py": """
        import enum

        import numpy
        import torch
        from torch import nn

        class ResNet50_Weights(enum.Enum):
            IMAGENET1K_V1 = 1

            def transforms(self):
                return lambda image: torch.from_numpy(numpy.array(image.resize((9, 9)))).permute(2, 0, 1) / 255

        def resnet50():
            return nn.Sequential(
                nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)
            )
    """,
}
TRANSFORMERS = {
    "transformers.py": """
        from types import SimpleNamespace

        from torch import nn

        class GPT2Config:
            @classmethod
            def from_pretrained(cls, name):
                return cls()

        AutoConfig = GPT2Config

        class GPT2LMHeadModel(nn.Module):
            def __init__(self, config):
                super().__init__()
                self.wte, self.lm_head = nn.Embedding(257, 4), nn.Linear(4, 257)

            def forward(self, input_ids, attention_mask, use_cache):
                return SimpleNamespace(logits=self.lm_head(self.wte(input_ids) * attention_mask.unsqueeze(2)))

        class ViTForImageClassification(nn.Module):
            def __init__(self, config):
                super().__init__()
                self.patches, self.classifier = nn.Conv2d(3, 4, 16, 16), nn.Linear(4, 3)

            def forward(self, pictures):
                return SimpleNamespace(logits=self.classifier(self.patches(pictures).mean((2, 3))))
    """
}
MASKED = """
    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.enter, self.out = nn.Linear(4, 5), nn.Linear(5, 1)

        def forward(self, x):
            return self.out(torch.relu(self.enter(x["values"] * x["mask"])))

    def build():
        return Net()
"""


def imagenet(folder: Path) -> None:
    made.pictures(folder)
    (folder / "pictures").rename(folder / "imagenet")
    (folder / "imagenet/test").rename(folder / "imagenet/val")


def images(folder: Path) -> None:
    draw = np.random.default_rng(0)
    arrays: dict[str, np.ndarray] = {"classes": np.array(["a", "b", "c"])}
    for split, count in (("train", 12), ("test", 9)):
        arrays[f"{split}_images"] = draw.integers(0, 256, (count, 6, 6, 3), dtype=np.uint8)
        arrays[f"{split}_labels"] = np.arange(count) % 3
    folder.mkdir()
    write_arrays(folder / "data.npz", arrays)


def labelled(folder: Path) -> None:
    folder.mkdir()
    draw = np.random.default_rng(0)
    lines = ["path,label"]
    for n in range(20):
        Image.fromarray(draw.integers(0, 256, (9, 8, 3), dtype=np.uint8)).save(folder / f"{n}.png")
        lines.append(f"{n}.png,{'abc'[n % 3]}")
    (folder / "labels.csv").write_text("\n".join(lines), encoding="utf-8")


def novel(folder: Path) -> None:
    folder.mkdir()
    (folder / "text.txt").write_text("the cat sat on the mat; the dog did not. " * 60, encoding="utf-8")


@dataclass(frozen=True)
class Recipe:
    """A study.toml of the document, and what it needs besides.

    Attributes:
        name: in it.
        data: writes samples into a folder that is not there yet.
        net: source of net.py where the document leaves it to the reader.
        stand_ins: files beside it, name to source.
    """

    name: str
    data: Callable[[Path], None]
    net: str | None = None
    stand_ins: dict[str, str] | None = None


GREY = made.CONVOLUTIONS.replace("nn.Conv2d(3, 4, 3)", "nn.Conv2d(1, 4, 3)")
RECIPES = [
    Recipe("my-net", images, made.CONVOLUTIONS),
    Recipe("my-resnet", imagenet, stand_ins=TORCHVISION),
    Recipe("my-pictures", made.pictures, made.CONVOLUTIONS),
    Recipe("my-csv", labelled, GREY),
    Recipe("my-arrays", made.arrays, MASKED),
    Recipe("my-reviews", made.sentences, made.SENTENCES),
    Recipe("my-language-model", novel, stand_ins=TRANSFORMERS),
    Recipe("my-table", made.saved_data_set, stand_ins=TRANSFORMERS),
    Recipe("my-recommender", made.interactions, made.PAIRWISE),
    Recipe("my-detector", made.detection),
]


def written() -> dict[str, tuple[str, str | None]]:
    """Name of each study in the document to its study.toml and, where the next block is one, its net.py."""
    text = DOCUMENT.read_text(encoding="utf-8")
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", text, re.M | re.S)
    found: dict[str, tuple[str, str | None]] = {}
    for (language, source), (after, further) in zip(blocks, [*blocks[1:], ("", "")], strict=True):
        if language == "toml":
            name = re.findall(r'^name = "(.*)"', source)[0]
            found[name] = source, further if after == "python" else None
    return found


def test_every_study_of_the_document_is_tried_here() -> None:
    """But for the one of published figures, which has no network."""
    assert set(written()) - {"my-profile"} == {recipe.name for recipe in RECIPES}
    for toml, net in written().values():
        assert sum(bool(line.strip()) for line in f"{toml}{net or ''}".splitlines()) <= LINES


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_a_recipe_works_as_it_is_written(
    explore: Command,  # noqa: F811
    tmp_path: Path,
    recipe: Recipe,
) -> None:
    folder, plan = tmp_path / "own", tmp_path / "plan.json"
    recipe.data(folder)
    toml, net = written()[recipe.name]
    if recipe.name == "my-reviews":  # its tokenizer is the reader's own
        assert 'tokenizer = "tokenizer.json"' in toml
        toml = toml.replace("tokenizer.json", "bytes")
    assert (net is None) == (recipe.net is not None)
    source = (net or textwrap.dedent(recipe.net or "")).replace("/data/imagenet", str(folder / "imagenet"))
    (folder / "study.toml").write_text(toml, encoding="utf-8")
    (folder / "net.py").write_text(source, encoding="utf-8")
    for name, content in (recipe.stand_ins or {}).items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(textwrap.dedent(content), encoding="utf-8")
    write_weights(folder, toml)

    checked = explore("check", folder, "--json")
    assert checked.status == 0, checked.out + checked.err
    traces = explore("traces", "--study", folder, "--samples", 8, "--json").json
    assert all(np.isfinite(block["trace"]) for block in traces["blocks"])
    found = explore("frontier", "--study", folder, "--damage", "trace", "--budget-ratio", 6, "--out", plan)
    assert found.status == 0, found.err
    assert len(json.loads(plan.read_text(encoding="utf-8"))["blocks"]) == len(traces["blocks"])
    value = explore("evaluate", "--study", folder, "--plan", plan, "--json").json
    assert np.isfinite(value["loss"])


def write_weights(folder: Path, toml: str) -> None:
    """Those of a network that was never trained, as the file that study.toml names."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        tensors = Factories(folder).call("net.py:build").state_dict()
    (name,) = re.findall(r'^weights = "(.*?)"', toml, re.M)
    save_file(tensors, folder / name)
