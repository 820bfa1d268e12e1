"""The Export page: what and how at the left, and beside it the files, what they are worth and how fast they run."""

import streamlit as st

from explorer.errors import ExplorerError
from explorer.export.onnx_files import running
from explorer.jobs.requests import spec_of
from explorer.plans import Plan
from explorer.questions import ExportQuestion
from explorer.runs import Run
from explorer.studies import Study
from explorer.ui.export import form, outcome, speed
from explorer.ui.parts import beside, run_panel
from explorer.ui.shell import results
from explorer.ui.shell.plain import plain


def show(study: Study, plan: Plan | None) -> None:
    """Draw everything but the title."""
    done = [
        run for run in results.runs_of(study, "finetune") if run.status == "done" and run.result is not None
    ]
    if plan is None and not done:
        st.info("There is nothing to export yet: choose a plan first.", icon=":material/info:")
        st.page_link("pages/frontier.py", label="Choose a plan", icon=":material/show_chart:")
        return
    left, right = beside.columns("export")
    with left:
        try:
            asked = form.asked(plan, done)
        except ExplorerError as error:
            st.error(plain(str(error)))
            return
        spec = spec_of(study, asked)
        run_panel.compute(
            {"Export": spec}, there="It is exported already.", label="Export", key="compute_export"
        )
    run = results.runs(study).find(spec)
    with right:
        if run is None:
            st.header("Not exported yet")
            st.write(
                "**Export** writes the files, reads them back and says what was checked; it takes less than a minute and "
                "goes on when you leave this page. Nothing is written that could not be read back."
            )
        else:
            run_panel.watch(run.id, lambda now: outcome.show(study, now))
        _speed(study, asked, run)
        if run is not None and run.status == "done":
            _elsewhere(study, asked)


def _speed(study: Study, asked: ExportQuestion, run: Run | None) -> None:
    if running.installed() is None:
        st.caption(
            "ONNX Runtime is not installed here, so that nothing can be run or timed: `pip install onnxruntime`."
        )
    elif run is not None and run.status == "done":
        speed.show(study, asked)


def _elsewhere(study: Study, asked: ExportQuestion) -> None:
    """How the files are used outside the app."""
    st.header("What to do with it")
    if asked.format == "onnx":
        st.code(f"python -m explorer run-exported model.onnx --study {study.reference}", language="sh")
        st.caption(
            "Measures the file on the study's test samples; `--data inputs.npy` classifies your own. In a program of your "
            "own: `onnxruntime.InferenceSession('model.onnx')`."
        )
    elif asked.format == "packed":
        st.code("python -m explorer unpack model.packed.safetensors --out tensors.safetensors", language="sh")
        st.caption(
            "Gives the weights as numbers. `explorer/export/unpacking.py` reads the integers with NumPy alone; copy it beside."
        )
    elif asked.format == "qonnx":
        st.code("qonnx-inference-cost model.qonnx.onnx", language="sh")
        st.caption("QONNX's own tool counts bits and operations; FINN and hls4ml take the file as it is.")
    else:
        st.code(
            "load_encodings_to_sim(QuantizationSimModel(model), 'model.encodings', strict=False)",
            language="python",
        )
        st.caption("With `aimet_onnx.quantsim`; the model is `model.onnx`, read with `onnx.load`.")
