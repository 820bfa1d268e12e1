"""study.toml: the description of a study, checked before anything is loaded.

The keys are a contract (see docs/own-study.md); an unknown key is an error, because a misspelt one would otherwise
be ignored in silence.
"""

from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, StrictBool, ValidationError, field_validator
from torch import nn

from explorer import reading
from explorer.errors import StudyError
from explorer.studies import losses, profile
from explorer.studies.checks import check_forward, check_same
from explorer.studies.data.images import MAX_CLASSES
from explorer.studies.factories import Factories
from explorer.studies.identity.origin import Origin, stamp
from explorer.studies.kinds.sections import LONGEST_PATH, PathText, Place, Section
from explorer.studies.kinds.table import KINDS, AnySection
from explorer.studies.losses import Loss
from explorer.studies.metrics import METRICS, Metric, usual
from explorer.studies.networks.folding import fold_batch_norms
from explorer.studies.study import AnyStudy, Card, Study
from explorer.studies.weights import file_sha256, folded_sha256, load_into, read_weights

_FILE = reading.Kind(
    "the study",
    256_000,
    StudyError,
    "give a folder with a study.toml, or the file itself",
    absent="there is no study at {path}",
)


class ModelSection(Section):
    factory: PathText
    weights: PathText
    fold_batch_norms: StrictBool = False


