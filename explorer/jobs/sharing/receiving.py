"""Taking in an archive that somebody else packed: everything is checked before anything is kept.

The zip's directory is read within limits. Every entry must be on the archive's own list and a regular file with a plain
path, no two alike, and all together may not unpack to more than is allowed. What is unpacked is counted and hashed as
it comes, into a folder beside, which takes its place when all is well. Runs must be of kinds that are known here, of
the one study, and their results must be readable; only then does the store take them.

Code is not data: an archive with anything that is no data file, or whose study names a function of a package that the
project does not bring, is refused unless it is trusted. Nothing of an archive is run to find that out.
"""

import hashlib
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from pydantic import ValidationError

from explorer import files, studies
from explorer.errors import ExplorerError, RunError, StudyError
from explorer.jobs.sharing import runs_within
from explorer.jobs.sharing.contents import (
    DATA,
    FILE,
    LIST,
    LISTED,
    MOST_BYTES,
    MOST_RATIO,
    NEVER_SUSPECT,
    PACKED,
    RUNS,
    STUDY,
    TOML,
    Contents,
    Listed,
    is_plain,
)
from explorer.reading import checked, parse_json, text_of
from explorer.reading.regular import size
from explorer.reading.zipped import DAMAGED, open_zip
from explorer.runs.store import Store
from explorer.studies.identity.parts import changes
from explorer.studies.shipped.builtin import NAMES
from explorer.studies.toml import Description, read_description
from explorer.studies.writing import functions

OUR_NETWORKS = "explorer.studies.networks."  # whose functions build networks and do nothing else
REMARK = "Came in an archive of {study}; finished on {{day}}."
_PIECE = 2**20
_BRACES = str.maketrans("{}", "()")
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@dataclass(frozen=True)
class Received:
    """What was taken in.

    Attributes:
        study: its name.
        reference: by which it is loaded: a built-in name, or the path of its study.toml.
        runs: ids of the runs that are new here.
        known: how many others were here already.
        remark: what a person must know, if anything.
    """

    study: str
    reference: str
    runs: tuple[str, ...]
    known: int
    remark: str = ""


def receive(path: Path, store: Store, out: Path | None = None, *, trust_code: bool = False) -> Received:
    """Take in an archive.

    Args:
        out: folder to make for the study; none for a built-in one.
        trust_code: the archive may hold code, which runs whenever its study is loaded.

    Raises:
        RunError: it is no archive, damaged, too large, reaches out of its folder, holds code that is not trusted, or is
            of a study that is not here; or the folder holds something. Nothing is written then.
    """
    checked(path, FILE)
    with _readable(path) as archive:
        contents = _contents(archive, path)
        _check_sizes(archive, path)
        place = _place(contents, out)
        description = None if place is None else _described(archive, contents)
    code = _code(contents, description)
    if code and not trust_code:
        raise RunError(
            f"the archive {path.name} holds code that would run on this computer ({code}); look at it, and give "
            "--trust-code if you trust whoever sent it"
        )
    try:
        with _folder(place) as made:
            with _readable(path) as archive:
                for name, listed in contents.files.items():
                    _unpack(archive, name, listed, made)
            return _taken(contents, made, place, store)
    except OSError as error:
        where = error.filename or place or store.home
        raise RunError(
            f"{where} cannot be written ({error.strerror}); make room, or name another place"
        ) from error


@contextmanager
def _readable(path: Path) -> Iterator[zipfile.ZipFile]:
    """The archive, opened; what is wrong with the file itself is raised as a RunError."""
    try:
        with open_zip(path) as archive:
            yield archive
    except DAMAGED as error:
        raise _refused(path, f"is damaged ({error})") from error


