"""Regular files of a bounded size: no folder, no device, no pipe, no more bytes than the kind of file may have."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from explorer.errors import ExplorerError

LONGEST_PATH = 4096


@dataclass(frozen=True)
class Kind:
    """What is read.

    Attributes:
        noun: begins every sentence: "the plan".
        most_bytes: a larger one is refused before it is read.
        refusal: the error that says what is wrong.
        advice: what to do about a path that leads to no such file.
        mend: what to do about content that is not as it should be.
        absent: said of a path where there is nothing; ``{path}`` stands for it.
    """

    noun: str
    most_bytes: int
    refusal: type[ExplorerError]
    advice: str
    mend: str = "mend it"
    absent: str = ""

    def refuse(self, problem: str, cause: BaseException | None = None) -> NoReturn:
        """Raise the kind's error: the noun, then the problem."""
        raise self.refusal(f"{self.noun} {problem}") from cause


def checked(path: Path, kind: Kind) -> os.stat_result:
    """What the system says of a regular file that is not too large.

    Raises:
        ExplorerError: of the kind: it is something else, or larger.
    """
    try:
        found = path.stat()
    except FileNotFoundError as error:
        absent = kind.absent.format(path=path) if kind.absent else f"{kind.noun} {path} does not exist"
        raise kind.refusal(f"{absent}; {kind.advice}") from error
    except (OSError, ValueError) as error:
        kind.refuse(f"{path} cannot be read ({_reason(error)}); {kind.advice}", error)
    if not stat.S_ISREG(found.st_mode):
        what = "is a folder" if stat.S_ISDIR(found.st_mode) else "is no regular file"
        kind.refuse(f"{path} cannot be read (it {what}); {kind.advice}")
    if not os.access(path, os.R_OK):
        kind.refuse(f"{path} cannot be read (permission denied); {kind.advice}")
    if found.st_size > kind.most_bytes:
        kind.refuse(f"{path} is larger than {size(kind.most_bytes)}; {kind.advice}")
    return found


def read_bytes(path: Path, kind: Kind) -> bytes:
    """All of a file.

    Raises:
        ExplorerError: of the kind: it is no regular file, too large, or cannot be read.
    """
    checked(path, kind)
    try:
        with path.open("rb") as stream:
            content = stream.read(kind.most_bytes + 1)  # it may grow, and what /proc holds has no size
    except OSError as error:
        kind.refuse(f"{path} cannot be read ({_reason(error)}); {kind.advice}", error)
    if len(content) > kind.most_bytes:
        kind.refuse(f"{path} is larger than {size(kind.most_bytes)}; {kind.advice}")
    return content


def read_text(path: Path, kind: Kind) -> str:
    """All of a text file.

    Raises:
        ExplorerError: as `read_bytes`, or it is no text in UTF-8.
    """
    return text_of(read_bytes(path, kind), kind, of=f" {path}")


def text_of(content: bytes, kind: Kind, *, of: str = "") -> str:
    """The text in bytes that may have come by another way than a file; a mark of their order is taken off.

    Raises:
        ExplorerError: of the kind: there are too many, or they are no UTF-8.
    """
    if len(content) > kind.most_bytes:
        raise kind.refusal(f"{kind.noun}{of} is larger than {size(kind.most_bytes)}; {kind.mend}")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise kind.refusal(f"{kind.noun}{of} is not text in UTF-8; save it as UTF-8") from error


def size(count: int) -> str:
    """A limit in words: 5 MB."""
    for unit, name in ((2**30, "GiB"), (10**6, "MB"), (10**3, "kB")):
        if count >= unit:
            return f"{count / unit:.3g} {name}"
    return f"{count} bytes"


def _reason(error: OSError | ValueError) -> str:
    """The system's words; a ValueError is a path with a NUL in it."""
    return (
        error.strerror or type(error).__name__ if isinstance(error, OSError) else "a name cannot hold a NUL"
    )
