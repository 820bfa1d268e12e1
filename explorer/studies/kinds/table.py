"""The kinds of data by their names, and which of them a section of a study.toml is."""

from typing import Annotated, Any

from pydantic import Discriminator, Tag

from explorer.studies.kinds.arrays import ArraysSection
from explorer.studies.kinds.detection import DetectionSection
from explorer.studies.kinds.factory import FactorySection
from explorer.studies.kinds.folder import FolderSection
from explorer.studies.kinds.interactions import InteractionsSection
from explorer.studies.kinds.npz import NpzSection
from explorer.studies.kinds.parquet import ParquetSection
from explorer.studies.kinds.sections import DataSection
from explorer.studies.kinds.text import TextSection

KINDS: dict[str, type[DataSection]] = {
    "npz": NpzSection,
    "factory": FactorySection,
    "folder": FolderSection,
    "arrays": ArraysSection,
    "text": TextSection,
    "parquet": ParquetSection,
    "interactions": InteractionsSection,
    "detection": DetectionSection,
}


def _kind(section: Any) -> str:
    """The kind that a section names; the oldest where it names none."""
    found = section.get("kind", "npz") if isinstance(section, dict) else getattr(section, "kind", "npz")
    return str(found)


AnySection = Annotated[
    Annotated[NpzSection, Tag("npz")]
    | Annotated[FactorySection, Tag("factory")]
    | Annotated[FolderSection, Tag("folder")]
    | Annotated[ArraysSection, Tag("arrays")]
    | Annotated[TextSection, Tag("text")]
    | Annotated[ParquetSection, Tag("parquet")]
    | Annotated[InteractionsSection, Tag("interactions")]
    | Annotated[DetectionSection, Tag("detection")],
    Discriminator(_kind),
]
