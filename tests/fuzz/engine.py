"""Put many inputs to a target, in a process of its own, and count what came of them.

    python -m tests.fuzz.engine toml 1000

prints one JSON object. Several kinds, as ``toml plan``, share the process, and print one line each. An input may be
taken or refused by an `ExplorerError`, whose message is one printable line of at most 300 characters; all else is a
fault, recorded with the number that makes the input again. The address space is limited, so that an input without bound
ends in a MemoryError and not in the machine's end.
"""

import json
import resource
import sys
import time
import traceback
from dataclasses import asdict, dataclass, field

import psutil

from explorer.errors import ExplorerError
from tests.fuzz.targets import TARGETS

MOST_CHARACTERS = 300
MOST_MEMORY = 500_000_000  # bytes above what the process had after its first input
_ROOM = 6 * 2**30  # address space beyond what is reserved at the start


@dataclass
class Count:
    """What came of the inputs of one target.

    Attributes:
        seconds: processor time, of children too.
        slowest: of one input.
        memory: most bytes that were resident above the base.
        faults: number of the input to what was wrong.
    """

    kind: str
    inputs: int = 0
    taken: int = 0
    refused: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    slowest_number: int = -1
    memory: int = 0
    faults: dict[int, str] = field(default_factory=dict)


def fuzz(kind: str, inputs: int, first: int = 0) -> Count:
    """Run ``inputs`` inputs of a kind, numbered from ``first``."""
    found, process = Count(kind), psutil.Process()
    put(kind, first, found)  # loads what loads lazily
    found = Count(kind)
    base = process.memory_info().rss
    reserved = process.memory_info().vms
    resource.setrlimit(resource.RLIMIT_AS, (reserved + _ROOM, resource.getrlimit(resource.RLIMIT_AS)[1]))
    started = time.monotonic()
    before = _peak()
    for number in range(first, first + inputs):
        begun = _time()
        put(kind, number, found)
        took = _time() - begun
        if took > found.slowest:
            found.slowest, found.slowest_number = round(took, 3), number
        found.memory = max(found.memory, process.memory_info().rss - base)
    found.memory = max(found.memory, (_peak() - max(before, base)) if _peak() > before else 0)
    found.seconds = round(time.monotonic() - started, 1)
    return found


def put(kind: str, number: int, found: Count) -> None:
    """Put one input to its target, and count what came of it."""
    found.inputs += 1
    try:
        TARGETS[kind].run(number)
    except ExplorerError as error:
        found.refused += 1
        message = str(error)
        if len(message) > MOST_CHARACTERS or not message.isprintable() or not message:
            found.faults[number] = f"says {message[:400]!r}"
    except BaseException as error:
        found.faults[number] = (
            f"{type(error).__name__}: {str(error)[:200]} at {traceback.extract_tb(error.__traceback__)[-1]}"
        )
    else:
        found.taken += 1


def _time() -> float:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    *kinds, inputs = sys.argv[1:]
    for kind in kinds:
        print(json.dumps(asdict(fuzz(kind, int(inputs)))))
