"""Modules beside a study are imported as in a script, seen by that study alone."""

import sys
from pathlib import Path

import pytest

from explorer.errors import StudyError
from explorer.studies.factories import Factories


def write(folder: Path, **files: str) -> Path:
    for name, content in files.items():
        path = folder.joinpath(*name.split("__")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return folder


def call(folder: Path, address: str = "net.py:build") -> object:
    return Factories(folder).resolve(address)()


def test_two_studies_may_each_have_a_helper(tmp_path: Path) -> None:
    before = list(sys.path)
    for name in ("a", "b"):
        write(
            tmp_path / name,
            net="import helper\n\ndef build():\n    return helper.VALUE\n",
            helper=f"VALUE = {name!r}\n",
        )
    assert [call(tmp_path / name) for name in ("a", "b", "a")] == ["a", "b", "a"]
    assert "helper" not in sys.modules
    assert sys.path == before


@pytest.mark.parametrize(
    "statement",
    [
        "import models.deep as deep",
        "from models import deep",
        "from .models import deep",
        "import models.deep; deep = models.deep",
        "import models.other; deep = models.other.deep",
    ],
)
@pytest.mark.parametrize("initialised", [True, False])
def test_every_way_to_import(tmp_path: Path, statement: str, initialised: bool) -> None:
    """Of a package with and without ``__init__``; and in a function, when it is called."""
    write(tmp_path, models__deep="VALUE = 7\n", models__other="from . import deep\n")
    if initialised:
        (tmp_path / "models" / "__init__.py").write_text("")
    write(tmp_path, net=f"{statement}\n\ndef build():\n    return deep.VALUE\n")
    assert call(tmp_path) == 7
    write(tmp_path, net=f"def build():\n    {statement}\n    return deep.VALUE + 1\n")
    assert call(tmp_path) == 8


def test_a_function_loaded_before_an_edit_goes_on_with_what_it_was_loaded_with(tmp_path: Path) -> None:
    net = "def build():\n    import helper\n    return helper.VALUE\n"
    first = Factories(write(tmp_path, net=net, helper="VALUE = 1\n")).resolve("net.py:build")
    second = Factories(write(tmp_path, helper="VALUE = 2\n")).resolve("net.py:build")
    assert (first(), second(), first()) == (1, 2, 1)


def test_a_file_named_like_one_of_pythons_modules_does_not_take_its_place(tmp_path: Path) -> None:
    write(tmp_path, random="VALUE = 1\n", net="import random\n\ndef build():\n    return random.Random\n")
    import random

    assert call(tmp_path) is random.Random


def test_modules_of_one_study_are_one(tmp_path: Path) -> None:
    """A helper and the file that imports it see the same classes, also where they import each other."""
    write(
        tmp_path,
        net="import helper\n\nclass Mine: pass\n\ndef build():\n    return helper.made() is Mine\n",
        helper="def made():\n    import net\n    return net.Mine\n",
    )
    assert call(tmp_path) is True


def test_a_factory_in_a_folder_below_finds_what_is_beside_it_and_in_the_studys_folder(tmp_path: Path) -> None:
    write(
        tmp_path,
        code__net="import near, far\n\ndef build():\n    return near.N + far.F\n",
        code__near="N = 1\n",
        far="F = 2\n",
    )
    factories = Factories(tmp_path)
    assert factories.resolve("code/net.py:build")() == 3
    assert set(factories.code) == {"code/net.py", "code/near.py", "far.py"}


def test_a_helper_that_cannot_be_imported_is_a_sentence(tmp_path: Path) -> None:
    write(tmp_path, net="import helper\n", helper="import no_such_module\n")
    with pytest.raises(StudyError, match=r"importing .*net\.py failed: .*no_such_module"):
        Factories(tmp_path).resolve("net.py:build")


def test_an_installed_module_that_was_edited_since_it_was_imported_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python does not import it again, so the file is not what would run."""
    package = write(
        tmp_path / "installed_nets", net="from . import part\n\ndef build():\n    return part.V\n"
    )
    write(package, part="V = 1\n", unused="")
    (package / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    factories = Factories(tmp_path / "study")
    assert factories.resolve("installed_nets.net:build")() == 1
    assert set(factories.code) == {f"installed_nets/{name}.py" for name in ("__init__", "net", "part")}
    write(package, part="V = 2\n")
    with pytest.raises(StudyError, match=r"installed_nets/part\.py was edited after it was imported; start"):
        Factories(tmp_path / "study").resolve("installed_nets.net:build")
