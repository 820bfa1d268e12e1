"""The examples in docstrings give what they say."""

import doctest
import importlib
import pkgutil

import explorer


def test_examples_in_docstrings_are_right() -> None:
    found = [
        doctest.testmod(importlib.import_module(module.name))
        for module in pkgutil.walk_packages(explorer.__path__, "explorer.")
        if not module.name.endswith("__main__")
        and ".migrations." not in module.name  # those act when imported
    ]
    assert sum(each.failed for each in found) == 0
    assert sum(each.attempted for each in found) > 0
