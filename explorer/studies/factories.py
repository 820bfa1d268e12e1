"""Resolving the address of a factory: ``net.py:build`` beside a study.toml, or ``package.module:build``.

A factory is code. It is imported only for a study that the operator named on the command line or when
starting the app; nothing typed into a page reaches this module.
"""

import importlib
import importlib.util
import os
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any

from explorer.errors import StudyError


def resolve(address: str, folder: Path) -> Callable[..., Any]:
    """The function that ``address`` names.

    Args:
        address: ``FILE.py:function``, relative to ``folder``, or ``package.module:function``.
        folder: where the study.toml lies.

    Raises:
        StudyError: the address is malformed, or its file, module or function cannot be found or imported.
    """
    place, _, name = address.partition(":")
    if not place or not name.isidentifier():
        raise StudyError(f"the factory {address!r} must read FILE.py:function or package.module:function")
    module = _from_file(folder / place, address) if place.endswith(".py") else _from_package(place, address)
    function: Callable[..., Any] | None = getattr(module, name, None)
    if not callable(function):
        raise StudyError(f"the factory {address!r} was not found: {place} has no function {name}")
    return function


def _from_file(path: Path, address: str) -> ModuleType:
    if not os.path.isfile(path):  # which is False too for a name that no file can have
        raise StudyError(f"the factory {address!r} was not found: there is no file {path}")
    unique = f"explorer_study_{sha256(str(path.resolve()).encode()).hexdigest()[:12]}"
    spec = importlib.util.spec_from_file_location(unique, path)
    if spec is None or spec.loader is None:
        raise StudyError(f"the factory {address!r} cannot be imported: {path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[unique] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[unique]
        raise StudyError(f"importing {path} failed: {type(error).__name__}: {error}") from error
    return module


def _from_package(place: str, address: str) -> ModuleType:
    try:
        return importlib.import_module(place)
    except (Exception, SystemExit) as error:
        raise StudyError(
            f"the factory {address!r} cannot be imported: {type(error).__name__}: {error}"
        ) from error
