"""A module's dotted name leads to the module."""

import importlib
import pkgutil
import sys

import explorer


def test_no_package_exports_a_name_that_is_also_one_of_its_submodules() -> None:
    """`import explorer.a.b as b` gives what the package binds to b; a function of that name would hide the module."""
    hidden = set()
    for found in pkgutil.walk_packages(explorer.__path__, "explorer."):
        if found.name.endswith("__main__") or ".migrations." in found.name:  # those act when imported
            continue
        module = importlib.import_module(found.name)
        package, _, name = found.name.rpartition(".")
        if getattr(sys.modules[package], name) is not module:
            hidden.add(found.name)
    assert not hidden, f"hidden by what their package exports: {sorted(hidden)}"