class LossSection(Section):
    kind: str = Field(default="cross_entropy", min_length=1, max_length=LONGEST_PATH)
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    class_weights: tuple[Annotated[float, Field(ge=0, le=1e6)], ...] | None = Field(
        default=None, min_length=1, max_length=MAX_CLASSES
    )

    @field_validator("class_weights")
    @classmethod
    def _some_class_counts(cls, value: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if value is not None and not any(value):
            raise ValueError(
                "every class has the weight 0, so nothing would count; give one a weight above 0"
            )
        return value


class TaskSection(Section):
    metric: Literal["accuracy", "top5", "token-accuracy", "hr10", "ndcg10", "map", "ap50"] | None = None


class ProfileSection(Section):
    path: PathText
    network: str | None = Field(default=None, max_length=500)


class CardSection(Section):
    title: str = Field(default="", max_length=200)
    summary: str = Field(default="", max_length=5000)
    source: str = Field(default="", max_length=2000)
    licence: str = Field(default="", max_length=2000)
    facts: dict[str, str] = Field(default_factory=dict, max_length=200)


class Description(Section):
    """The whole file: ``model``, ``data`` and ``loss`` for a network, ``profile`` for published figures."""

    name: str = Field(min_length=1, max_length=80)
    kind: Literal["network", "profile"] = "network"
    model: ModelSection | None = None
    data: AnySection | None = None
    loss: LossSection = LossSection()
    task: TaskSection = TaskSection()
    profile: ProfileSection | None = None
    card: CardSection = CardSection()


def read_description(path: Path) -> Description:
    """Parse and check a study.toml without loading what it names.

    Raises:
        StudyError: the file is missing, too large, is not TOML, or a key is missing, unknown or of the wrong type.
    """
    content = reading.parse_toml(reading.read_text(path, _FILE), _FILE, of=f" {path}")
    try:
        description = Description.model_validate(content)
    except ValidationError as error:
        raise StudyError(f"{path}: {_first_problem(error)}") from error
    for kind, sections in (("network", ("model", "data")), ("profile", ("profile",))):
        for section in sections:
            present = getattr(description, section) is not None
            if kind == description.kind and not present:
                raise StudyError(f"{path} has no [{section}] section, which a {description.kind} study needs")
            if kind != description.kind and present:
                raise StudyError(f"{path} has a [{section}] section; remove it, or set kind = {kind!r}")
    return description


def described(path: Path) -> Description:
    """The description in a study.toml, read again only after the file has changed.

    Raises:
        StudyError: as `read_description`.
    """
    try:
        found = path.stat()
    except (OSError, ValueError):
        return read_description(path)  # which says what is wrong
    return _description(path, found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=64)
def _description(path: Path, changed: int, size: int) -> Description:
    return read_description(path)


def load_toml(path: Path, *, reference: str, files: Path | None = None) -> AnyStudy:
    """Load the study a study.toml describes.

    Args:
        path: the file.
        reference: recorded in the study, so that another process can load it again.
        files: folder of the weights and the data, when it is not the toml's own.

    Raises:
        StudyError: anything the file names is missing or does not fit.
    """
    found = stamp(path)
    description = read_description(path)
    folder = path.parent
    card = Card(**{**description.card.model_dump(), "title": description.card.title or description.name})
    if description.profile is not None:
        source = folder / description.profile.path
        origin = Origin(stamps=(found, stamp(source)))
        study = profile.load_profile(
            source, network=description.profile.network, name=description.name, reference=reference, card=card
        )
        return replace(study, origin=origin)
    assert description.model is not None  # read_description made sure
    assert description.data is not None
    files = files or folder
    weights_path = files / description.model.weights
    stamps = (found, stamp(weights_path))
    factories = Factories(folder)
    loaded = description.data.load(Place(files, factories))
    data = loaded.samples
    network = network_of(description.model.factory, factories)
    load_into(network, read_weights(weights_path), weights_path.name)
    network.eval()
    loss = loss_of(description.loss, factories)
    check_forward(network, data, loss)
    sha256 = file_sha256(weights_path)
    origin = Origin(
        code=factories.code,
        files={description.model.weights: sha256, **loaded.files},
        stamps=(*stamps, *loaded.stamps, *factories.stamps),
    )
    if not origin.unchanged:
        raise StudyError(
            f"a file of the study {description.name} was written while it was read; load it again"
        )
    if description.model.fold_batch_norms:
        unfolded, network = network, fold_batch_norms(network)
        check_same(unfolded, network, data, loss)
        sha256 = folded_sha256(sha256)
        card = replace(
            card, facts={**card.facts, "batch normalisations": "folded into the layers before them"}
        )
    return Study(
        name=description.name,
        reference=reference,
        card=card,
        data=data,
        loss=loss,
        weights_sha256=sha256,
        network=network,
        metric=metric_of(description.task, loss),
        origin=origin,
    )


def network_of(factory: str, factories: Factories) -> nn.Module:
    """The network that a factory makes.

    Raises:
        StudyError: the factory cannot be called, or returned something else.
    """
    network = factories.call(factory)
    if not isinstance(network, nn.Module):
        raise StudyError(
            f"the factory {factory!r} returned a {type(network).__name__}; it must return an nn.Module"
        )
    return network


def loss_of(section: LossSection, factories: Factories) -> Loss:
    """The loss that a section describes.

    Raises:
        StudyError: it is unknown, or its factory cannot be called.
    """
    if ":" in section.kind:
        function = factories.call(section.kind)
        if not callable(function):
            raise StudyError(
                f"the factory {section.kind!r} returned a {type(function).__name__}; "
                f"it must return a function of outputs and targets"
            )
        return Loss(kind=section.kind, function=function)
    if section.kind not in losses.KINDS:
        raise StudyError(
            f"[loss] kind {section.kind!r} is unknown; use {', '.join(losses.KINDS)} "
            f"or a factory FILE.py:function"
        )
    return Loss(
        kind=section.kind, label_smoothing=section.label_smoothing, class_weights=section.class_weights
    )


def metric_of(section: TaskSection, loss: Loss) -> Metric:
    """What is counted beside the loss."""
    return usual(loss) if section.metric is None else METRICS[section.metric]


def _first_problem(error: ValidationError) -> str:
    problem: Any = error.errors()[0]
    loc = problem["loc"]
    if (
        loc[0] == "data" and len(loc) > 1 and loc[1] in KINDS
    ):  # which kind it is checked as, that nobody wrote
        loc = (loc[0], *loc[2:])
    where = ".".join(str(part) for part in loc)
    if problem["type"] == "union_tag_invalid":
        return (
            f"the key data.kind is wrong: {problem['ctx']['tag']} is no kind of data; use {', '.join(KINDS)}"
        )
    if problem["type"] == "value_error":
        return f"the key {where} is wrong: {problem['ctx']['error']}"
    if problem["type"] == "missing":
        return f"the key {where} is missing"
    if problem["type"] == "extra_forbidden":
        return f"the key {where} is unknown; remove it or correct its spelling"
    return f"the key {where} is wrong: {problem['msg'][0].lower()}{problem['msg'][1:]}"
