"""Resolving the address of a factory: ``net.py:build`` beside a study.toml, or ``package.module:build``.

A factory is code. It is imported only for a study that the operator named on the command line or when
starting the app; nothing typed into a page reaches this module.

What is imported is hashed, as a part of what the study is: of a file beside the study, that file and all it imports
from beside it; of an installed package, the module with those in and below its folder that it imports.
"""

import importlib
import importlib.util
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from explorer.errors import StudyError
from explorer.studies.identity.beside import Beside
from explorer.studies.identity.origin import Stamp
from explorer.studies.identity.sources import Sources


class Factories:
    """The factories of one study.

    Args:
        folder: where the study.toml lies.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sources = [Sources(folder)]

    def resolve(self, address: str) -> Callable[..., Any]:
        """The function that ``address`` names.

        Args:
            address: ``FILE.py:function``, relative to the folder, or ``package.module:function``.

        Raises:
            StudyError: the address is malformed, or its file, module or function cannot be found or imported.
        """
        place, _, name = address.partition(":")
        if not place or not name.isidentifier():
            raise StudyError(f"the factory {address!r} must read FILE.py:function or package.module:function")
        beside = place.endswith(".py")
        module = self._from_file(self._folder / place, address) if beside else _from_package(place, address)
        function: Callable[..., Any] | None = getattr(module, name, None)
        if not callable(function):
            raise StudyError(f"the factory {address!r} was not found: {place} has no function {name}")
        if not beside:
            self._sources.append(_package_sources(module, function))
        return function

    def call(self, address: str) -> Any:
        """What the function returns, called without an argument.

        Raises:
            StudyError: as `resolve`, or it failed.
        """
        function = self.resolve(address)
        try:
            return function()
        except KeyboardInterrupt:  # of whoever waits for it
            raise
        except BaseException as error:  # a factory may raise anything
            raise StudyError(f"the factory {address!r} failed: {type(error).__name__}: {error}") from error

    @property
    def code(self) -> Mapping[str, str]:
        """Every source file that was used so far to the SHA-256 of its content."""
        return {name: hashed for sources in self._sources for name, hashed in sources.hashes.items()}

    @property
    def stamps(self) -> tuple[Stamp, ...]:
        """The same files as they were found."""
        return tuple(stamp for sources in self._sources for stamp in sources.stamps)

    def _from_file(self, path: Path, address: str) -> ModuleType:
        if not os.path.isfile(path):  # which is False too for a name that no file can have
            raise StudyError(f"the factory {address!r} was not found: there is no file {path}")
        try:
            return Beside(self._sources[0], path).load()
        except KeyboardInterrupt:  # of whoever waits for it
            raise
        except BaseException as error:
            raise StudyError(f"importing {path} failed: {type(error).__name__}: {error}") from error


def _from_package(place: str, address: str) -> ModuleType:
    try:
        return importlib.import_module(place)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise StudyError(
            f"the factory {address!r} cannot be imported: {type(error).__name__}: {error}"
        ) from error


def _package_sources(module: ModuleType, function: Callable[..., Any]) -> Sources:
    """Sources of an installed module, and of the one that defines the function if it is of the same package.

    Raises:
        StudyError: a file was edited after this process imported it, so that it is not what runs.
    """
    top = module.__name__.partition(".")[0]
    defining = sys.modules.get(getattr(function, "__module__", None) or "", module)
    own = [each for each in (module, defining) if each.__name__.partition(".")[0] == top]
    files = [Path(each.__file__).resolve() for each in own if each.__file__ is not None]
    if not files:  # built in, or made in memory: its outputs alone tell
        return Sources(Path())
    depth = module.__name__.count(".") + (files[0].name == "__init__.py")
    sources = Sources(files[0].parents[depth])
    for file in files:
        if "." in module.__name__ or file.name == "__init__.py":
            sources.follow(file, within=file.parent)
        else:  # beside a module outside every package lies whatever else is installed
            sources.read(file)
    for name, hashed in sources.hashes.items():
        if _IMPORTED.setdefault(str(sources.roots[0] / name), hashed) != hashed:
            raise StudyError(
                f"{name} was edited after it was imported; start this program again to use what it says now"
            )
    return sources


_IMPORTED: dict[str, str] = {}  # installed files by what they held when they were first used here
