"""What a finished run is remembered by is read from its own result."""

from pathlib import Path

from explorer import studies
from explorer.jobs import execute
from explorer.jobs.requests import spec_of
from explorer.jobs.telling import headlines
from explorer.questions import EvaluateQuestion, TracesQuestion
from explorer.runs import RunSpec, Store
from tests import learnable


def test_kinds_tell_their_numbers_with_errors(store: Store, tmp_path: Path) -> None:
    study = studies.load_network(str(learnable.write(tmp_path / "learnable")))
    worth = headlines.of(execute(store, spec_of(study, EvaluateQuestion()), study=study))
    assert [number.name for number in worth] == ["accuracy", "loss", "size"]
    assert worth[0].stderr is not None
    traces = headlines.of(execute(store, spec_of(study, TracesQuestion(rel_se=0.5)), study=study))
    assert [number.name for number in traces] == [f"mean trace of {name}" for name in ("0", "3", "6", "11")]


def test_a_run_that_is_not_done_has_none(store: Store) -> None:
    assert headlines.of(store.submit(RunSpec(kind="traces", study="none", fingerprint="0"))) == ()
