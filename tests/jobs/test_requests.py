"""Literal identities of questions: what was asked before a change must find its run after it."""

from explorer.jobs import requests
from tests.jobs.test_versions import PLAN, STUDY

ASKED = {
    "traces": requests.traces(STUDY),
    "traces, not as usual": requests.traces(
        STUDY, seed=1, of="activations", method="hutchinson", samples=64, rel_se=0.1
    ),
    "finetune": requests.finetune(STUDY, PLAN),
    "finetune, not as usual": requests.finetune(STUDY, PLAN, seed=2, epochs=3, learning_rate=0.1),
    "evaluate": requests.evaluate(STUDY),
    "evaluate a plan": requests.evaluate(STUDY, {**PLAN, "name": "mine"}, split="train"),
    "landscape": requests.landscape(STUDY),
    "landscape, not as usual": requests.landscape(
        STUDY, "0", directions="quantization", dims=1, bits=[3, 2], points=33
    ),
    "eigenvalues": requests.eigenvalues(STUDY),
    "spectrum": requests.spectrum(STUDY, "3", steps=32),
    "lapq": requests.lapq(STUDY),
    "lapq, not as usual": requests.lapq(STUDY, leave=["b", "a"], a_bits=2),
    "lapq_surface": requests.lapq_surface(STUDY, "0", "3"),
    "lapq_surface, others quantized": requests.lapq_surface(STUDY, "0", "3", others="quantized", leave=[]),
    "lapq_sweep": requests.lapq_sweep(STUDY, "p"),
    "lapq_hessian": requests.lapq_hessian(STUDY),
    "lapq_table": requests.lapq_table(STUDY),
    "damage": requests.damage(STUDY),
    "damage of activations": requests.damage(STUDY, measure="activation", samples=9),
    "damage, not as usual": requests.damage(
        STUDY, bits=[4, 2], quantizer={"step": "max", "scheme": "symmetric"}
    ),
    "proxy": requests.proxy(STUDY),
}

IDS = {
    "traces": "1d8301b4119b",
    "traces, not as usual": "cde3e30f6010",
    "finetune": "61b45d3be7e9",
    "finetune, not as usual": "8399271ebb8c",
    "evaluate": "2ef374fa4c0b",
    "evaluate a plan": "72b327067794",
    "landscape": "3334ba54e4fb",
    "landscape, not as usual": "a6f7571ba709",
    "eigenvalues": "2e853cf197fa",
    "spectrum": "94b4c38c4de9",
    "lapq": "e098c5ed3dcb",
    "lapq, not as usual": "36feba9a3275",
    "lapq_surface": "83549a6ffcf1",
    "lapq_surface, others quantized": "3366e0f3bb32",
    "lapq_sweep": "4b8522c61a01",
    "lapq_hessian": "b7c31c13308a",
    "lapq_table": "6f86e3142976",
    "damage": "9a97f0f2a13a",
    "damage of activations": "894841115499",
    "damage, not as usual": "f0e0c2c85722",
    "proxy": "c5c29ee9960d",
}


def test_questions_keep_their_identity() -> None:
    """A changed id orphans every recorded run of the kind: give the kind a new version instead, on purpose."""
    assert {name: spec.run_id for name, spec in ASKED.items()} == IDS
    assert {spec.kind for spec in ASKED.values()} == set(requests.VERSIONS)
