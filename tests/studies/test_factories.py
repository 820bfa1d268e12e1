"""A factory's address is resolved to a function, beside the study or in a package."""

from pathlib import Path

import pytest

from explorer.errors import StudyError
from explorer.studies.factories import Factories


def test_a_function_beside_the_study(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text("def build():\n    return 'here'\n", encoding="utf-8")
    assert Factories(tmp_path).resolve("net.py:build")() == "here"


def test_two_studies_may_have_files_of_one_name(tmp_path: Path) -> None:
    functions = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "net.py").write_text(f"def build():\n    return {name!r}\n", encoding="utf-8")
        functions.append(Factories(tmp_path / name).resolve("net.py:build"))
    assert [function() for function in functions] == ["a", "b"]


def test_an_edited_file_is_read_again(tmp_path: Path) -> None:
    """Of the same length within the same second, by which Python tells compiled files apart."""
    for value in ("1", "2"):
        (tmp_path / "net.py").write_text(f"def build():\n    return {value}\n", encoding="utf-8")
        assert Factories(tmp_path).resolve("net.py:build")() == int(value)


def test_a_function_of_a_package(tmp_path: Path) -> None:
    from explorer.studies.networks.small import fashion_resnet20

    assert Factories(tmp_path).resolve("explorer.studies.networks:fashion_resnet20") is fashion_resnet20


@pytest.mark.parametrize("address", ["", "net.py", ":build", "net.py:", "net.py:build()", "net.py:a:b"])
def test_a_malformed_address(tmp_path: Path, address: str) -> None:
    with pytest.raises(StudyError, match=r"must read FILE.py:function or package.module:function"):
        Factories(tmp_path).resolve(address)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("absent.py:build", "there is no file"),
        ("net.py:absent", "has no function absent"),
        ("net.py:value", "has no function value"),
        ("no_such_package:build", "cannot be imported"),
        (".relative:build", "cannot be imported"),
        ("explorer.studies.networks:absent", "has no function absent"),
    ],
)
def test_an_address_that_leads_nowhere(tmp_path: Path, address: str, said: str) -> None:
    (tmp_path / "net.py").write_text("value = 3\n", encoding="utf-8")
    with pytest.raises(StudyError, match=said):
        Factories(tmp_path).resolve(address)
