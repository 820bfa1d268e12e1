"""What Ω rests on beyond the traces: damage that is measured with the network, in runs of its own."""

from dataclasses import replace

import streamlit as st

from explorer import plans
from explorer.jobs.requests import spec_of
from explorer.plans import DamageTable
from explorer.questions import DamageQuestion
from explorer.runs import Run, RunSpec
from explorer.studies import Study
from explorer.ui.frontier.question import Ask
from explorer.ui.parts import run_panel
from explorer.ui.shell import caches, session
from explorer.ui.shell.caches import Basis

_MEASURED = ("product", "lambda-max")
_NAMES = {
    "product": "ΔWᵀHΔW of every block",
    "lambda-max": "Largest eigenvalues of every block",
    "activation": "Damage of rounded activations",
}


def complete(asked: Ask, basis: Basis) -> Basis | None:
    """The basis with what the question needs beside the traces; None while that is missing, which is then said."""
    study = session.study()
    needed: list[str] = [asked.damage] if asked.damage in _MEASURED else []
    needed += ["activation"] if asked.a_menu else []
    if not needed or not isinstance(study, Study):
        return basis
    specs = {measure: _spec(study, measure) for measure in needed}
    titled = {f"{_NAMES[measure]} of {study.name}": spec for measure, spec in specs.items()}
    runs = {measure: caches.store().find(spec) for measure, spec in specs.items()}
    if not all(run is not None and run.status == "done" for run in runs.values()):
        _wait(titled, [run for run in runs.values() if run is not None])
        return None
    found = {measure: _table(run) for measure, run in runs.items() if run is not None}
    table = found.get(asked.damage)
    if "activation" in found:
        inputs = found["activation"]
        if table is None:
            table = plans.study_damage(study, basis.traces, asked.damage, caches.WIDTHS)[1]
        table = table.with_activation(inputs.activation, inputs.activation_stderr)
    key = " ".join([basis.key, *(spec.run_id for spec in specs.values())])
    return replace(basis, key=key, table=table)


def _spec(study: Study, measure: str) -> RunSpec:
    return spec_of(study, DamageQuestion(measure=measure, granularity=session.granularity()))


def _table(run: Run) -> DamageTable:
    assert run.result is not None  # the run is done
    return DamageTable.from_json(run.result["table"])


def _wait(titled: dict[str, RunSpec], begun: list[Run]) -> None:
    missing = run_panel.missing(titled)
    if missing:
        st.info(
            f"This question needs what nobody has computed yet: {'; '.join(missing)}.", icon=":material/info:"
        )
    run_panel.compute(titled, there="It is on its way.", key="compute_damage")
    if begun:
        run_panel.watch_all([run.id for run in begun], lambda _: None)
