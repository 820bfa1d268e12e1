"""Where networks run: this computer's processor, or an accelerator that PyTorch finds.

A device is named in code or by a command's ``--device``, otherwise by ``EXPLORER_DEVICE``, which workers take over from
who starts them, otherwise it is the processor. It is how a run is carried out and no part of what was asked: the run
records where it was computed (`runs.provenance`), and the same question asked with another device is the same run.
"""

import os
import re

from explorer.errors import DeviceError

VARIABLE = "EXPLORER_DEVICE"
CPU, AUTO = "cpu", "auto"
SPELLED = "auto, cpu, cuda, cuda:N or mps"
_NAMES = re.compile(r"auto|cpu|mps|cuda(:\d{1,3})?")


def available() -> tuple[str, ...]:
    """Every device that there is, the processor first."""
    return (CPU, *(f"cuda:{number}" for number in range(_gpus())), *(["mps"] if _has_mps() else []))


def chosen(named: str | None = None) -> str:
    """The device that is named, or the usual one: ``cpu``, ``cuda:N`` or ``mps``.

    Args:
        named: also ``auto``, which is the first accelerator that there is, else the processor, and ``cuda``, the first
            GPU.

    Raises:
        DeviceError: there is no such device, or what is named is none.
    """
    name = (named or os.environ.get(VARIABLE) or CPU).strip().lower()
    if not _NAMES.fullmatch(name):
        where = "" if named else f", which {VARIABLE} says"
        raise DeviceError(f"{name!r}{where} is no device; use {SPELLED}")
    if name == CPU:
        return CPU
    there = available()
    if name == AUTO:
        return there[1] if len(there) > 1 else CPU
    wanted = "cuda:0" if name == "cuda" else name
    if wanted not in there:
        raise DeviceError(f"{name} is not available: {_why(name, there)}, use --device cpu")
    return wanted


def _why(name: str, there: tuple[str, ...]) -> str:
    import torch

    if name == "mps":
        return "PyTorch finds no Apple GPU on this computer"
    gpus = [each for each in there if each.startswith("cuda")]
    if gpus:
        return f"this computer has {', '.join(gpus)}"
    if torch.version.cuda is None and torch.version.hip is None:
        return f"this PyTorch ({torch.__version__}) is built without CUDA"
    return "PyTorch finds no GPU on this computer"


def _gpus() -> int:
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def _has_mps() -> bool:
    import torch

    return torch.backends.mps.is_available()
