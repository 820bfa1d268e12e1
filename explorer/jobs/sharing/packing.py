"""Packing a study with its finished runs into one file, to be handed to somebody else.

Of a study of one's own everything goes along that loading it reads: description, weights, data and the source files
beside it. What lies elsewhere and is data is taken into the folder, and the description names it there; code that is
installed is not taken along. Runs go along as they are, but for where the study was on this machine.
"""

import hashlib
import json
import shutil
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from explorer import files
from explorer.errors import RunError, StudyError
from explorer.jobs import housekeeping
from explorer.jobs.sharing.contents import (
    LIST,
    MOST_BYTES,
    PACKED,
    RUNS,
    STUDY,
    TOML,
    Contents,
    Listed,
    is_plain,
)
from explorer.reading.regular import size
from explorer.runs.keeping import bundles
from explorer.runs.store import Store
from explorer.studies import AnyStudy
from explorer.studies.shipped.builtin import NAMES
from explorer.studies.toml import described
from explorer.studies.writing import functions, text_of

_STORED = (".npz", ".safetensors", ".pt", ".pth", ".th")  # which compressing makes hardly smaller


def pack(study: AnyStudy, store: Store, path: Path, *, runs: Sequence[str] | None = None) -> Contents:
    """Write the archive of a study.

    Args:
        path: of the archive, which is there whole or not at all.
        runs: ids, or their beginnings; without them every finished run of the study as it is.

    Returns:
        The list of what is in it.

    Raises:
        RunError: a run is not done, is of another study or is damaged, the whole is too large, or the archive cannot be
            written.
        StudyError: a file of the study is gone, or lies where an archive cannot hold it.
    """
    chosen = _chosen(study, store, runs)
    try:
        with tempfile.TemporaryDirectory(prefix="explorer-archive-") as temporary:
            folder = Path(temporary)
            if study.reference not in NAMES:
                _study(study, folder / STUDY)
            store.bundles.write(chosen, folder / RUNS)
            _anonymous(folder / RUNS, study.name)
            contents = Contents(
                study=study.name,
                built_in=study.reference in NAMES,
                fingerprint=study.fingerprint,
                files=_listed(folder),
            )
            total = sum(each.bytes for each in contents.files.values())
            if total > MOST_BYTES:
                raise RunError(
                    f"the archive would hold {size(total)}, of which {size(MOST_BYTES)} are allowed; name fewer runs"
                )
            files.write(path, _zipped(folder, contents))
    except OSError as error:
        raise RunError(
            f"the archive {path} cannot be written ({error.strerror}); name another place"
        ) from error
    return contents


def _chosen(study: AnyStudy, store: Store, names: Sequence[str] | None) -> list[str]:
    if names is None:
        found = store.list(fingerprint=study.fingerprint)
        return [run.id for run in found if run.status == "done" and run.superseded_by is None]
    chosen = [housekeeping.find(store, name) for name in names]
    for run in chosen:
        if run.spec.fingerprint != study.fingerprint:
            raise RunError(f"run {run.id} is of another study than {study.name}; leave it out")
    return list(dict.fromkeys(run.id for run in chosen))


def _study(study: AnyStudy, folder: Path) -> None:
    """Copy what loading the study read."""
    toml = Path(study.reference)
    base, home = described(toml), toml.parent.resolve()
    if base.data is not None and base.data.kind not in PACKED:
        raise StudyError(
            f"the data of {study.name} are of the kind {base.data.kind}, which an archive does not hold; share the "
            "folder of the study itself, or its runs alone"
        )
    for address in functions(base):
        file = address.partition(":")[0]
        if file.endswith(".py") and not (_inside(home / file, home) and is_plain(file)):
            raise StudyError(f"the code {file} lies outside the folder of the study; move it there")
    folder.mkdir()
    moved: dict[str, str] = {}
    for name in _data(base.model_dump()):
        source = home / name
        target = name if _inside(source, home) and is_plain(name) else f"data/{source.name}"
        if target != name:
            moved[name] = target
        _copied(source, folder / target)
    for stamp in study.origin.stamps:
        if stamp.path.suffix == ".py" and _inside(stamp.path, home):
            _copied(stamp.path, folder / stamp.path.resolve().relative_to(home))
    if moved:
        (folder / TOML).write_text(text_of(base, moved), encoding="utf-8")
    else:
        _copied(toml, folder / TOML)


def _data(description: Mapping[str, dict[str, str] | None]) -> list[str]:
    """Names of weights, data and figures in a description."""
    places = (("model", "weights"), ("data", "path"), ("profile", "path"))
    sections = ((description.get(section), key) for section, key in places)
    return [section[key] for section, key in sections if section]


def _inside(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder)


def _copied(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        shutil.copyfile(source, target)
    except FileNotFoundError as error:
        raise StudyError(f"the file {source} of the study is gone; load the study again") from error


def _anonymous(folder: Path, study: str) -> None:
    """Take out of a bundle where the study was on this machine."""
    packed = bundles.read(folder)
    content = [{**run, "spec": {**run["spec"], "study": study}} for run in packed]
    files.write(folder / bundles.RUNS, (json.dumps(content, indent=1) + "\n").encode())


def _listed(folder: Path) -> dict[str, Listed]:
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            name = path.relative_to(folder).as_posix()
            if not is_plain(name):
                raise StudyError(f"the file {name} has a name that not every system can have; rename it")
            with path.open("rb") as stream:
                hashed = hashlib.file_digest(stream, "sha256").hexdigest()
            found[name] = Listed(sha256=hashed, bytes=path.stat().st_size)
    return found


def _zipped(folder: Path, contents: Contents) -> bytes:
    """The archive; the same files make the same bytes."""
    target = folder / "archive.zip"
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(_entry(LIST), contents.model_dump_json(indent=1))
        for name in contents.files:
            entry = _entry(name)
            if name.endswith(_STORED):
                entry.compress_type = zipfile.ZIP_STORED
            with (folder / name).open("rb") as source, archive.open(entry, "w", force_zip64=True) as written:
                shutil.copyfileobj(source, written)
    return target.read_bytes()


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)  # of 1980, whenever it is written
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o100644 << 16
    return entry
