"""Bundles: what one store finished, another has as if it had computed it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from explorer import jobs
from explorer.errors import RunError
from explorer.runs import RunSpec, Store
from explorer.runs.keeping import packed


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(home=tmp_path / "other")
    yield opened
    opened.close()


@pytest.mark.parametrize("in_one_file", [False, True])
def test_an_adopted_run_is_the_run(
    store: Store, other: Store, spec: Callable[..., RunSpec], tmp_path: Path, in_one_file: bool
) -> None:
    """Result, points, files and identity survive, and it says where it came from; adopting twice changes nothing."""
    asked = spec(steps=3)
    store.submit(asked, "three steps", parts={"weights": "1"})
    lease = store.claim(asked.run_id)
    lease.append("loss", {"value": float("nan")})
    lease.append("loss", {"value": 0.5})
    from explorer.runs.artifacts import encode_tensors

    sha256 = lease.keep("weights", encode_tensors({"w": np.arange(3.0)}))
    lease.finish({"value": 1.25})
    bundle = tmp_path / "bundle"
    store.bundles.write([asked.run_id], bundle)
    if in_one_file:
        packed.pack(bundle, tmp_path / "bundle.zip")
        bundle = tmp_path / "bundle.zip"

    assert other.bundles.adopt(bundle, "Made on {day}.") == (asked.run_id,)
    assert other.bundles.adopt(bundle, "Made on {day}.") == ()

    run, there = store.get(asked.run_id), other.find(asked)
    assert there is not None
    assert (there.status, there.title, there.result, there.parts) == (
        "done",
        run.title,
        run.result,
        run.parts,
    )
    assert there.finished == run.finished
    assert other.points(run.id, "loss")[1] == {"value": 0.5}
    assert np.array_equal(other.artifacts.get_arrays(sha256)["w"], np.arange(3.0))
    assert (there.remark or "").startswith("Made on ")
    assert jobs.execute(other, asked).id == run.id


def test_a_packed_bundle_that_is_damaged_is_a_sentence(
    store: Store, other: Store, spec: Callable[..., RunSpec], tmp_path: Path
) -> None:
    """Cut off, with another file under a hash, or no archive at all."""
    asked = spec(steps=1)
    store.submit(asked)
    lease = store.claim(asked.run_id)
    sha256 = lease.keep("weights", b"true")
    lease.finish({})
    store.bundles.write([asked.run_id], tmp_path / "bundle")
    file = tmp_path / "bundle.zip"
    packed.pack(tmp_path / "bundle", file)
    whole = file.read_bytes()
    [kept] = [each for each in (tmp_path / "bundle" / "artifacts").rglob("*") if each.is_file()]
    kept.write_bytes(b"false")
    packed.pack(tmp_path / "bundle", tmp_path / "false.zip")
    (tmp_path / "cut.zip").write_bytes(whole[: len(whole) // 2])
    for name in ("false.zip", "cut.zip"):
        with pytest.raises(RunError, match="install the project again"):
            other.bundles.adopt(tmp_path / name, "")
        assert other.list() == ()
        assert not other.artifacts.has(sha256)


def test_a_run_of_this_store_stays(
    store: Store, other: Store, spec: Callable[..., RunSpec], tmp_path: Path
) -> None:
    """What somebody computed here, or is computing, is not replaced."""
    asked = spec(steps=1)
    for each, value in ((store, 1), (other, 2)):
        each.submit(asked)
        each.claim(asked.run_id).finish({"value": value})
    store.bundles.write([asked.run_id], tmp_path / "bundle")
    assert other.bundles.adopt(tmp_path / "bundle", "") == ()
    assert other.get(asked.run_id).result == {"value": 2}


def test_only_finished_runs_travel(store: Store, spec: Callable[..., RunSpec], tmp_path: Path) -> None:
    """A bundle never holds half a result, and a folder that is none is refused."""
    store.submit(spec())
    with pytest.raises(RunError, match="only a finished run"):
        store.bundles.write([spec().run_id], tmp_path / "bundle")
    with pytest.raises(RunError, match="does not exist"):
        store.bundles.adopt(tmp_path / "bundle", "")


def test_a_damaged_file_of_a_bundle_is_refused_whole(
    store: Store, other: Store, spec: Callable[..., RunSpec], tmp_path: Path
) -> None:
    """No run is taken in without the files that it kept."""
    from explorer.runs.artifacts import encode_tensors

    store.submit(spec())
    lease = store.claim(spec().run_id)
    sha256 = lease.keep("weights", encode_tensors({"w": np.arange(3.0)}))
    lease.finish({})
    store.bundles.write([spec().run_id], tmp_path / "bundle")
    (tmp_path / "bundle" / "artifacts" / sha256[:2] / sha256[2:]).write_bytes(b"damaged")
    with pytest.raises(RunError, match="damaged"):
        other.bundles.adopt(tmp_path / "bundle", "")
    assert other.find(spec()) is None
