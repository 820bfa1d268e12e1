"""What made a run's numbers: versions, threads, device, seed, machine and files.

The same question answered by another version of PyTorch, or by another number of threads, can differ in the last
digits: sums are taken in another order. Nothing here is part of a run's identity; it is recorded when a computation
begins.
"""

import os
import platform
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

PROJECT = "mixed-precision-explorer"


@dataclass(frozen=True)
class Provenance:
    """Who and what computed a run.

    Attributes:
        version: of this project; None where it runs from a folder that was never installed.
        commit: of the clone that it runs from, if it does.
        torch, numpy, python: versions; None of what was not loaded.
        threads: that PyTorch worked with.
        device: that the network lay on.
        seed: of every random draw.
        cpu: its name.
        system: operating system and machine type.
        files: weights and data that were used, by name, to the SHA-256 of the file.
        before: what earlier attempts ran with, where a run went on from their checkpoint with something else.
    """

    version: str | None = None
    commit: str | None = None
    torch: str | None = None
    numpy: str | None = None
    python: str | None = None
    threads: int | None = None
    device: str | None = None
    seed: int | None = None
    cpu: str | None = None
    system: str | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    before: tuple[str, ...] = ()

    @property
    def with_what(self) -> str:
        """What the last digits depend on, in words."""
        threads = "" if self.threads is None else f" on {self.threads} thread{'s' * (self.threads != 1)}"
        return f"torch {self.torch or 'unknown'}{threads}"

    def after(self, earlier: "Provenance") -> "Provenance":
        """This one for a run that goes on from where an earlier attempt came to."""
        same = earlier.with_what == self.with_what
        return replace(self, before=earlier.before if same else (*earlier.before, earlier.with_what))

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {**asdict(self), "before": list(self.before)}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Provenance":
        """What `to_json` gave, of this version or another."""
        return _PROVENANCE.validate_python(dict(content))


_PROVENANCE = TypeAdapter(Provenance)


def here(
    *, seed: int | None = None, device: str | None = None, files: Mapping[str, str] | None = None
) -> Provenance:
    """What this process computes with, as it is now; nothing is imported for it."""
    torch = sys.modules.get("torch")
    return Provenance(
        version=_version(),
        commit=_own_commit(),
        torch=None if torch is None else str(torch.__version__),
        numpy=None if (numpy := sys.modules.get("numpy")) is None else str(numpy.__version__),
        python=platform.python_version(),
        threads=None if torch is None else int(torch.get_num_threads()),
        device=device,
        seed=seed,
        cpu=_cpu(),
        system=f"{platform.system()} {platform.machine()}",
        files=dict(files or {}),
    )


def commit(folder: Path) -> str | None:
    """Commit that is checked out in a clone, read without running git; None where there is none."""
    git = folder / ".git"
    try:
        if git.is_file():  # a second work tree: the file says where its own part lies
            git = folder / git.read_text(encoding="utf-8").removeprefix("gitdir:").strip()
        head = (git / "HEAD").read_text(encoding="utf-8").strip()
        if not head.startswith("ref:"):
            return head or None
        name = head.removeprefix("ref:").strip()
        common = git / "commondir"
        shared = git / common.read_text(encoding="utf-8").strip() if common.is_file() else git
        for place in (git, shared):
            if (place / name).is_file():
                return (place / name).read_text(encoding="utf-8").strip()
        packed = (shared / "packed-refs").read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return None
    return next((line.split()[0] for line in packed if line.endswith(f" {name}")), None)


@cache
def _own_commit() -> str | None:
    return commit(Path(__file__).resolve().parents[2])


@cache
def _version() -> str | None:
    try:
        return metadata.version(PROJECT)
    except metadata.PackageNotFoundError:
        return None


@cache
def _cpu() -> str | None:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return named or platform.processor() or os.environ.get("PROCESSOR_IDENTIFIER") or None