def _contents(archive: zipfile.ZipFile, path: Path) -> Contents:
    """The list, if it is that of the entries."""
    entries = {entry.filename: entry for entry in archive.filelist}
    if LIST not in entries:
        raise _refused(path, f"has no {LIST}, so it is not one that bundle wrote")
    for entry in archive.filelist:
        _check_entry(entry, path)
    if len(entries) < len(archive.filelist) or len({name.casefold() for name in entries}) < len(entries):
        raise _refused(path, "has two files of one name")
    if entries[LIST].file_size > LISTED.most_bytes:
        raise _refused(path, f"has a list of more than {size(LISTED.most_bytes)}")
    with archive.open(LIST) as stream:
        text = text_of(stream.read(LISTED.most_bytes + 1), LISTED)
    try:
        contents = Contents.model_validate(parse_json(text, LISTED))
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise _refused(
            path, f"has a list that cannot be read ({where}: {error.errors()[0]['msg']})"
        ) from error
    missing = sorted(set(contents.files) ^ (set(entries) - {LIST}))
    if missing:
        raise _refused(path, f"holds other files than it lists, such as {missing[0]!r}")
    parents = {str(each) for name in contents.files for each in PurePosixPath(name).parents}
    if wrong := [
        name for name in contents.files if name in parents or name.split("/")[0] not in (STUDY, RUNS)
    ]:
        raise _refused(path, f"has {wrong[0]!r} where no file may be")
    for name, listed in contents.files.items():
        if entries[name].file_size != listed.bytes:
            raise _refused(path, f"has a {name!r} of another size than it lists")
    return contents


def _check_entry(entry: zipfile.ZipInfo, path: Path) -> None:
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if not is_plain(entry.filename):
        raise _refused(path, f"names {entry.filename[:80]!r}, which is no path inside it")
    if entry.is_dir() or kind not in (0, stat.S_IFREG):
        raise _refused(path, f"has {entry.filename!r}, which is a link or a folder and no regular file")
    if entry.flag_bits & 1 or entry.compress_type not in _METHODS:
        raise _refused(path, f"has {entry.filename!r} encrypted, or compressed in an unusual way")


def _check_sizes(archive: zipfile.ZipFile, path: Path) -> None:
    total = sum(entry.file_size for entry in archive.filelist)
    most = min(MOST_BYTES, max(NEVER_SUSPECT, MOST_RATIO * path.stat().st_size))
    if total > most:
        raise _refused(path, f"would unpack to {size(total)}; {size(most)} are allowed for one of its size")


def _place(contents: Contents, out: Path | None) -> Path | None:
    """Where the study's folder goes; None for a built-in one."""
    inside = [name for name in contents.files if name.startswith(f"{STUDY}/")]
    if contents.built_in:
        if contents.study not in NAMES or inside:
            raise RunError(
                f"the archive is of the built-in study {contents.study!r}, which is not known here; use the version of "
                "this project that it was packed with"
            )
        return None
    if f"{STUDY}/{TOML}" not in inside:
        raise RunError(f"the archive is of a study of one's own and has no {TOML}; ask for it again")
    if out is None:
        raise RunError("the archive holds a study of its own, for which a folder is made; name it with --out")
    files.check_free(out, RunError)
    return out.absolute()


def _code(contents: Contents, description: Description | None) -> str:
    """What of an archive would run when its study is loaded, in words; nothing where nothing would."""
    inside = [name for name in contents.files if name.startswith(f"{STUDY}/")]
    found = [name for name in inside if PurePosixPath(name).suffix.lower() not in DATA]
    if description is not None:
        found += [f"the function {each}" for each in functions(description) if not _harmless(each)]
    return ", ".join(found[:4]) + (f" and {len(found) - 4} more" if len(found) > 4 else "")


def _described(archive: zipfile.ZipFile, contents: Contents) -> Description:
    """The description in an archive, all of whose paths must be of files that the archive holds.

    Raises:
        RunError: it cannot be read, or names a file that the archive does not hold.
    """
    listed = contents.files[f"{STUDY}/{TOML}"]
    with tempfile.TemporaryDirectory(prefix="explorer-archive-") as folder:
        _unpack(archive, f"{STUDY}/{TOML}", listed, Path(folder))
        try:
            description = read_description(Path(folder) / STUDY / TOML)
        except ExplorerError as error:
            words = str(error).replace(str(Path(folder) / STUDY) + "/", "")
            raise RunError(f"the study of the archive cannot be read: {words}") from error
    if description.data is not None and description.data.kind not in PACKED:
        raise RunError(
            f"the study of the archive has data of the kind {description.data.kind}, which no archive holds; ask for "
            "the folder of the study"
        )
    sections = [description.model, description.data, description.profile]
    named = [vars(each).get("weights") or vars(each).get("path") for each in sections if each is not None]
    named += [each.partition(":")[0] for each in functions(description) if _is_file(each)]
    for name in named:
        if f"{STUDY}/{name}" not in contents.files:
            raise RunError(
                f"the study of the archive names {name!r}, which the archive does not hold; ask for it again"
            )
    return description


