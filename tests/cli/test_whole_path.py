"""The verbs one after the other on a network in a folder of its own, beside the same calls in Python."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from explorer import curvature, plans, qat, studies
from explorer.cli import output
from tests.archive import write_arrays

from .conftest import LAYERS, WEIGHTS, Command, example_arrays

FP32_BYTES = 4 * WEIGHTS


def write_plan(folder: Path, bits: dict[str, int]) -> Path:
    """A plan.json as somebody else's script would write it."""
    blocks = {name: {"w_bits": width, "a_bits": 8} for name, width in bits.items()}
    sha256 = studies.load_network(folder).weights_sha256
    path = folder / "plan.json"
    path.write_text(json.dumps({"version": 1, "study": "tiny", "weights_sha256": sha256, "blocks": blocks}))
    return path


def write_frontier(folder: Path, plans: Sequence[Mapping[str, int]]) -> Path:
    """What ``frontier --json`` prints, as far as it is read: costs and Ω are those of a made-up table."""
    points = [
        {"cost": sum(bits.values()), "omega": sum(4.0**-b for b in bits.values()), "bits": dict(bits)}
        for bits in plans
    ]
    path = folder / "frontier.json"
    path.write_text(json.dumps({"points": points, "activations": 8, "unit": "bytes"}))
    return path


def test_every_verb_in_turn_gives_the_numbers_of_the_python_api(explore: Command, folder: Path) -> None:
    study = studies.load_network(folder)
    blocks = study.blocks()

    traces = explore("traces", "--json", "--study", folder).json
    expected = curvature.weight_traces(study)
    assert list(traces) == ["study", "of", "method", "blocks", "seconds"]
    assert (traces["study"], traces["of"]) == ("tiny", "weights")
    assert [list(block) for block in traces["blocks"]] == 4 * [
        ["name", "n", "trace", "mean_trace", "stderr", "samples"]
    ]
    assert traces["blocks"] == expected.to_json()["blocks"]
    assert [block["name"] for block in traces["blocks"]] == list(LAYERS)

    asked = ("--study", folder / "study.toml", "--budget-ratio", 8, "--json")
    frontier = explore("frontier", *asked, "--damage", "trace").json
    found = plans.frontier(study, expected)
    assert frontier["points"] == [point.to_json() for point in found.points()]
    assert frontier["search_space"] == str(5**4)
    chosen = frontier["chosen"]
    assert chosen == found.best_under(plans.Budget("ratio", 8)).to_json()
    assert chosen["cost"] <= FP32_BYTES / 8

    path = write_plan(folder, chosen["bits"])
    plan, _ = plans.read_plan(path, study=study, partitions=(blocks,))
    evaluated = explore("evaluate", "--study", folder, "--plan", path, "--json").json
    before = plans.evaluate_plan(study, plan, blocks).to_json()
    assert evaluated == {"study": "tiny", **before}
    assert evaluated["size_bytes"] == chosen["cost"], "Ω's budget and the packed weights mean the same bytes"

    words = ("--method", "ste", "--epochs", 1, "--batch-size", 16, "--learning-rate", 0.05)
    trained = explore("finetune", "--study", folder, "--plan", path, *words, "--json").json
    result = qat.finetune(study, plan, blocks, method="ste", epochs=1, batch_size=16, learning_rate=0.05)
    assert trained["before"] == before
    assert {key: trained[key] for key in ("loss", "accuracy")} == {
        "loss": result.after.loss,
        "accuracy": result.after.accuracy,
    }
    assert trained["loss"] < trained["before"]["loss"]
    assert trained["plan"] == plan.to_json()
    assert trained["run"]

    again = explore("finetune", "--json", "--study", folder, "--plan", path, *words).json
    assert again == trained, "the same question is the same run, looked up"


def test_an_optimizer_trains_with_its_own_learning_rate_unless_one_is_given(
    explore: Command, folder: Path
) -> None:
    """One run however its rate is spelled, and another than the other optimizer's; methods can be listed."""
    path = write_plan(folder, dict.fromkeys(LAYERS, 3))
    words = (
        "finetune",
        "--study",
        folder,
        "--plan",
        path,
        "--batch-size",
        16,
        "--epochs",
        1,
        "--json",
        "--optimizer",
    )
    adamw = explore(*words, "adamw").json
    assert explore(*words, "adamw", "--learning-rate", 0.001).json == adamw
    sgd, usual = explore(*words, "sgd").json, explore(*words[:-1]).json
    assert sgd["loss"] == usual["loss"] != adamw["loss"], "of a network without layer norms"
    listed = explore("finetune", "--list-methods")
    assert listed.status == 0
    assert listed.out.splitlines() == [f"{name}: {method.title}" for name, method in qat.METHODS.items()]


