"""A study of one's own with data of any kind: its files are written, its weights are those of a seed."""

import textwrap
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn


def write_study(
    folder: Path, *, net: str, data: str, loss: str = 'kind = "cross_entropy"', task: str = "", seed: int = 0
) -> Path:
    """Write study.toml, net.py and weights.safetensors; the folder.

    Args:
        net: source with a function ``build``.
        data, loss, task: lines of the sections.
    """
    folder.mkdir(parents=True, exist_ok=True)
    source = textwrap.dedent(net)
    (folder / "net.py").write_text(source, encoding="utf-8")
    names: dict[str, object] = {"__name__": "net"}
    exec(source, names)
    build = names["build"]
    assert callable(build)
    network: nn.Module = build()
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=draw) * 0.3)
    tensors = {name: value.clone().contiguous() for name, value in network.state_dict().items()}
    save_file(tensors, folder / "weights.safetensors")
    (folder / "study.toml").write_text(
        f'name = "own"\n[model]\nfactory = "net.py:build"\nweights = "weights.safetensors"\n[data]\n'
        f"{textwrap.dedent(data)}\n[loss]\n{loss}\n{task}\n",
        encoding="utf-8",
    )
    return folder