def _is_file(address: str) -> bool:
    return address.partition(":")[0].endswith(".py")


def _harmless(address: str) -> bool:
    """Whether a function is told of already, with its file, or is one of the project's that build networks."""
    return _is_file(address) or address.startswith(OUR_NETWORKS)


@contextmanager
def _folder(place: Path | None) -> Iterator[Path]:
    """A folder to unpack into: the study's own, made whole or not at all, or one that is gone afterwards."""
    if place is None:
        with tempfile.TemporaryDirectory(prefix="explorer-archive-") as temporary:
            yield Path(temporary)
        return
    with files.new_folder(place) as made:
        yield made


def _unpack(archive: zipfile.ZipFile, name: str, listed: Listed, folder: Path) -> None:
    """Write an entry, of which no more may come than was said, and which must be what was said."""
    target = folder.joinpath(*name.split("/"))
    target.parent.mkdir(parents=True, exist_ok=True)
    digest, left = hashlib.sha256(), listed.bytes
    with archive.open(name) as source, target.open("xb") as written:
        while piece := source.read(min(_PIECE, left + 1)):
            left -= len(piece)
            if left < 0:
                raise RunError(f"the archive has a {name!r} that is larger than it says; ask for it again")
            digest.update(piece)
            _write(written, piece, target)
    if digest.hexdigest() != listed.sha256:
        raise RunError(
            f"the archive has a {name!r} that is not what it lists (wrong SHA-256); ask for it again"
        )


def _write(file: BinaryIO, piece: bytes, target: Path) -> None:
    try:
        file.write(piece)
    except OSError as error:  # else it would be told as damage of the archive
        raise RunError(
            f"{target} cannot be written ({error.strerror}); make room, or name another place"
        ) from error


def _taken(contents: Contents, made: Path, place: Path | None, store: Store) -> Received:
    """Check the runs and the study, put its folder right, and give the runs to the store."""
    reference = contents.study if place is None else str(place / TOML)
    found = runs_within.check(made / RUNS, contents)
    remark = _difference(contents, found, made / STUDY / TOML if place is not None else None)
    with tempfile.TemporaryDirectory(prefix="explorer-archive-") as temporary:
        bundle = Path(temporary) / RUNS
        shutil.move(made / RUNS, bundle)
        runs_within.place(bundle, reference)
        if place is not None:
            for each in (made / STUDY).iterdir():
                each.rename(made / each.name)
            (made / STUDY).rmdir()
        new = store.bundles.adopt(bundle, REMARK.format(study=contents.study.translate(_BRACES)))
    return Received(contents.study, reference, new, len(found) - len(new), remark)


def _difference(contents: Contents, runs: Sequence[runs_within.PackedRun], toml: Path | None) -> str:
    """A sentence where the study is another one here than where it was packed, so that its runs answer nothing.

    Raises:
        StudyError: the study of the archive cannot be loaded.
    """
    if toml is None:
        try:
            study = studies.load(contents.study)
        except StudyError as error:  # its data are not here: the runs can be looked at all the same
            return str(error)
    else:
        study = studies.load(toml)
    if study.fingerprint == contents.fingerprint:
        return ""
    parts = next((run.study_parts for run in runs if run.study_parts), None)
    what = "" if parts is None else changes(parts, study.parts)
    said = f": {what}" if what else ""
    return (
        f"The study {contents.study} is not the same here as where it was packed{said}; its runs can be looked at, "
        "but answer no question about the one here."
    )


def _refused(path: Path, problem: str) -> RunError:
    return RunError(f"the archive {path.name} {problem}; ask for it again")
