"""Reading the weights a person brings, without trusting the file.

safetensors is read directly. A ``.pt`` or ``.pth`` file is a pickle: its archive is checked first, then a
child process with a memory limit (on Linux; other systems do not keep one) reads it with ``weights_only=True`` and
writes the tensors as safetensors. Nothing from the file is ever executed, and a file built to exhaust memory ends the
child, not the app.
"""

import os
import re
import subprocess
import sys
import tempfile
import zipfile
from hashlib import sha256
from pathlib import Path
from typing import NoReturn

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from explorer import reading
from explorer.errors import StudyError
from explorer.reading.zipped import open_zip
from explorer.studies.headers import check_header

MAX_BYTES = 4 * 2**30
_FILE = reading.Kind("the weights file", MAX_BYTES, StudyError, "write it, or correct [model] weights")
_FOREIGN = re.compile(r"(?:GLOBAL|Unsupported class) ([\w.]+)")
_CHILD_SECONDS = 300
_CHILD_HEADROOM = 8 * 2**30  # address space that importing torch reserves, most of it never touched


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    digest = sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(2**20):
            digest.update(chunk)
    return digest.hexdigest()


def folded_sha256(sha256_of_file: str) -> str:
    """The identity of the weights of a file after batch norms were folded into them.

    Made of the file's and not of the folded numbers, whose last digits may differ between machines.
    """
    return sha256(f"{sha256_of_file} fold_batch_norms".encode()).hexdigest()


def read_weights(path: Path) -> dict[str, Tensor]:
    """The state dict in a ``.safetensors``, ``.pt`` or ``.pth`` file.

    A dict under the key ``state_dict`` or ``model`` is unwrapped, and the prefix ``module.`` is removed where
    every name has it, as ``DataParallel`` adds it.

    Raises:
        StudyError: the file is missing, too large, damaged, or not a state dict.
    """
    reading.checked(path, _FILE)
    if path.suffix == ".safetensors":
        return _unprefixed(_read_safetensors(path))
    if path.suffix in (".pt", ".pth", ".th"):
        return _unprefixed(_read_pickled(path))
    raise StudyError(f"the weights file {path} must end in .safetensors, .pt or .pth")


def load_into(network: nn.Module, tensors: dict[str, Tensor], source: str) -> None:
    """Copy a state dict into a network after checking names, shapes, types and finiteness.

    Raises:
        StudyError: anything differs; the sentence lists the difference.
    """
    wanted = network.state_dict()
    optional = {name for name in wanted if name.endswith("num_batches_tracked")}
    # A network whose own names all begin so lost them when the file was read, as if they were DataParallel's.
    if wanted and all(name.startswith("module.") for name in wanted):
        tensors = {f"module.{name}": tensor for name, tensor in tensors.items()}
    given = {wanted[name].data_ptr() for name in tensors if name in wanted}
    optional |= {name for name in wanted if wanted[name].data_ptr() in given}  # tied weights, stored once
    missing = [name for name in wanted if name not in tensors and name not in optional]
    unknown = [name for name in tensors if name not in wanted]
    if missing or unknown:
        parts = []
        if missing:
            parts.append(f"lacks {_listed(missing)}")
        if unknown:
            parts.append(f"has {_listed(unknown)}, which the network does not know")
        raise StudyError(f"{source} does not fit the network: it {' and '.join(parts)}")
    for name, tensor in tensors.items():
        if tensor.shape != wanted[name].shape:
            raise StudyError(
                f"{source}: {name} has shape {tuple(tensor.shape)} and the network needs "
                f"{tuple(wanted[name].shape)}"
            )
        if tensor.is_floating_point() != wanted[name].is_floating_point():
            raise StudyError(f"{source}: {name} is {tensor.dtype} and the network needs {wanted[name].dtype}")
        if tensor.is_floating_point() and not torch.isfinite(tensor.to(wanted[name].dtype)).all():
            raise StudyError(f"{source}: {name} holds a value that is not finite (NaN or infinity)")
    network.load_state_dict(tensors, strict=False)  # the names were compared above


def _unprefixed(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    if all(name.startswith("module.") for name in tensors):
        return {name.removeprefix("module."): tensor for name, tensor in tensors.items()}
    return tensors


def _listed(names: list[str], most: int = 4) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    check_header(path)
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError, TypeError, KeyError, RuntimeError, MemoryError) as error:
        described = reading.instead(path)
        reason = "its header and its data do not agree" if described is None else f"it {described}"
        raise StudyError(f"the weights file {path} is not a safetensors file: {reason}") from error


