"""A finished export: what it is worth where it runs, what was checked, and the files to take away."""

import io
import math
import zipfile
from collections.abc import Mapping
from pathlib import PurePath
from typing import Literal

import numpy as np
import streamlit as st

from explorer.estimates import within_noise
from explorer.export.record import ExportRecord
from explorer.figures.look import bytes_text, percent_text
from explorer.jobs import registry
from explorer.runs import Run
from explorer.studies import Study
from explorer.ui.export import words
from explorer.ui.parts import export
from explorer.ui.shell import caches
from explorer.ui.shell.plain import plain

_RUN = "accuracy as run", "accuracy as written"  # as manifests name them, whatever is counted


def show(study: Study, run: Run) -> None:
    """Draw what there is of an export; nothing while it is at work."""
    if run.status != "done" or run.result is None:
        return
    record: ExportRecord = registry.result(run.spec.kind, run.result)
    _numbers(study, record)
    _why(record)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.download_button(
            "Download",
            lambda: zipped(caches.store().artifacts.get_arrays(record.artifact)),
            f"{export.file_name('export')}-{run.id[:5]}.zip",
            "application/zip",
            icon=":material/download:",
            type="primary",
            on_click="ignore",
            key=f"export_files_{run.id}",
        )
        held = ", ".join(
            f"{name} ({bytes_text(of['bytes'])})" for name, of in record.manifest["files"].items()
        )
        st.caption(plain(f"{held}, manifest.json"))
    _checked(record)


def zipped(files: Mapping[str, np.ndarray]) -> bytes:
    """Files as one archive, the same bytes every time."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(PurePath(name).name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, files[name].tobytes())
    return made.getvalue()


def _numbers(study: Study, record: ExportRecord) -> None:
    own, manifest = record.own, record.manifest
    with st.container(horizontal=True, gap="large", key="export_numbers"):
        st.metric("The plan itself", percent_text(own.accuracy, own.accuracy_stderr), width="content")
        if record.deployed is not None:
            said, colour = _moved(record)
            st.metric(
                "Where it runs",
                percent_text(record.deployed.accuracy, record.deployed.accuracy_stderr),
                said,
                delta_color=colour,
                delta_arrow="off",
                width="content",
                help=f"Simulated on all test {study.noun.many}; ± one standard error. " + words.WHY,
            )
        for name in _RUN:
            if name in manifest["checks"]:
                found = manifest["checks"][name]
                st.metric(
                    "In ONNX Runtime",
                    percent_text(found["value"], found["stderr"]),
                    width="content",
                    help=f"The file itself, on {manifest['options']['tried']:,} test {study.noun.many}.",
                )
                break
        st.metric(
            "Weights in the file",
            bytes_text(manifest["weight_bytes"]),
            f"{bytes_text(manifest['promised_bytes'])} promised",
            delta_color="off",
            delta_arrow="off",
            width="content",
            help="What the plan says they weigh, each at its own width.",
        )


def _moved(record: ExportRecord) -> tuple[str | None, Literal["normal", "off"]]:
    """How far what runs is from the plan, and whether that is more than noise."""
    own, runs = record.own, record.deployed
    if runs is None or own.accuracy is None or runs.accuracy is None:
        return None, "off"
    points = 100 * (runs.accuracy - own.accuracy)
    error = 100 * math.hypot(own.accuracy_stderr or 0.0, runs.accuracy_stderr or 0.0)
    noise = within_noise(points, error)
    return f"{points:+.2f} points{', within noise' if noise else ''}", "off" if noise else "normal"


def _why(record: ExportRecord) -> None:
    if record.deployed is None:
        st.info(plain(f"Integer arithmetic cannot compute it: {record.refused}."), icon=":material/info:")
    else:
        st.caption(words.WHY)


def _checked(record: ExportRecord) -> None:
    st.subheader("Read back after writing")
    rows = [
        {"checked": name, "found": words.check(found)} for name, found in record.manifest["checks"].items()
    ]
    st.dataframe(
        rows,
        hide_index=True,
        column_config={"checked": st.column_config.TextColumn(width="medium")},
        alt="What was checked by reading the files back, and what was found",
    )
    for remark in record.manifest["remarks"]:
        st.markdown(f"- {plain(remark)}")
    with st.expander("manifest.json"):
        st.json(dict(record.manifest), expanded=1)
