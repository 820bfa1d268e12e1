"""The source a network is built by: the factory's file, with every file it imports from beside it.

Imports are read from the text, transitively, those inside functions included; ``importlib.import_module`` with a
computed name is seen only if it is called while the study is loaded. Each file is read once: what is hashed is what is
run. The name of a file counts from the folder it was found in, so that a study may move.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path

from explorer.studies.identity.origin import Stamp, stamp


class Sources:
    """Source files below some folders.

    Attributes:
        roots: folders that imports are looked for in, the first one first.
    """

    def __init__(self, root: Path) -> None:
        self.roots = [root.resolve()]
        self._read: dict[Path, bytes] = {}
        self._stamps: dict[Path, Stamp] = {}

    def add_root(self, root: Path) -> None:
        """Look for imports in another folder too, after those that are known."""
        if root.resolve() not in self.roots:
            self.roots.append(root.resolve())

    def read(self, path: Path) -> bytes:
        """Content of a file, the same however often it is asked for."""
        path = path.resolve()
        if path not in self._read:
            self._stamps[path] = stamp(path)
            self._read[path] = path.read_bytes()
        return self._read[path]

    def locate(self, dotted: str, roots: Iterable[Path] | None = None) -> Path | None:
        """File of a module or of a package's ``__init__``, by its dotted name below a root."""
        for root in self.roots if roots is None else roots:
            place = root.joinpath(*dotted.split("."))
            for file in (place / "__init__.py", place.with_name(f"{place.name}.py")):
                if file.is_file():
                    return file
        return None

    def folders(self, name: str, roots: Iterable[Path] | None = None) -> list[Path]:
        """Folders of this name with source files but without ``__init__``, which make one package together."""
        places = [root / name for root in (self.roots if roots is None else roots)]
        return [place for place in places if place.is_dir() and any(place.glob("*.py"))]

    def follow(self, file: Path, *, within: Path | None = None) -> None:
        """Read a file and all that it imports from the roots, or from one folder below them."""
        waiting, seen = [file.resolve()], set()
        while waiting:
            now = waiting.pop()
            if now in seen or (within is not None and not now.is_relative_to(within)):
                continue
            seen.add(now)
            for dotted in _imported(self.read(now), self._package(now)):
                found = self.locate(dotted)
                if found is not None:
                    waiting.append(found.resolve())

    @property
    def hashes(self) -> Mapping[str, str]:
        """Name of every file read to the SHA-256 of its content."""
        return {self._name(path): sha256(content).hexdigest() for path, content in sorted(self._read.items())}

    @property
    def stamps(self) -> tuple[Stamp, ...]:
        """The files as they were found."""
        return tuple(self._stamps.values())

    def _name(self, path: Path) -> str:
        root = next((root for root in self.roots if path.is_relative_to(root)), path.parent)
        return path.relative_to(root).as_posix()

    def _package(self, path: Path) -> tuple[str, ...]:
        """Names of the packages that a file lies in."""
        return tuple(self._name(path).split("/")[:-1])


def _imported(source: bytes, package: tuple[str, ...]) -> Iterator[str]:
    """Dotted names that a source may import, packages on the way included."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return  # whoever imports it says what is wrong
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            kept = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join([*kept, *filter(None, [node.module])])
            names = [base, *(f"{base}.{alias.name}".lstrip(".") for alias in node.names)]
        else:
            continue
        for name in filter(None, names):
            parts = name.split(".")
            yield from (".".join(parts[:count]) for count in range(1, len(parts) + 1))
