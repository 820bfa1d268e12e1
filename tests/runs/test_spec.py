"""A spec's identity: the same question is the same run, now and in later versions."""

import math

import pytest
from pydantic import ValidationError

from explorer.errors import RunError
from explorer.runs import RunSpec


def make(**changes: object) -> RunSpec:
    fields = {"kind": "traces", "study": "fashion-resnet20", "fingerprint": "f" * 64, "seed": 3, "version": 1}
    fields["parameters"] = {"method": "auto", "rel_se": 0.05, "samples": None, "bits": [2, 4]}
    return RunSpec.model_validate(fields | changes)


def test_identity_is_pinned_so_that_old_runs_stay_findable() -> None:
    spec = make()
    assert spec.canonical_json == (
        '{"fingerprint":"' + "f" * 64 + '","kind":"traces","parameters":{"bits":[2,4],"method":"auto",'
        '"rel_se":0.05,"samples":null},"seed":3,"version":1}'
    )
    assert spec.identity == "a16860e5334f79004b0855b4a409d55d2dd2542ae4d5ced8dfd4a8a8e6b96e63"
    assert spec.run_id == spec.identity[:12]


def test_where_a_study_is_does_not_matter() -> None:
    """A study that moved to another folder asks the same questions; its place is only where to load it."""
    moved = make(study="/elsewhere/study.toml")
    assert moved.study == "/elsewhere/study.toml"
    assert moved.identity == make().identity
    assert moved.asks_the_same(make())


def test_order_of_parameters_and_tuples_do_not_matter() -> None:
    again = make(parameters={"samples": None, "bits": (2, 4), "rel_se": 0.05, "method": "auto"})
    assert again == make()
    assert again.identity == make().identity
    assert hash(again) == hash(make())


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "finetune"},
        {"fingerprint": "0"},
        {"seed": 4},
        {"version": 2},
        {"parameters": {}},
        {"parameters": {"method": "auto", "rel_se": 0.05, "samples": 0, "bits": [2, 4]}},
    ],
)
def test_everything_that_decides_the_result_decides_the_identity(change: dict[str, object]) -> None:
    assert make(**change).identity != make().identity


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_numbers_that_json_does_not_have_are_refused_by_name(number: float) -> None:
    with pytest.raises(RunError, match=r"parameters\['rel_se'\]\[1\] is"):
        make(parameters={"rel_se": [0.0, number]})


@pytest.mark.parametrize(
    ("value", "named"), [({3: "x"}, "key 3"), ({"a": {1, 2}}, "is a set"), ({"a": object()}, "is a object")]
)
def test_what_would_come_back_changed_is_refused(value: object, named: str) -> None:
    with pytest.raises(RunError, match=named):
        make(parameters=value)


def test_a_spec_does_not_follow_later_changes_of_what_it_was_made_from() -> None:
    parameters = {"bits": [2, 4]}
    spec = make(parameters=parameters)
    before = spec.identity
    parameters["bits"].append(8)
    assert spec.identity == before
    with pytest.raises(ValidationError):
        RunSpec.__setattr__(spec, "seed", 5)
    with pytest.raises(ValidationError):
        make(extra=1)
