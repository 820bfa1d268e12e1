"""Lists tell runs apart: what · study · settings, unless a person gave a name."""

from explorer.jobs import execute
from explorer.jobs.telling import titles
from explorer.runs import RunSpec, Store


def spec(**parameters: object) -> RunSpec:
    return RunSpec(kind="traces", study="/tmp/mine/study.toml", fingerprint="0", parameters=parameters)


def test_a_title_says_what_on_which_study_and_how() -> None:
    assert titles.of_spec(spec()) == "Hessian traces · mine"
    assert titles.of_spec(spec(rel_se=0.2)) == "Hessian traces · mine · target error 0.2"
    assert titles.study_name("fashion-resnet20") == "fashion-resnet20"


def test_a_name_comes_first_and_what_is_not_known_keeps_the_title_it_was_given(store: Store) -> None:
    asked = RunSpec(kind="selftest", study="none", fingerprint="0", parameters={"steps": 1})
    run = execute(store, asked)
    assert run.title == titles.of(run) == "selftest · none · steps 1"
    store.shelf.describe(run.id, name="my chain", note="", tags=())
    assert titles.of(store.get(run.id)) == "my chain"
    other = store.submit(spec(rel_se="none such"), "as it was called")
    assert titles.of(other) == "as it was called"
