"""Quantized networks as files that run elsewhere, each read back after it is written."""

from explorer.export.exporting import FORMATS, export
from explorer.export.manifest import Manifest
from explorer.export.subject import Options, Subject

__all__ = ["FORMATS", "Manifest", "Options", "Subject", "export"]
