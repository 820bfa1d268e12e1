"""Exported networks that were named: what the files weigh, what was checked by reading them back, what they cannot say."""

import shlex
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from explorer.reports.material import Absent, Material
from explorer.reports.page import Part, Section, Table, Words


def section(of: Material) -> Section | Absent:
    """A table for each export."""
    if not of.exported:
        how = f"python -m explorer export --study {shlex.quote(of.reference)} --plan plan.json --out DIR"
        return Absent(
            "An exported network", f"{how}, and then report with --exported DIR" if of.plans else ""
        )
    parts: list[Part] = []
    for folder, manifest in of.exported.items():
        parts += _told(PurePath(folder).name, manifest)
    return Section("exported", "Exported networks", tuple(parts))


def _told(folder: str, manifest: Mapping[str, Any]) -> list[Part]:
    rows = [("format", _said(manifest.get("format"))), ("options", _said(manifest.get("options")))]
    for name, file in manifest["files"].items():
        size = file.get("bytes") if isinstance(file, dict) else None
        hashed = file.get("sha256") if isinstance(file, dict) else None
        rows.append((f"file {name}", f"{_said(size)} bytes, SHA-256 {_said(hashed)}"))
    rows += [
        ("weights in it", f"{_said(manifest.get('weight_bytes'))} bytes"),
        ("weights as the plan promised", f"{_said(manifest.get('promised_bytes'))} bytes"),
    ]
    checks = manifest.get("checks")
    if isinstance(checks, dict):
        rows += [(f"checked: {name}", _said(found)) for name, found in checks.items()]
    rows.append(("written by", _said(manifest.get("versions"))))
    remarks = manifest.get("remarks")
    table = Table(("", "value"), tuple(rows), f"The export in the folder {folder}.")
    return [table, *(Words(str(each)) for each in (remarks if isinstance(remarks, list) else ()))]


def _said(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_said(each)}" for name, each in value.items())
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4g}"
    return "–" if value is None else str(value)
