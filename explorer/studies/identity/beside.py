"""Modules of a study's folder, imported under names of their own.

``import helper`` in net.py finds helper.py beside it, as it would in a script. Python's own list of modules has it as
``explorer_study_<hash>.helper``, the hash being one of place and content: two studies may each have a helper.py, an
edited one is never mixed with the one before, and ``sys.path`` stays as it is. Compiled files are not used: Python
tells those apart by second and size, which an edit may leave as they were.
"""

import builtins
import importlib
import importlib.util
import sys
from collections.abc import Mapping, Sequence
from hashlib import sha256
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from explorer.studies.identity.sources import Sources

_PREFIX = "explorer_study_"
_NEVER_OWN = sys.stdlib_module_names | {"explorer"}


class Beside:
    """The modules that one factory's file imports from beside it."""

    def __init__(self, sources: Sources, file: Path) -> None:
        self.sources = sources
        self._file = file
        sources.add_root(file.parent)
        sources.follow(file)
        content = "".join(f"{name} {hashed}\n" for name, hashed in sources.hashes.items())
        self.package = _PREFIX + sha256(f"{file.resolve()}\n{content}".encode()).hexdigest()[:16]
        self.builtins: dict[str, Any] = {**vars(builtins), "__import__": self._import}

    def load(self) -> ModuleType:
        """The factory's module, run anew with all that it imports; raises what that raises."""
        for name in [each for each in sys.modules if each.partition(".")[0] == self.package]:
            del sys.modules[name]
        root = ModuleType(self.package)
        root.__path__ = [str(each) for each in self.sources.roots]
        sys.modules[self.package] = root
        _KNOWN[self.package] = self
        stem = self._file.stem if self._file.stem.isidentifier() else "factory"
        spec = self.spec(f"{self.package}.{stem}", self._file)
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        assert spec.loader is not None
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[spec.name]
            raise
        return module

    def spec(self, name: str, file: Path) -> ModuleSpec:
        """How the machinery of imports is to load a file as a module."""
        inside = [str(file.parent)] if file.name == "__init__.py" else None
        spec = importlib.util.spec_from_file_location(
            name, file, loader=_Loader(name, str(file), self), submodule_search_locations=inside
        )
        assert spec is not None
        return spec

    def _import(
        self,
        name: str,
        globals: Mapping[str, object] | None = None,
        locals: Mapping[str, object] | None = None,
        fromlist: Sequence[str] = (),
        level: int = 0,
    ) -> ModuleType:
        """What an import statement in a module from beside does: those beside first, but for Python's own."""
        top = name.partition(".")[0]
        if level or not self._has(top):
            return builtins.__import__(name, globals, locals, fromlist, level)
        full = f"{self.package}.{name}"
        if fromlist:
            return builtins.__import__(full, globals, locals, fromlist, 0)
        importlib.import_module(full)
        return sys.modules[f"{self.package}.{top}"]

    def _has(self, top: str) -> bool:
        """Whether a name means something beside: a folder without ``__init__`` does where nothing else has the name."""
        if top in _NEVER_OWN:
            return False
        if self.sources.locate(top) is not None:
            return True
        return bool(self.sources.folders(top)) and importlib.util.find_spec(top) is None


class _Loader(SourceFileLoader):
    """Runs what was hashed, in the surroundings of its study."""

    def __init__(self, name: str, path: str, beside: Beside) -> None:
        super().__init__(name, path)
        self._beside = beside

    def get_code(self, fullname: str) -> CodeType:
        source = self._beside.sources.read(Path(self.path))
        code: CodeType = compile(source, self.path, "exec", dont_inherit=True)
        return code

    def exec_module(self, module: ModuleType) -> None:
        module.__dict__["__builtins__"] = self._beside.builtins
        super().exec_module(module)


class _Finder(MetaPathFinder):
    """Finds modules of studies' folders, by the names that `Beside` gives them, and nothing else."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        beside = _KNOWN.get(fullname.partition(".")[0])
        if beside is None:
            return None
        roots, name = [Path(each) for each in path or ()], fullname.rpartition(".")[2]
        file = beside.sources.locate(name, roots)
        if file is not None:
            return beside.spec(fullname, file)
        folders = beside.sources.folders(name, roots)
        if not folders:
            return None
        spec = ModuleSpec(fullname, None, is_package=True)
        spec.submodule_search_locations = [str(folder) for folder in folders]
        return spec


_KNOWN: dict[str, Beside] = {}
sys.meta_path.insert(0, _Finder())
