"""Memory that a process frees stays with it, so that the next tensor of a step finds it without page faults.

glibc maps every large block anew and gives it back when it is freed; a training step then meets thousands of pages that
the kernel has to clear first. Raised thresholds (mallopt(3), M_MMAP_THRESHOLD and M_TRIM_THRESHOLD) keep such blocks. A
process that computes one run and ends calls this once; where the C library is another, nothing happens.
"""

import ctypes
import platform

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_LARGE = 2**30
_NEVER = 2**31 - 1


def keep_freed_memory() -> bool:
    """Raise the thresholds; whether the C library took it."""
    if platform.libc_ver()[0] != "glibc":
        return False
    library = ctypes.CDLL(None)
    return bool(library.mallopt(_MMAP_THRESHOLD, _LARGE)) and bool(library.mallopt(_TRIM_THRESHOLD, _NEVER))
