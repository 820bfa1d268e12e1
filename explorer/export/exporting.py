"""Writing an export: into a folder beside, read back, and only then moved to where it was asked for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from explorer import files
from explorer.errors import ExportError
from explorer.export import manifest as manifests
from explorer.export import packed
from explorer.export.manifest import Manifest
from explorer.export.onnx_files import aimet, qonnx, writing
from explorer.export.subject import Subject, Written
from explorer.plans.costs.tables import size_bytes

FORMATS: dict[str, Callable[[Subject, Path], Written]] = {
    "onnx": writing.write,
    "packed": packed.write,
    "qonnx": qonnx.write,
    "aimet": aimet.write,
}


def export(subject: Subject, format: str, folder: Path) -> Manifest:
    """Write a network as files of a format with a manifest, whole or not at all.

    Args:
        format: a key of `FORMATS`.
        folder: to be made; an empty one is used.

    Raises:
        ExportError: there is no such format, the format cannot hold the network (the sentence names the layer), the
            folder holds something or cannot be written, or a file is not read back as it was written. Nothing is left.
    """
    if format not in FORMATS:
        raise ExportError(f"there is no format {format!r}; use {' or '.join(FORMATS)}")
    files.check_free(folder, ExportError)
    try:
        with files.new_folder(folder) as temporary:
            written = FORMATS[format](subject, temporary)
            manifest = _manifest(subject, format, written, temporary)
            files.write(
                temporary / manifests.NAME, (json.dumps(manifest.to_json(), indent=2) + "\n").encode()
            )
    except OSError as error:
        raise ExportError(
            f"the folder {folder} cannot be written ({error.strerror}); name another"
        ) from error
    return manifest


def _manifest(subject: Subject, format: str, written: Written, folder: Path) -> Manifest:
    study = subject.study
    found = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    own = {name: version(name) for name in ("mixed-precision-explorer", "torch")}
    return Manifest(
        format=format,
        options=asdict(subject.options),
        study={"name": study.name, "weights_sha256": study.weights_sha256, "data_sha256": study.data.sha256},
        run=subject.run,
        plan=subject.plan.to_json(),
        files={
            name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
            for name, data in found.items()
        },
        weight_bytes=written.weight_bytes,
        promised_bytes=size_bytes(subject.blocks, subject.plan.w_bits),
        checks={check.name: check.found for check in written.checks},
        remarks=written.remarks,
        versions={**own, **written.versions},
    )
