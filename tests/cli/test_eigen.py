"""``eigenvalues`` and ``spectrum`` on a network of one's own: the figures of the library, and mistakes in a line."""

from pathlib import Path
from typing import Any

import pytest

from explorer import studies
from explorer.curvature import every_eigenpairs, spectral_density

from .conftest import Command, complaint

BLOCKS = ["stem", "residual.first", "residual.second", "head"]


def test_eigenvalues_are_the_librarys(explore: Command, folder: Path) -> None:
    answer = explore("eigenvalues", "--study", folder, "--samples", 30, "--k", 1, "--json").json
    study = studies.load_network(str(folder))
    direct = [pairs.to_json() for pairs in every_eigenpairs(study, k=1, samples=30)]
    assert [found["block"] for found in answer["eigenvalues"]] == [*BLOCKS, None]
    for found, expected in zip(answer["eigenvalues"], direct, strict=True):
        assert found["values"] == pytest.approx(expected["values"], rel=1e-5)
        assert found["stderrs"] == pytest.approx(expected["stderrs"], rel=1e-4)
    table = explore("eigenvalues", "--study", folder, "--samples", 30, "--k", 1)
    assert table.status == 0
    assert "whole network" in table.out
    assert "30 rows" in table.out
    assert [found["method"] for found in answer["eigenvalues"]] == [*["gram"] * 4, "lanczos"]
    assert "gram in 4 of 5, lanczos in 1 of 5" in " ".join(table.out.split())


def test_what_has_not_settled_is_remarked_on(explore: Command, folder: Path) -> None:
    words = ("--samples", 30, "--tol", 1e-9, "--max-products", 3, "--no-whole", "--method", "lanczos")
    answer = explore("eigenvalues", "--study", folder, *words)
    assert answer.status == 0
    assert "whole network" not in answer.out
    assert "allow more --max-products" in answer.err


def test_a_spectrum_is_the_librarys(explore: Command, folder: Path) -> None:
    words = ("spectrum", "--study", folder, "--block", "head", "--samples", 30)
    exact = explore(*words)
    assert "every eigenvalue, 30 rows" in " ".join(exact.out.split())
    assert "largest eigenvalue" in exact.out
    by_probes = (*words, "--steps", 8, "--probes", 3, "--method", "lanczos")
    answer = explore(*by_probes, "--json").json
    options: dict[str, Any] = {"samples": 30, "steps": 8, "probes": 3, "method": "lanczos"}
    direct = spectral_density(studies.load_network(str(folder)), block="head", **options)
    assert answer["density"] == pytest.approx(direct.density, rel=1e-3, abs=1e-9)
    assert (answer["block"], answer["n"], len(answer["probes"])) == ("head", 48, 3)
    table = explore(*by_probes)
    assert "30 rows" in table.out
    assert "trace, Tr(H)" in table.out


def test_blocks_may_be_modules(explore: Command, folder: Path) -> None:
    words = ("--study", folder, "--samples", 10, "--granularity", "module", "--json")
    answer = explore("eigenvalues", "--k", 1, "--no-whole", *words).json
    assert [found["block"] for found in answer["eigenvalues"]] == ["stem", "residual", "head"]
    answer = explore("spectrum", "--block", "residual", "--steps", 2, "--probes", 2, *words).json
    assert answer["n"] == 288


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("spectrum", "--block", "tail"), "there is no block 'tail'; use one of stem, residual.first"),
        (("spectrum", "--probes", 1), "--probes"),
        (("spectrum", "--blur", "nan"), "--blur"),
        (("eigenvalues", "--k", 0), "--k"),
        (("eigenvalues", "--tol", 1), "--tol"),
        (("eigenvalues", "--k", 5, "--max-products", 5), "--max-products"),
        (("eigenvalues", "--which", "middle"), "--which"),
        (("eigenvalues", "--study", "hawq-v3-resnet18"), "hawq-v3-resnet18"),
    ],
)
def test_a_mistake_is_one_line(explore: Command, folder: Path, words: tuple, told: str) -> None:
    study = () if "--study" in words else ("--study", folder)
    assert told in complaint(explore(*words, *study))
