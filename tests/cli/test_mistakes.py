"""Every mistake is one line on standard error and status 2: no traceback, nothing on standard output."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from safetensors.torch import save_file

from tests.archive import write_arrays

from .conftest import LAYERS, Command, complaint, example_arrays, example_weights
from .test_whole_path import write_plan

PROFILE = "hawq-v3-resnet18"
NAN_WHEN_TRAINED = """
def loss():
    def per_sample(outputs, targets):
        return outputs.sum(1) * (float("nan") if outputs.requires_grad else 1.0)
    return per_sample
"""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("train", "No such command 'train'"),
        ("traces --studdy tiny", "--studdy"),
        ("traces", "'--study'"),
        ("traces --study", "'--study'"),
        ("traces --study nowhere", "no study 'nowhere'"),
        ("traces --study fashion-resnet2", "did you mean fashion-resnet20"),
        ("traces --study no/such/folder", "no study at"),
        ("traces --study tiny extra", "extra"),
        ("traces --study tiny --of biases", "--of"),
        ("traces --study tiny --method lanczos", "--method"),
        ("traces --study tiny --granularity channel", "--granularity"),
        ("traces --study tiny --samples many", "--samples"),
        ("traces --study tiny --samples 1", "--samples"),
        ("traces --study tiny --rel-se 0", "--rel-se"),
        ("traces --study tiny --rel-se nan", "--rel-se"),
        ("traces --study tiny --seed -1", "--seed"),
        ("traces --study tiny --device tpu", "'tpu' is no device; use auto, cpu, cuda, cuda:N or mps"),
        ("frontier --study tiny --device cuda:999", "cuda:999 is not available: "),
        ("evaluate --study tiny --plan p.json --split validation", "--split"),
        ("evaluate --study tiny", "'--plan'"),
        ("finetune --study tiny --plan p.json --epochs 0", "--epochs"),
        ("finetune --study tiny --plan p.json --batch-size 1.5", "--batch-size"),
        ("finetune --study tiny --plan p.json --learning-rate 0", "--learning-rate"),
        ("finetune --study tiny --plan p.json --learning-rate 10", "--learning-rate"),
        ("finetune --study tiny --plan p.json --learning-rate inf", "--learning-rate"),
        ("finetune --study tiny --plan p.json --stages 0", "--stages"),
        ("finetune --study tiny --plan p.json --preset mine", "'mine' is unknown; use hawq or lsq"),
        ("finetune --study tiny --plan p.json --method-options fast", "'fast' must be a name and a value"),
        ("finetune --study tiny --plan p.json --methods ste,magic", "'magic' is unknown; use ste"),
        ("finetune --study tiny --plan p.json --seeds 0,one", "whole numbers with a comma between"),
        ("finetune --study tiny --plan p.json --plans q.json", "give one plan.json with --plan, or several"),
        ("finetune --study tiny --plan p.json q.json", "there is no argument 'q.json' to take"),
        ("finetune --study tiny", "give one plan.json with --plan"),
        ("finetune --study tiny --plan p.json --method magic", "'magic' is unknown; use ste"),
        ("frontier --study tiny --cost carbon", "--cost"),
        ("frontier --study tiny --budget much", "--budget"),
        ("frontier --study tiny --budget 1 --budget-ratio 8", "not several"),
        ("frontier --study tiny --budget nan", "finite"),
        ("frontier --study tiny --budget-ratio 0", "budget ratio"),
        ("frontier --study tiny --budget-between 1.5", "between 0"),
        ("frontier --study tiny --bits two", "--bits"),
        ("frontier --study tiny --bits 4,,8", "--bits"),
        ("frontier --study tiny --tie stem", "A=B"),
        ("frontier --study tiny --tie =stem", "A=B"),
        ("frontier --study tiny --keep stem", "NAME=BITS"),
        ("frontier --study tiny --keep stem=lots", "NAME=BITS"),
        ("frontier --study tiny --keep stem=4 --keep stem=8", "one width"),
        ("frontier --study tiny --max stem", "NAME=BITS"),
        ("frontier --study tiny --min stem=4 --min stem=8", "one width"),
        ("frontier --study tiny --a-bits four", "--a-bits"),
        ("frontier --study tiny --limit bops", "COST=VALUE"),
        ("frontier --study tiny --limit carbon=4", "one of size, bops, latency"),
        ("frontier --study tiny --limit size=much", "COST=VALUE"),
        ("frontier --study tiny --limit size=nan", "finite"),
        ("frontier --study tiny --budget-ratio 1e-320", "budget ratio"),
        ("traces --study tiny --seed 99999999999999999999", "--seed"),
        ("lapq --study tiny --seed 18446744073709551616", "--seed"),
        ("landscape --study tiny --radius 1e308", "--radius"),
        ("finetune --study tiny --plan p.json --epochs 100000000000000000000000", "--epochs"),
        ("finetune --study tiny --plan p.json --epochs 1e23", "--epochs"),
        ("spectrum --study tiny --steps 10000000000000000000", "--steps"),
        ("frontier --study tiny --solver simplex", "--solver"),
        ("frontier --study tiny --solver milp", "milp answers one budget"),
        (f"traces --study {'x' * 10_000}", "there is no study 'xxx"),
        (f"traces --study {'x/' * 5_000}", "cannot be read (File name too long)"),
        ("traces --study a\0b", "there is no study"),
        ("traces --study a/b\0c", "a name cannot hold a NUL"),
        (f"lapq-hessian --study tiny --steps {'x' * 10_000}", "cannot be read (File name too long)"),
        (f"frontier --study tiny --budget-ratio 2 --out {'x' * 10_000}/y", "--out"),
    ],
)
def test_words_that_make_no_question(explore: Command, words: str, said: str) -> None:
    """Told before any study is looked for, so the study named here need not exist."""
    verb, *rest = words.split()
    for line in ((verb, *rest), (verb, "--json", *rest)):
        assert said in complaint(explore(*line))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--bits 9", "no width of 9 bits"),
        ("--bits 0,4", "no width of 0 bits"),
        ("--keep stem=13", "no width of 13 bits"),
        ("--keep trunk=4", "no block trunk"),
        ("--tie stem=trunk", "no block trunk"),
        ("--tie stem=head --keep stem=4 --keep head=8", "different widths"),
        ("--cost latency", "latencies"),
        ("--budget 10", "the smallest needs 111"),
        ("--budget -1", "the smallest needs 111"),
        ("--budget-ratio 1000", "the smallest needs 111"),
        ("--granularity module --keep residual.first=4", "no block residual.first"),
        ("--max trunk=4", "no block trunk"),
        ("--min stem=5 --bits 2,4", "no width fits stem"),
        ("--keep stem=2 --min stem=4", "no width fits stem"),
        ("--first-last-at 9", "no width of 9 bits"),
        ("--a-bits 4,9", "no width of 9 bits"),
        ("--limit latency=5", "latencies"),
        ("--limit size=50", "the smallest needs 111"),
        ("--limit bops=1 --limit size=50", "no single limit is to blame"),
        ("--limit size=200 --budget 110", "the smallest needs 111"),
        ("--monotone --max trunk=4", "no block trunk"),
    ],
)
def test_a_frontier_the_study_cannot_have_is_refused_before_its_traces_are_computed(
    explore: Command, folder: Path, explorer_home: Path, words: str, said: str
) -> None:
    assert said in complaint(explore("frontier", "--study", folder, *words.split(), "--json"))
    assert not explorer_home.exists(), "no run was recorded"


@pytest.mark.parametrize("words", ["traces", "evaluate --plan plan.json", "finetune --plan plan.json"])
def test_a_profile_study_says_why_it_cannot_be_measured(explore: Command, words: str) -> None:
    assert "published figures only" in complaint(explore(*words.split(), "--study", PROFILE, "--json"))


def test_a_profile_study_without_the_width_asked_for(explore: Command) -> None:
    said = complaint(explore("frontier", "--study", PROFILE, "--bits", "2", "--cost", "latency"))
    assert "latency" in said


@pytest.mark.parametrize("verb", ["evaluate", "finetune"])
class TestPlans:
    """A plan.json that does not fit, by both commands that take one."""

    def refused(self, explore: Command, verb: str, folder: Path, plan: Path) -> str:
        return complaint(explore(verb, "--study", folder, "--plan", plan, "--json"))

    def test_missing(self, explore: Command, folder: Path, verb: str) -> None:
        assert "does not exist" in self.refused(explore, verb, folder, folder / "nowhere.json")

    def test_a_folder(self, explore: Command, folder: Path, verb: str) -> None:
        assert "cannot be read" in self.refused(explore, verb, folder, folder)

    @pytest.mark.parametrize("text", ["", "[1, 2]", "{]", "\x00", '{"version": 2}', "[" * 100_000])
    def test_no_plan(self, explore: Command, folder: Path, verb: str, text: str) -> None:
        path = folder / "plan.json"
        path.write_text(text)
        assert "the plan" in self.refused(explore, verb, folder, path)

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"study": "fashion-resnet20"}, "is for the study 'fashion-resnet20'"),
            ({"weights_sha256": "0" * 64}, "other weights"),
            ({"blocks": {"stem": {"w_bits": 4, "a_bits": 8}}}, "gives no bits to"),
            (
                {"blocks": {key: {"w_bits": 4, "a_bits": 8} for key in ["a", "b"]}},
                "blocks that tiny does not have",
            ),
            ({"blocks": {key: {"w_bits": 9, "a_bits": 8} for key in LAYERS}}, "cannot have 9 bits"),
            ({"blocks": {key: {"w_bits": 4, "a_bits": "8"} for key in LAYERS}}, "a_bits"),
            ({"blocks": {key: {"w_bits": 4} for key in LAYERS}}, "a_bits"),
            ({"blocks": {}}, "blocks"),
        ],
    )
    def test_of_another_network_or_with_other_bits(
        self, explore: Command, folder: Path, verb: str, change: dict[str, object], said: str
    ) -> None:
        path = write_plan(folder, dict.fromkeys(LAYERS, 4))
        path.write_text(json.dumps(json.loads(path.read_text()) | change))
        assert said in self.refused(explore, verb, folder, path)


class TestPlansWritten:
    """A plan that nobody chose, or a place where it cannot be; said before anything is computed."""

    def refused(self, explore: Command, folder: Path, out: Path, *words: object) -> str:
        from explorer.runs import Store

        said = complaint(explore("frontier", "--study", folder, "--out", out, *words, "--json"))
        assert not Store.open().list(), "no traces were computed for it"
        return said

    def test_without_a_budget_no_plan_is_chosen(self, explore: Command, folder: Path) -> None:
        assert "give --budget" in self.refused(explore, folder, folder / "plan.json")
        assert not (folder / "plan.json").exists()

    def test_into_a_folder_that_is_not_there(self, explore: Command, folder: Path) -> None:
        said = self.refused(explore, folder, folder / "nowhere" / "plan.json", "--budget-ratio", 8)
        assert f"the folder {folder / 'nowhere'} does not exist" in said

    def test_over_a_folder(self, explore: Command, folder: Path) -> None:
        assert "is not a file" in self.refused(explore, folder, folder, "--budget-ratio", 8)


class TestStudies:
    """A folder that does not hold together."""

    def refused(self, explore: Command, folder: Path) -> str:
        return complaint(explore("traces", "--study", folder, "--json"))

    def test_a_file_is_missing(self, explore: Command, folder: Path) -> None:
        for name in ("net.py", "data.npz", "weights.safetensors", "study.toml"):
            kept = (folder / name).read_bytes()
            (folder / name).unlink()
            assert name in self.refused(explore, folder) or name == "study.toml"
            (folder / name).write_bytes(kept)

    def test_weights_of_another_shape(self, explore: Command, folder: Path) -> None:
        weights = example_weights()
        save_file(
            weights | {"head.weight": weights["head.weight"].T.contiguous()}, folder / "weights.safetensors"
        )
        said = self.refused(explore, folder)
        assert "head.weight" in said
        assert "(16, 3)" in said
        assert "(3, 16)" in said

    def test_images_of_another_shape(self, explore: Command, folder: Path) -> None:
        arrays = example_arrays()
        for change in (arrays["test_images"][..., :1], arrays["test_images"][:, :4, :4]):
            write_arrays(folder / "data.npz", arrays | {"test_images": change})
            assert "images" in self.refused(explore, folder)

    def test_images_the_network_cannot_take(self, explore: Command, folder: Path) -> None:
        arrays = example_arrays()
        larger = {key: arrays[key].repeat(2, axis=1) for key in ("train_images", "test_images")}
        write_arrays(folder / "data.npz", arrays | larger)
        self.refused(explore, folder)

    def test_a_key_that_does_not_exist(self, explore: Command, folder: Path) -> None:
        toml = folder / "study.toml"
        toml.write_text(toml.read_text().replace("weights =", "wieghts ="))
        assert "weights" in self.refused(explore, folder)

    def test_code_that_fails(self, explore: Command, folder: Path) -> None:
        (folder / "net.py").write_text("def build():\n    raise ValueError('first line\\nsecond line')\n")
        assert "first line second line" in self.refused(explore, folder)


def test_a_store_that_cannot_be_opened(
    explore: Command, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    occupied = tmp_path / "occupied"
    occupied.write_text("a file")
    monkeypatch.setenv("EXPLORER_HOME", str(occupied))
    assert "EXPLORER_HOME" in complaint(explore("traces", "--study", folder, "--json"))
    monkeypatch.setenv("EXPLORER_DATABASE", "postgres-of-mine")
    assert "EXPLORER_DATABASE" in complaint(explore("traces", "--study", folder, "--json"))


def test_a_training_that_diverges(explore: Command, folder: Path) -> None:
    """A failure in the middle of a computation is a sentence too, the second time as well.

    Lines of progress may stand before it, where the machine is slow.
    """
    with (folder / "net.py").open("a") as net:
        net.write(NAN_WHEN_TRAINED)
    toml = folder / "study.toml"
    toml.write_text(toml.read_text().replace("cross_entropy", "net.py:loss"))
    plan = write_plan(folder, dict.fromkeys(LAYERS, 8))
    for _ in range(2):
        answer = explore("finetune", "--study", folder, "--plan", plan, "--json")
        last = answer.err.splitlines(keepends=True)[-1:]
        assert "not finite" in complaint(replace(answer, err="".join(last)))


def test_a_plan_that_is_not_named(explore: Command, folder: Path) -> None:
    """An empty path is the folder that one is in, which says nothing to anybody."""
    assert "no file is named" in complaint(explore("evaluate", "--study", folder, "--plan", ""))


def test_one_training_image_has_no_error_and_no_traceback(explore: Command, folder: Path) -> None:
    """What one row alone cannot tell is a dash in the table, and null in JSON."""
    arrays = example_arrays()
    arrays |= {
        name: arrays[name][:1] for name in ("train_images", "train_labels", "test_images", "test_labels")
    }
    write_arrays(folder / "data.npz", arrays)
    words = ("eigenvalues", "--study", folder, "--k", "1", "--max-products", "8")
    assert explore(*words, "--json").json["eigenvalues"][0]["held_out"] == [None]
    answer = explore(*words)
    assert answer.status == 0, answer.err
    assert "nan" not in answer.out
