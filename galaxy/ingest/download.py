"""Get the competition's files from a simulation, a local folder or Kaggle.

Every source puts the same three zips into the same folder, so no later stage depends on the source.
"""

import os
import shutil
import zipfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path, PurePath

from galaxy.core import competition, files, outside, source_info
from galaxy.core.errors import GalaxyError, describe
from galaxy.core.params import Download
from galaxy.core.paths import KAGGLE_DOWNLOADS
from galaxy.core.runtime import progress, say
from galaxy.ingest import archives
from galaxy.ingest.zips import ADVICE, DAMAGED, open_to_stream, open_zip, path_in_zip, read_member

_NAMED = 8
"""Most files that a message names of a folder that lacks some."""


def download(options: Download, folder: Path) -> archives.Counts:
    """Put the competition's zips into `folder`, check them, and write `source.json` beside them.

    Raises:
        GalaxyError: the source lacks files, or they do not pass `archives.check`.
    """
    own = Path(options.local.folder).resolve()
    if options.source == "local" and folder.resolve() in (own, *own.parents):
        raise GalaxyError(f"download.local.folder is {own}, which this stage empties first; keep your files elsewhere")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        _fetch(options, folder)
        say(f"check the files in {folder}")
        counts = archives.check(folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)  # unchecked files must not pass for data
        raise
    checksums = {archive: files.sha256(competition.zip_path(folder, archive)) for archive in competition.ARCHIVES}
    source_info.write(
        folder,
        {
            "source": options.source,
            "training_galaxies": counts.training,
            "test_galaxies": counts.test,
            "complete_competition": counts.complete and options.source != "simulated",
            "sha256": checksums,
        },
    )
    return counts


def _fetch(options: Download, folder: Path) -> None:
    """Put the three zips into `folder`, from the source in the options."""
    if options.source == "simulated":
        from galaxy.simulator import simulate

        simulate(folder, options.simulated)
    elif options.source == "local":
        copy_local(outside.locate(options.local.folder), folder)
    else:
        from galaxy.ingest.kaggle_download import fetch

        downloads = outside.locate(KAGGLE_DOWNLOADS)
        fetch(downloads)
        for archive in competition.ARCHIVES:
            _link(competition.zip_path(downloads, archive), competition.zip_path(folder, archive))


def copy_local(source: Path, folder: Path) -> None:
    """Copy the competition's zips in `source` into `folder`; zip the archives that lie there unpacked.

    An unpacked archive is a folder of the archive's name; the solutions may also be a bare CSV. All may lie in another
    zip, such as Kaggle's one zip of everything; `source` may also name that zip.
    """
    if not source.exists():
        raise GalaxyError(f"download.local.folder is {source}: no such folder; give the folder that holds the zips")
    for archive in competition.ARCHIVES:
        target = competition.zip_path(folder, archive)
        packed = competition.zip_path(source, archive)
        unpacked, bare = source / archive, source / f"{archive}.csv"
        if packed.is_file():
            open_zip(packed).close()  # name a broken zip where the user has it
            say(f"copy {packed}")
            with files.atomic(target) as part:
                shutil.copyfile(packed, part)
        elif unpacked.is_dir():
            found = [path for path in files.below(unpacked) if path.suffix.lower() in _endings(archive)]
            _pack([(path.relative_to(source), partial(_read_file, path)) for path in found], unpacked, target)
        elif bare.is_file() and archive == competition.SOLUTIONS:
            _pack([(bare.relative_to(source), partial(_read_file, bare))], bare, target)
        else:
            _copy_from_zip(source, archive, target)


def _endings(archive: str) -> tuple[str, ...]:
    """Return how the names end of what an archive holds."""
    return (".csv",) if archive == competition.SOLUTIONS else archives.PICTURES


def _largest(path: PurePath) -> int:
    return archives.LARGEST_TABLE if path.suffix.lower() == ".csv" else archives.LARGEST_IMAGE


def _read_file(path: Path) -> bytes:
    if (size := path.stat().st_size) > _largest(path):
        raise GalaxyError(f"{path} has {size:,} bytes, at most {_largest(path):,} are read; leave it out")
    return path.read_bytes()