def test_the_plan_that_the_frontier_chose_is_measured_and_trained(explore: Command, folder: Path) -> None:
    """frontier --out, evaluate --plan, finetune --plan: no line of Python between them."""
    path = folder / "chosen.json"
    asked = ("frontier", "--study", folder, "--budget-ratio", 8)
    answer = explore(*asked, "--out", path, "--json")
    chosen = answer.json["chosen"]
    assert f"the chosen plan is in {path}" in answer.err
    assert answer.json == explore(*asked, "--json").json, "the answer is the same, written or not"
    plan = json.loads(path.read_text())
    assert {name: bits["w_bits"] for name, bits in plan["blocks"].items()} == chosen["bits"]
    assert plan["weights_sha256"] == studies.load_network(folder).weights_sha256
    evaluated = explore("evaluate", "--study", folder, "--plan", path, "--json")
    assert evaluated.json["size_bytes"] == chosen["cost"]
    assert "weights_sha256" not in evaluated.err
    words = ("--epochs", 1, "--batch-size", 16)
    trained = explore("finetune", "--study", folder, "--plan", path, *words, "--json").json
    assert trained["plan"] == plan
    assert trained["before"]["loss"] == evaluated.json["loss"]


@pytest.mark.parametrize("solver", ["frontier", "milp", "greedy"])
def test_every_solver_writes_its_choice_for_a_profile_too(
    explore: Command, tmp_path: Path, solver: str
) -> None:
    path = tmp_path / "plan.json"
    asked = ("--study", "hawq-v3-resnet18", "--bits", "4,8", "--budget-between", 0.5, "--solver", solver)
    chosen = explore("frontier", *asked, "--out", path, "--json").json["chosen"]
    profile = studies.load("hawq-v3-resnet18")
    assert isinstance(profile, studies.ProfileStudy)
    plan, _ = plans.read_plan(path, study=profile, partitions=(profile.blocks(),))
    assert plan.w_bits == chosen["bits"]


@pytest.mark.parametrize("verb", ["evaluate", "finetune"])
def test_a_plan_by_hand_without_a_hash_is_taken_with_a_remark(
    explore: Command, folder: Path, verb: str
) -> None:
    path = write_plan(folder, dict.fromkeys(LAYERS, 4))
    with_hash = explore(verb, "--study", folder, "--plan", path, "--json").json
    content = json.loads(path.read_text())
    del content["weights_sha256"]
    path.write_text(json.dumps(content))
    answer = explore(verb, "--study", folder, "--plan", path, "--json")
    assert answer.json == with_hash, "the same run"
    assert "has no weights_sha256" in answer.err


def test_a_relative_path_and_the_folder_are_the_same_study(
    explore: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.parent)
    first = explore("traces", "--study", "tiny/study.toml", "--json").json
    for other in ("tiny", folder, folder / "study.toml"):
        assert explore("traces", "--study", other, "--json").json == first, (
            "seconds too: nothing was recomputed"
        )


def test_a_study_that_moved_and_has_another_name_has_its_results(explore: Command, folder: Path) -> None:
    """Runs are told apart by what the study is; answers name it as it is called now."""
    from explorer.runs import Store

    first = explore("traces", "--study", folder, "--json").json
    moved = folder.rename(folder.parent / "moved")
    toml = moved / "study.toml"
    toml.write_text(toml.read_text().replace('"tiny"', '"renamed"'))
    again = explore("traces", "--study", moved, "--json").json
    assert again == {**first, "study": "renamed"}, "seconds too: nothing was recomputed"
    (run,) = Store.open().list()
    assert run.spec.study == str(moved / "study.toml")


def test_another_process_finds_the_study_of_a_recorded_run(explore: Command, folder: Path) -> None:
    """The spec names the file absolutely; a worker's working directory is not the person's."""
    from explorer.runs import Store

    explore("traces", "--study", folder, "--json")
    (run,) = Store.open().list()
    assert run.spec.study == str(folder / "study.toml")


@pytest.mark.parametrize("method", ["auto", "exact", "output-probes", "hutchinson"])
@pytest.mark.parametrize("of", ["weights", "activations"])
def test_every_estimator_answers_for_weights_and_for_activations(
    explore: Command, folder: Path, of: str, method: str
) -> None:
    words = ("--of", of, "--method", method, "--samples", 64, "--rel-se", 0.5, "--seed", 3)
    answer = explore("traces", "--study", folder, *words, "--granularity", "module", "--json").json
    assert answer["of"] == of
    assert answer["method"] == (method if method != "auto" else "output-probes")
    assert [block["name"] for block in answer["blocks"]] == ["stem", "residual", "head"]
    if of == "weights":
        assert [block["n"] for block in answer["blocks"]] == [108, 288, 48]
    assert all((block["stderr"] == 0) == (method == "exact") for block in answer["blocks"])


def test_an_error_larger_than_asked_is_said_beside_the_result(explore: Command, folder: Path) -> None:
    answer = explore("traces", "--study", folder, "--samples", 8, "--rel-se", 1e-6, "--json")
    assert answer.json["blocks"]
    assert "allow more --samples" in answer.err


