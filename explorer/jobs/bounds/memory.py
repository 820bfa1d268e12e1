"""Memory that did not suffice: how that is recognised, and the sentence that says what to choose instead.

Python says MemoryError; PyTorch raises a RuntimeError from its allocator, or an OutOfMemoryError of a GPU; the system
ends the process, which its guard sees (`explorer.jobs.launching.guard`); and a worker that holds more than
EXPLORER_MEMORY_LIMIT ends itself (`explorer.jobs.bounds.attempt`).
"""

import os
import sys

from explorer.jobs import registry
from explorer.jobs.bounds.units import bytes_of

VARIABLE = "EXPLORER_MEMORY_LIMIT"

_SAID_BY_TORCH = ("can't allocate memory", "not enough memory", "CUDA out of memory")


def limit() -> int | None:
    """Bytes that a worker may hold; None where there is no limit but the machine's.

    Raises:
        RunError: EXPLORER_MEMORY_LIMIT is no size.
    """
    told = os.environ.get(VARIABLE, "").strip()
    return bytes_of(told, VARIABLE) if told else None


def is_short(error: BaseException) -> bool:
    """Whether an exception means that memory did not suffice."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _SAID_BY_TORCH)


def sentence(kind: str, what: str) -> str:
    """That memory did not suffice, and what to lower; ``what`` says how it showed."""
    lighter = registry.kind(kind).question.lighter if registry.known(kind) else ""
    choose = f"choose {lighter}, or use" if lighter else "use"
    return f"Out of memory: {what}; {choose} a machine with more memory."


def gigabytes(size: int) -> str:
    """Bytes in words."""
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.0f} MB"


def resident() -> int:
    """Bytes of memory that this process holds now."""
    import psutil

    return int(psutil.Process().memory_info().rss)


def peak() -> int:
    """Bytes of memory that this process held at most; what it holds now where the system does not tell."""
    try:
        import resource
    except ImportError:
        return resident()
    return in_bytes(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def in_bytes(most: int) -> int:
    """Bytes of what getrusage calls the largest resident size: kilobytes on Linux, bytes on macOS."""
    return most if sys.platform == "darwin" else most * 1024
