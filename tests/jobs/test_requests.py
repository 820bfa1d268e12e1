"""Literal identities of questions: what was asked before a change must find its run after it."""

from explorer.jobs import registry
from explorer.jobs.requests import spec_of
from explorer.questions import (
    ChooseQuestion,
    DamageQuestion,
    EigenvaluesQuestion,
    EvaluateQuestion,
    ExportLatencyQuestion,
    ExportQuestion,
    FinetuneQuestion,
    Ladder,
    LandscapeQuestion,
    LapqHessianQuestion,
    LapqQuestion,
    LapqSurfaceQuestion,
    LapqSweepQuestion,
    LapqTableQuestion,
    LessonQuestion,
    MeasureFrontierQuestion,
    ProxyQuestion,
    SpectrumQuestion,
    TracesQuestion,
)
from tests.jobs.test_versions import PLAN, STUDY

ASKED = {
    "traces": spec_of(STUDY, TracesQuestion()),
    "traces, not as usual": spec_of(
        STUDY, TracesQuestion(seed=1, of="activations", method="hutchinson", samples=64, rel_se=0.1)
    ),
    "finetune": spec_of(STUDY, FinetuneQuestion(plan=PLAN)),
    "finetune, not as usual": spec_of(
        STUDY, FinetuneQuestion(plan=PLAN, seed=2, epochs=3, learning_rate=0.1)
    ),
    "evaluate": spec_of(STUDY, EvaluateQuestion()),
    "evaluate a plan": spec_of(STUDY, EvaluateQuestion(plan={**PLAN, "name": "mine"}, split="train")),
    "landscape": spec_of(STUDY, LandscapeQuestion()),
    "landscape, not as usual": spec_of(
        STUDY, LandscapeQuestion(block="0", directions="quantization", dims=1, bits=[3, 2], points=33)
    ),
    "eigenvalues": spec_of(STUDY, EigenvaluesQuestion()),
    "spectrum": spec_of(STUDY, SpectrumQuestion(block="3", steps=32)),
    "lapq": spec_of(STUDY, LapqQuestion()),
    "lapq, not as usual": spec_of(STUDY, LapqQuestion(leave=["b", "a"], a_bits=2)),
    "lapq_surface": spec_of(STUDY, LapqSurfaceQuestion(first="0", second="3")),
    "lapq_surface, others quantized": spec_of(
        STUDY, LapqSurfaceQuestion(first="0", second="3", others="quantized", leave=[])
    ),
    "lapq_sweep": spec_of(STUDY, LapqSweepQuestion(sweep="p")),
    "lapq_hessian": spec_of(STUDY, LapqHessianQuestion()),
    "lapq_table": spec_of(STUDY, LapqTableQuestion()),
    "damage": spec_of(STUDY, DamageQuestion()),
    "damage of activations": spec_of(STUDY, DamageQuestion(measure="activation", samples=9)),
    "damage, not as usual": spec_of(
        STUDY, DamageQuestion(bits=[4, 2], quantizer={"step": "max", "scheme": "symmetric"})
    ),
    "export": spec_of(STUDY, ExportQuestion(plan={"blocks": {}})),
    "export, not as usual": spec_of(STUDY, ExportQuestion(run="3f2a", format="qonnx", flavour="faithful")),
    "export_latency": spec_of(STUDY, ExportLatencyQuestion(export={"run": "3f2a"})),
    "lesson": spec_of(STUDY, LessonQuestion(experiment="quantizing:accuracy", settings={"images": 100})),
    "choose": spec_of(STUDY, ChooseQuestion()),
    "choose, not as usual": spec_of(
        STUDY, ChooseQuestion(max_drop=0.02, frontier={"bits": (8, 2), "cost": "bops", "a_bits": "weights"})
    ),
    "proxy": spec_of(STUDY, ProxyQuestion()),
    "measure_frontier": spec_of(
        STUDY, MeasureFrontierQuestion(plans=Ladder.of(["a", "b"], [[2, 2], [16, 4]], [[8, 8], [8, 32]]))
    ),
}

IDS = {
    "traces": "10e348509fd3",
    "traces, not as usual": "a39d29779771",
    "finetune": "985c2d4445f8",
    "finetune, not as usual": "a83c1ec60af7",
    "evaluate": "2ef374fa4c0b",
    "evaluate a plan": "72b327067794",
    "landscape": "a92d57f2206b",
    "landscape, not as usual": "4ee077b73673",
    "eigenvalues": "2e853cf197fa",
    "spectrum": "94b4c38c4de9",
    "lapq": "e098c5ed3dcb",
    "lapq, not as usual": "36feba9a3275",
    "lapq_surface": "83549a6ffcf1",
    "lapq_surface, others quantized": "3366e0f3bb32",
    "lapq_sweep": "4b8522c61a01",
    "lapq_hessian": "b7c31c13308a",
    "lapq_table": "25a1f494206d",
    "damage": "dbd6a36fad6b",
    "damage of activations": "811b9586708d",
    "damage, not as usual": "2857ff2460ac",
    "export": "f159e231fc35",
    "export, not as usual": "0cc838c0a6d3",
    "export_latency": "e98b63fdca55",
    "lesson": "71247c05c1fb",
    "choose": "d73e70fe48ca",
    "choose, not as usual": "0fcaec592016",
    "proxy": "9cec9eab3ec2",
    "measure_frontier": "531165411656",
}


def test_questions_keep_their_identity() -> None:
    """A changed id orphans every recorded run of the kind: give the kind a new version instead, on purpose."""
    assert {name: spec.run_id for name, spec in ASKED.items()} == IDS
    assert {spec.kind for spec in ASKED.values()} == set(registry.names())
