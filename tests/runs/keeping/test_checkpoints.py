"""Two checkpoints are kept, and a damaged one costs the way since the one before, never the run or its numbers."""

from collections.abc import Callable
from pathlib import Path

import pytest

from explorer.errors import RunError
from explorer.jobs import execute
from explorer.runs import Run, RunContext, RunSpec, Store
from explorer.runs.artifacts import ArtifactFolder
from explorer.runs.keeping import checkpoints
from explorer.runs.schema import runs
from tests.runs.postgresql import BOTH

pytestmark = BOTH

Specs = Callable[..., RunSpec]
Damage = Callable[[Path], object]

DAMAGE: dict[str, Damage] = {
    "flipped": lambda path: path.write_bytes(path.read_bytes()[:-1] + bytes([path.read_bytes()[-1] ^ 1])),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:10]),
    "empty": lambda path: path.write_bytes(b""),
    "gone": lambda path: path.unlink(),
}


def interrupted(store: Store, spec: RunSpec) -> list[Path]:
    """A run that failed after five steps; the files of its checkpoints, the newest first."""
    with pytest.raises(RunError, match="Step 5"):
        execute(store, spec)
    place = ArtifactFolder(store.home / "artifacts")
    return [place.path(saved.sha256) for saved in store.checkpoints(spec.run_id) if saved is not None]


def mended(store: Store, spec: RunSpec) -> Run:
    """The interrupted run carried to its end: the step does not fail any more."""
    values = rows_values(spec.model_copy(update={"parameters": {"steps": 8}}))
    with store._database.writing() as connection:
        connection.execute(runs.update().values(values))
    return execute(store, spec.model_copy(update={"parameters": {"steps": 8}}))


def rows_values(spec: RunSpec) -> dict[str, str]:
    return {"identity": spec.identity, "spec": spec.model_dump_json()}


@pytest.fixture
def failing(spec: Specs) -> RunSpec:
    return spec(steps=8, fail_at=5)


@pytest.fixture
def whole(tmp_path: Path, spec: Specs) -> tuple[Run, tuple[object, ...]]:
    """What comes out without an interruption, from a store of its own."""
    elsewhere = Store.open(f"sqlite:///{tmp_path}/elsewhere.db", home=tmp_path / "elsewhere")
    run = execute(elsewhere, spec(steps=8))
    return run, elsewhere.points(run.id, "chain")


def equal(store: Store, found: Run, whole: tuple[Run, tuple[object, ...]]) -> None:
    run, points = whole
    assert run.result is not None
    assert found.result is not None
    assert found.result["chain"] == run.result["chain"]
    assert found.artifacts == run.artifacts
    assert store.points(found.id, "chain") == points


@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_checkpoint_is_set_aside_and_the_run_goes_on_from_the_one_before(
    store: Store, failing: RunSpec, whole: tuple[Run, tuple[object, ...]], how: str
) -> None:
    newest, _before = interrupted(store, failing)
    DAMAGE[how](newest)
    run = mended(store, failing)
    assert (run.result or {})["resumed_at"] == 4, "of five"
    assert run.remark == "Its newest checkpoint was damaged: it went on from the one before."
    equal(store, run, whole)
    set_aside = [path.name for path in (store.home / "quarantine").iterdir()]
    assert set_aside == ([] if how == "gone" else [newest.parent.name + newest.name])


def test_without_a_whole_checkpoint_the_run_starts_over(
    store: Store, failing: RunSpec, whole: tuple[Run, tuple[object, ...]]
) -> None:
    for path in interrupted(store, failing):
        path.write_bytes(b"nothing of use")
    run = mended(store, failing)
    assert (run.result or {})["resumed_at"] == 0
    assert run.remark == "What it had recorded on its way was damaged: it started over."
    equal(store, run, whole)


@pytest.mark.parametrize("record", ["{", '{"sha256": 3}', "null"])
def test_the_record_of_a_checkpoint_may_be_damaged_too(
    store: Store, failing: RunSpec, whole: tuple[Run, tuple[object, ...]], record: str
) -> None:
    interrupted(store, failing)
    with store._database.writing() as connection:
        connection.execute(runs.update().values(checkpoint=record))
    run = mended(store, failing)
    assert (run.result or {})["resumed_at"] == 4
    equal(store, run, whole)


def test_a_damaged_file_that_the_run_kept_on_its_way_starts_it_over(store: Store, spec: Specs) -> None:
    """A checkpoint may rest on it, as a landscape's does on its directions."""
    import numpy as np

    run = store.submit(spec())
    context = RunContext(store, store.claim(run.id))
    kept = context.keep("directions", {"x": np.ones(2)})
    context.point("chain", {"step": 1})
    context.save({"x": np.ones(1)}, {"step": 1})
    context._lease.fail("It broke.")
    ArtifactFolder(store.home / "artifacts").path(kept).unlink()
    store.resume(run.id)
    again = RunContext(store, store.claim(run.id))
    assert again.restore() is None
    now = store.get(run.id)
    assert now.remark is not None
    assert (now.fraction, now.artifacts, store.points(run.id, "chain")) == (0.0, {}, ())
    assert store.checkpoints(run.id) == ()


def test_a_record_comes_back_as_it_was(store: Store, spec: Specs) -> None:
    saved = checkpoints.Saved({"x": [1, 2.5, None]}, "0" * 64, {"loss": 3}, 0.5, "half", "mark")
    assert checkpoints.decoded(checkpoints.encoded(saved)) == saved
    early = '{"state":{"step":1},"sha256":"%s","lengths":{},"fraction":0.0,"message":""}' % ("0" * 64)
    assert checkpoints.decoded(early) == checkpoints.Saved({"step": 1}, "0" * 64, {})