def _copy_from_zip(source: Path, archive: str, target: Path) -> None:
    """Copy or pack an archive that lies in a zip, packed or unpacked: `source`, or the one zip in it that has it."""
    listed = sorted(source.iterdir()) if source.is_dir() else [source]
    own_zips = [competition.zip_path(source, name) for name in competition.ARCHIVES]
    zips = [path for path in listed if path.suffix.lower() == ".zip" and path.is_file() and path not in own_zips]
    holding = [path for path in zips if any(_members_of(path, archive))]
    if len(holding) > 1:
        raise GalaxyError(f"{holding[0]} and {holding[1]} both hold {archive}; keep one of them there")
    if not holding:
        names = [path.name + ("/" if path.is_dir() else "" if path.exists() else " (broken link)") for path in listed]
        more = f", and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        raise GalaxyError(
            f"{source}: neither {archive}.zip nor the folder {archive}, nor a zip that holds one of them; found: "
            f"{', '.join(names[:_NAMED]) or 'nothing'}{more}; put the competition's three zips there, or Kaggle's one "
            "zip of everything"
        )
    path, (packed, unpacked) = holding[0], _members_of(holding[0], archive)
    if len(packed) > 1:
        raise GalaxyError(f"{path} holds {packed[0]} and {packed[1]}; keep one of them in it")
    with open_zip(path) as opened:
        if not packed:
            _pack([(path_in_zip(name), partial(_read_from_zip, opened, name)) for name in unpacked], path, target)
            return
        say(f"copy {packed[0]} from {path}")
        try:
            with files.atomic(target) as part, open_to_stream(opened, packed[0]) as member, part.open("wb") as file:
                shutil.copyfileobj(member, file, 2**20)
        except DAMAGED as error:
            if isinstance(error, OSError) and error.filename:
                raise  # such as a full disk
            raise GalaxyError(f"{path}: {packed[0]} cannot be read: {describe(error)}. {ADVICE}") from None


def _members_of(path: Path, archive: str) -> tuple[list[str], list[str]]:
    """Return which members of a zip are the archive, and which are files of the unpacked archive."""
    with open_zip(path) as opened:
        found = [(name, path_in_zip(name)) for name in opened.namelist()]
    shown = [(name, member) for name, member in found if not files.is_hidden(member)]
    packed = [name for name, member in shown if member.name == f"{archive}.zip"]
    unpacked = [
        name
        for name, member in shown
        if member.suffix.lower() in _endings(archive) and archive in (*member.parent.parts, member.stem)
    ]
    return packed, unpacked


def _read_from_zip(opened: zipfile.ZipFile, name: str) -> bytes:
    try:
        return read_member(opened, name, _largest(path_in_zip(name)))
    except zipfile.BadZipFile as error:
        raise GalaxyError(f"{opened.filename}: {name} cannot be read: {error}. {ADVICE}") from None


def _pack(members: Sequence[tuple[PurePath, Callable[[], bytes]]], where: Path, target: Path) -> None:
    """Zip files under these paths, with fixed timestamps: the same files give the same zip.

    Args:
        members: each file's path in the zip, and a function that reads it.
        where: where they lie, for messages.
    """
    if not members:
        raise GalaxyError(f"{where} holds no file that ends in {' or '.join(_endings(target.stem))}; put them there")
    with (
        files.atomic(target) as part,
        zipfile.ZipFile(part, "w") as archive,
        progress(f"zip {target.stem}", len(members), "files") as bar,
    ):
        for member, read in members:
            # A name need not be text; the check of the images names it.
            name = member.as_posix().encode("utf-8", "surrogateescape").decode("utf-8", "replace")
            info = zipfile.ZipInfo(name)
            if member.suffix.lower() == ".csv":
                info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, read())
            bar.update()


def _link(source: Path, target: Path) -> None:
    """Hard-link a file, because the competition has 2 GB; copy it if the file system cannot link."""
    with files.atomic(target) as part:
        try:
            os.link(source, part)
        except OSError:
            shutil.copyfile(source, part)
