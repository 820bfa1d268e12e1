"""Artifacts, known by their content: tensors and other bytes that a run leaves behind.

`ArtifactStore` is what the rest of the project asks of a place for them, `ArtifactFolder` a place on the disk. There, a
file's name is the SHA-256 of what it holds, ``ab/cdef...`` under the folder. It is written to a temporary name, flushed
to the disk and renamed, so a reader sees all of it or nothing; what is read is hashed again, so a damaged file is
reported instead of used, and can be set aside: it goes to the folder ``quarantine`` beside, under its hash. Tensors are
safetensors, never pickle.
"""

import errno
import hashlib
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from explorer import files
from explorer.errors import RunError
from explorer.runs.keeping import private

if TYPE_CHECKING:  # torch takes seconds to import; the store and a small worker do without it
    import numpy as np
    from torch import Tensor


_NAME = re.compile(r"[0-9a-f]{64}")
_EMPTY = hashlib.sha256(b"").hexdigest()


class ArtifactDamaged(RunError):
    """What was put under a hash is not there any more, or is something else."""


class ArtifactStore(Protocol):
    """A place for artifacts: four operations on bytes, and what follows from them for tensors.

    Who subclasses it brings the four. All must be safe to call from several threads and processes at once.
    """

    def put_bytes(self, data: bytes) -> str:
        """Keep ``data``; its SHA-256. Bytes that are there already, undamaged, are left alone."""
        ...

    def get_bytes(self, sha256: str) -> bytes:
        """What was put under this hash; ArtifactDamaged naming it if it is missing or something else."""
        ...

    def has(self, sha256: str) -> bool:
        """Whether there is something under this hash; it is not read."""
        ...

    def remove(self, sha256: str) -> None:
        """Forget what is under this hash. The store calls it for what no run refers to any more."""
        ...

    def set_aside(self, sha256: str) -> None:
        """Let what is damaged under this hash be out of the way; where a person may look at it, if that is possible."""
        self.remove(sha256)

    def put_tensors(self, tensors: "Mapping[str, Tensor | np.ndarray]") -> str:
        """Keep named tensors; the hash that `get_tensors` takes."""
        return self.put_bytes(encode_tensors(tensors))

    def get_tensors(self, sha256: str) -> "dict[str, Tensor]":
        """The tensors put under this hash, on the CPU, with their names, dtypes and shapes."""
        from safetensors.torch import load

        return load(self.get_bytes(sha256))

    def get_arrays(self, sha256: str) -> "dict[str, np.ndarray]":
        """The tensors put under this hash, as NumPy arrays and without importing torch."""
        from safetensors.numpy import load

        return load(self.get_bytes(sha256))


class ArtifactFolder(ArtifactStore):
    """The content-addressed files under ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def quarantine(self) -> Path:
        """Where damaged files are set aside."""
        return self.folder.with_name("quarantine")

    def path(self, sha256: str) -> Path:
        """Where the file with this hash is, if it is there; RunError if this is no hash."""
        if not _NAME.fullmatch(sha256):  # a damaged record must not name files elsewhere
            raise ArtifactDamaged(f"The record names a file {sha256[:80]!r}, which is no SHA-256.")
        return self.folder / sha256[:2] / sha256[2:]

    def put_bytes(self, data: bytes) -> str:
        """Keep ``data``; its SHA-256. An intact copy is left alone, a damaged one is replaced."""
        sha256 = hashlib.sha256(data).hexdigest()
        path = self.path(sha256)
        if path.exists() and _hash(path) == sha256:
            return sha256
        try:
            try:
                private.make_folder(path.parent)
                files.write(path, data, mode=private.FILE)
            except FileNotFoundError:  # an empty folder, swept just now
                private.make_folder(path.parent)
                files.write(path, data, mode=private.FILE)
        except OSError as error:
            raise RunError(
                f"{path} cannot be written ({error.strerror}); make room or check EXPLORER_HOME."
            ) from error
        return sha256

    def get_bytes(self, sha256: str) -> bytes:
        """What was put under this hash; ArtifactDamaged naming the file if it is missing or something else."""
        path = self.path(sha256)
        try:
            data = path.read_bytes()
        except OSError as error:
            gone = isinstance(error, FileNotFoundError) or error.errno == errno.EIO
            raise (ArtifactDamaged if gone else RunError)(
                f"The file {path} cannot be read ({error.strerror}); ask for its run again."
            ) from error
        if hashlib.sha256(data).hexdigest() != sha256:
            raise ArtifactDamaged(f"The file {path} is damaged; ask for its run again.")
        return data

    def has(self, sha256: str) -> bool:
        """Whether there is a file with this hash that holds something; it is not read."""
        try:
            size = self.path(sha256).stat().st_size
        except OSError:
            return False
        return size > 0 or sha256 == _EMPTY

    def remove(self, sha256: str) -> None:
        """Delete the file with this hash, if there is one."""
        self.path(sha256).unlink(missing_ok=True)

    def set_aside(self, sha256: str) -> None:
        """Move the file with this hash to the quarantine, if there is one."""
        private.make_folder(self.quarantine)
        with suppress(FileNotFoundError):  # nothing there, or someone else was faster
            self.path(sha256).replace(self.quarantine / sha256)


def encode_tensors(tensors: "Mapping[str, Tensor | np.ndarray]") -> bytes:
    """Named tensors as the bytes of a safetensors file; all NumPy arrays or all torch tensors."""
    import numpy as np

    if all(isinstance(value, np.ndarray) for value in tensors.values()):
        from safetensors.numpy import save as save_arrays

        return save_arrays({name: np.array(value, order="C") for name, value in tensors.items()})
    import torch
    from safetensors.torch import save

    for name, value in tensors.items():
        if not isinstance(value, torch.Tensor):
            raise RunError(
                f"{name!r} is a {type(value).__name__} among tensors; put numbers in the state instead."
            )
    # A copy each: safetensors takes neither strided views nor two names for one memory.
    own = {
        name: torch.as_tensor(value).detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, value in tensors.items()
    }
    return save(own)


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
