"""The spectral density on the Sensitivity page."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from explorer.figures.curvature import spectrum
from explorer.figures.curvature.eigenvalues import WHOLE
from explorer.jobs.requests import spec_of
from explorer.questions import SpectrumQuestion
from explorer.runs import Run
from explorer.studies import Study
from explorer.ui.parts import beside, export, run_panel
from explorer.ui.sensitivity import eigen_form
from explorer.ui.shell import frame, session
from explorer.ui.shell.plain import plain
from explorer.ui.state import address

PRECISIONS: Mapping[str, tuple[int, int]] = {"quick": (32, 4), "fine": (80, 8)}  # steps, probes


def show(study: Study, controls: DeltaGenerator, picture: DeltaGenerator) -> None:
    """Form, progress, figure, and what it says."""
    with controls:
        frame.granularity_control()
        names = [None, *(block.name for block in session.blocks())]
        block = st.selectbox(
            "Block",
            names,
            format_func=lambda name: name or WHOLE,
            key=address.choice(
                f"spectrum_block_{session.reference()}_{session.granularity()}",
                "of_block",
                names,
                session.focus(),
            ),
        )
        precision = (
            st.segmented_control(
                "Precision",
                list(PRECISIONS),
                required=True,
                key=address.choice("spectrum_precision", "precision", PRECISIONS, "quick"),
            )
            or "quick"
        )
        steps, probes = PRECISIONS[precision]
        options: dict[str, Any] = {"steps": steps, "probes": probes, "samples": eigen_form.samples(study)}
        if block is not None:
            options["granularity"] = session.granularity()
        spec = spec_of(study, SpectrumQuestion(block=block, **options))
        run = eigen_form.ask(study, spec, f"Spectrum of {block or study.name}")
    with picture:
        if run is None:
            st.info(
                "This spectrum is not computed yet. **Compute** finds every eigenvalue of a block that is piecewise linear in "
                "one weight, within seconds to a minute for one of ResNet-20; for other blocks and the whole network it takes "
                f"{steps * probes} Hessian-vector products, some minutes. It keeps running if you leave this page.",
                icon=":material/play_circle:",
            )
            return
        with beside.watched("spectrum"):
            run_panel.watch(run.id, lambda run: _draw(study, run))


def _draw(study: Study, run: Run) -> None:
    if run.result is None:
        st.caption("The density appears here when all probes are done.")
        return
    result = run.result
    shown = spectrum.view(result)
    with beside.drawn("spectrum"):
        export.chart(
            spectrum.figure(shown),
            key="spectrum",
            name=f"spectrum-{shown.name}",
            alt=spectrum.finding(shown),
            table=lambda: pd.DataFrame({name: result[name] for name in ("grid", "density", "stderr")}),
        )
        st.caption(
            f"All {shown.n:,} eigenvalues of {plain(shown.name)}, mean loss over {result['samples']:,} {study.training_name}. "
            "Most lie in a narrow peak at zero; few stand far to the right, and those are the directions in which quantization "
            "does harm. Ticks left of zero are directions in which the loss curves downward. Every eigenvalue is blurred by "
            f"{result['sigma']:.2g}, which makes the flanks of the peak. {_errors(shown, result)}"
        )


def _errors(shown: spectrum.Density, result: Mapping[str, Any]) -> str:
    """What is known of the errors, and the trace."""
    if shown.exact:
        return (
            "Every one is computed, from the gradients of these samples, so the density has no error but for the choice of "
            f"samples. Trace {result['trace']:.4g}."
        )
    return (
        f"Band and error are over {len(result['probes'])} random probes; they do not cover the choice of samples. "
        f"Trace {result['trace']:.4g} ± {result['trace_stderr']:.1g}."
    )