def test_progress_goes_to_standard_error_alone(
    explore: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "LINE_SECONDS", 0.0)
    answer = explore("traces", "--study", folder, "--json")
    assert answer.json["study"] == "tiny"
    assert "% " in answer.err


def test_a_figure_that_is_not_finite_is_null(explore: Command, folder: Path) -> None:
    """One test image leaves its loss no standard error; NaN and Infinity are not JSON."""
    arrays = example_arrays()
    write_arrays(folder / "data.npz", arrays | {k: arrays[k][:1] for k in ("test_images", "test_labels")})
    plan = write_plan(folder, dict.fromkeys(LAYERS, 8))
    answer = explore("evaluate", "--study", folder, "--plan", plan, "--json").json
    assert answer["samples"] == 1
    assert answer["loss_stderr"] is None


def test_evaluate_takes_the_training_images_and_a_plan_of_modules(explore: Command, folder: Path) -> None:
    plan = write_plan(folder, {"stem": 8, "residual": 4, "head": 8})
    answer = explore("evaluate", "--study", folder, "--plan", plan, "--split", "train", "--json").json
    assert (answer["split"], answer["samples"]) == ("train", 90)
    assert answer["size_bytes"] == 108 + 288 // 2 + 48


class TestFrontier:
    """Options of the question, on the tiny network; its traces are computed once a test."""

    def test_without_a_budget_nothing_is_chosen(self, explore: Command, folder: Path) -> None:
        answer = explore("frontier", "--study", folder, "--bits", "2,8", "--json").json
        assert answer["chosen"] is None
        assert answer["search_space"] == "16"
        assert all(set(point) == {"cost", "omega", "bits"} for point in answer["points"])
        costs = [point["cost"] for point in answer["points"]]
        omegas = [point["omega"] for point in answer["points"]]
        assert costs == sorted(costs)
        assert omegas == sorted(omegas, reverse=True)

    def test_ties_and_kept_widths_hold_in_every_point(self, explore: Command, folder: Path) -> None:
        words = ("--tie", "stem=residual.second", "--keep", "head=16", "--bits", "2,4,8")
        answer = explore("frontier", "--study", folder, *words, "--json").json
        assert answer["search_space"] == "9"
        for point in answer["points"]:
            assert point["bits"]["stem"] == point["bits"]["residual.second"]
            assert point["bits"]["head"] == 16

    def test_monotone_counts_set_b(self, explore: Command, folder: Path) -> None:
        answer = explore("frontier", "--study", folder, "--monotone", "--json").json
        assert answer["search_space"] == "70", "C(4+5-1, 5-1)"

    @pytest.mark.parametrize(
        ("words", "cost"),
        [
            (("--budget", "222"), 222),
            (("--budget-ratio", "8"), 222),
            (("--budget-between", "0"), FP32_BYTES / 16),
            (("--budget-between", "1"), FP32_BYTES / 4),
        ],
    )
    def test_each_budget_bounds_the_chosen_plan(
        self, explore: Command, folder: Path, words: tuple[str, str], cost: float
    ) -> None:
        answer = explore("frontier", "--study", folder, *words, "--json").json
        assert answer["chosen"]["cost"] <= cost
        within = [point["omega"] for point in answer["points"] if point["cost"] <= cost]
        assert answer["chosen"]["omega"] == min(within)

    def test_bit_operations_are_a_cost(self, explore: Command, folder: Path) -> None:
        answer = explore("frontier", "--study", folder, "--cost", "bops", "--bits", "8", "--json").json
        study = studies.load_network(folder)
        blocks = study.blocks()
        assert [point["cost"] for point in answer["points"]] == [
            plans.bops(blocks, plans.Plan.uniform(study, blocks, 8, 8))
        ]


def test_people_get_tables(explore: Command, folder: Path) -> None:
    """Without --json the same figures, laid out; no half of an object in between."""
    plan = write_plan(folder, dict.fromkeys(LAYERS, 4))
    for words, expected in (
        (("studies",), "fashion-resnet20"),
        (("traces", "--study", folder), "residual.first"),
        (("frontier", "--study", folder, "--budget-ratio", 8), "chosen"),
        (("evaluate", "--study", folder, "--plan", plan), "size_bytes"),
        (("finetune", "--study", folder, "--plan", plan), "before"),
    ):
        answer = explore(*words)
        assert answer.status == 0, answer.err
        assert expected in answer.out
        assert "{" not in answer.out


def test_studies_lists_every_built_in_study(explore: Command) -> None:
    entries = explore("studies", "--json").json["studies"]
    assert [entry["name"] for entry in entries] == list(studies.names())
    for entry in entries:
        assert list(entry) == ["name", "title", "kind", "available", "how_to_get"]
        assert entry["kind"] in ("network", "profile")
        assert entry["available"] == (entry["how_to_get"] == "")
