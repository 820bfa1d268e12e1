"""The small network with attention as a study: trained on all of Fashion-MNIST, in a folder like anybody's own study.

The recipe is that of the built-in studies (`explorer.studies.shipped.pretraining`) with a lower learning rate, as
networks of layer norms want it; the images are the 10,000 and 5,000 that the built-in studies have.
"""

import shutil
from pathlib import Path

from safetensors.torch import save_file

from benchmarks.trainings import attention_net
from explorer.studies.shipped import fashion
from explorer.studies.shipped.making import pack, subset
from explorer.studies.shipped.pretraining import Recipe, pretrain

NAME = "fashion-attention"
RECIPE = Recipe(epochs=8, learning_rate=0.03, weight_decay=1e-4)

_TOML = f"""name = "{NAME}"

[model]
factory = "net.py:build"
weights = "weights.safetensors"

[data]
path = "data.npz"
mean = [{fashion.MEAN[0]:.4f}]
std = [{fashion.STD[0]:.4f}]
"""


def make(folder: Path) -> Path:
    """Train the network if the folder is not there yet; path of its study.toml.

    Raises:
        StudyError: Fashion-MNIST is not on this computer.
    """
    toml = folder / "study.toml"
    if toml.is_file():
        return toml
    arrays = fashion.read_folder(fashion.find_folder())
    network = pretrain(attention_net.build, arrays, RECIPE)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(
        {key: value.contiguous() for key, value in network.state_dict().items()},
        folder / "weights.safetensors",
    )
    shutil.copyfile(attention_net.__file__, folder / "net.py")
    pack(subset(arrays), folder / "data.npz")
    toml.write_text(_TOML, encoding="utf-8")
    return toml
