"""The run kind ``export_latency``: how long ONNX Runtime takes for an exported file, beside the FP32 network.

Options: those of `ExportLatencyQuestion`. The file is the one that a finished export kept, else it is written first.
"""

import tempfile
from pathlib import Path

import torch

from explorer.export import Options, Subject, export
from explorer.export.latency import benchmark
from explorer.export.onnx_files.writing import NAME
from explorer.export.record import LatencyRecord
from explorer.jobs.exports import FILES
from explorer.jobs.exports.writing import subject_of
from explorer.jobs.requests import spec_of
from explorer.questions import ExportLatencyQuestion, ExportQuestion
from explorer.runs.context import RunContext
from explorer.runs.provenance import here
from explorer.studies import Study


def run(study: Study, question: ExportLatencyQuestion, context: RunContext) -> LatencyRecord:
    """Time the file in fresh processes."""
    threads = torch.get_num_threads()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / NAME
        path.write_bytes(_file(study, question.export, context))
        found = benchmark(path, study, rounds=question.rounds, threads=threads, watcher=context)
    return LatencyRecord(tuple(found), here().cpu or "unknown", threads)


def _file(study: Study, asked: ExportQuestion, context: RunContext) -> bytes:
    spec = spec_of(study, asked)
    for written in context.runs_of(asked.kind, version=asked.version):
        if written.spec.asks_the_same(spec):
            kept = context.tensors_of(written, FILES)
            if kept is not None and NAME in kept:
                return kept[NAME].numpy().tobytes()
    context.report(0.0, "writing the file")
    subject = subject_of(study, asked, context)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "exported"
        export(
            Subject(
                study, subject.plan, subject.blocks, subject.network, Options(asked.flavour, asked.carrier, 2)
            ),
            "onnx",
            out,
        )
        return (out / NAME).read_bytes()