def _read_pickled(path: Path) -> dict[str, Tensor]:
    _check_archive(path)
    with tempfile.TemporaryDirectory() as folder:
        converted = Path(folder) / "weights.safetensors"
        try:
            child = subprocess.run(
                [sys.executable, "-m", "explorer.studies.weights", str(path.resolve()), str(converted)],
                capture_output=True,
                check=False,
                text=True,
                timeout=_CHILD_SECONDS,
                env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": _python_path()},
            )
        except subprocess.TimeoutExpired as error:
            raise StudyError(f"reading the weights file {path} took more than {_CHILD_SECONDS} s") from error
        if (
            child.returncode != 0
        ):  # it says why in its own words; what a library wrote while it died is not repeated
            described = reading.instead(path)
            ended = "it is damaged, or asks for more memory than a file of its size may"
            reason = f"it {described}" if described is not None else child.stdout.strip() or ended
            raise StudyError(f"the weights file {path} cannot be read as a plain state dict: {reason}")
        return load_file(converted)


def _check_archive(path: Path) -> None:
    """A torch archive stores its entries uncompressed; anything else is an attack or damage."""
    if not zipfile.is_zipfile(path):
        return  # the format before PyTorch 1.6: the child reads it under the same limits
    try:
        with open_zip(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, RuntimeError) as error:
        raise StudyError(f"the weights file {path} is a damaged archive; copy it again") from error
    if any(Path(entry.filename).name == "constants.pkl" for entry in entries):
        raise StudyError(
            f"the weights file {path} holds a TorchScript program; save model.state_dict() instead"
        )
    for entry in entries:
        if (
            entry.compress_type != zipfile.ZIP_STORED
            or ".." in entry.filename
            or entry.filename.startswith("/")
        ):
            raise StudyError(f"the weights file {path} is not a PyTorch archive (entry {entry.filename})")
    if sum(entry.file_size for entry in entries) > 2 * path.stat().st_size:
        raise StudyError(f"the weights file {path} claims more data than it holds")
    try:
        with zipfile.ZipFile(path) as archive:
            broken = archive.testzip()  # PyTorch's own reader does not look at the checksums
    except (zipfile.BadZipFile, ValueError, OSError, EOFError) as error:
        raise StudyError(f"the weights file {path} is damaged: {error}") from error
    if broken is not None:
        raise StudyError(
            f"the weights file {path} is damaged: its entry {broken} does not match its checksum; copy the file again"
        )


def _python_path() -> str:
    """Where the child finds this package, whatever folder the app was started in."""
    here = str(Path(__file__).resolve().parents[2])
    return os.pathsep.join(part for part in (here, os.environ.get("PYTHONPATH", "")) if part)


def _limit_memory(most_bytes: int) -> None:
    """Address space of this process, where the system keeps to it."""
    if sys.platform == "linux":
        import resource  # there is none on Windows

        resource.setrlimit(resource.RLIMIT_AS, (most_bytes, most_bytes))


def _convert(source: str, target: str) -> None:
    """Run in the child: limit memory, read tensors only, write safetensors."""
    _limit_memory(_CHILD_HEADROOM + 4 * Path(source).stat().st_size)
    content = torch.load(source, map_location="cpu", weights_only=True)
    for key in ("state_dict", "model"):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict) or not all(isinstance(v, Tensor) for v in content.values()):
        _end("it must hold a dict of names and tensors, as model.state_dict() gives")
    claimed = sum(tensor.numel() * tensor.element_size() for tensor in content.values())
    if (
        claimed > 4 * Path(source).stat().st_size
    ):  # a stride of 0 makes a few bytes look like any number of them
        _end("it claims more data than it holds")
    save_file({str(name): tensor.clone().contiguous() for name, tensor in content.items()}, target)


def _explained(error: Exception) -> str:
    """Why a file was refused, in words of our own: PyTorch advises to load it in a way that executes it."""
    if found := _FOREIGN.search(str(error)):
        return (
            f"it holds more than tensors ({found[1]}), as a whole model does; save model.state_dict() instead"
        )
    if isinstance(error, MemoryError) or "alloc" in str(error):
        return "it asks for more memory than a file of its size may"
    return "it is damaged, or no file that torch.save writes"


def _end(reason: str) -> NoReturn:
    print(reason)
    raise SystemExit(1)


if __name__ == "__main__":
    try:
        _convert(sys.argv[1], sys.argv[2])
    except Exception as error:
        _end(_explained(error))
