"""Get the competition's files from a simulation, a local folder or Kaggle.

Every source puts the same three zips into the same folder, so no later stage depends on the source.
"""

import os
import shutil
import zipfile
from pathlib import Path

from galaxy.core import competition, files, outside, source_info
from galaxy.core.errors import GalaxyError
from galaxy.core.params import Download
from galaxy.core.paths import KAGGLE_DOWNLOADS
from galaxy.core.runtime import progress, say
from galaxy.ingest import archives


def download(options: Download, folder: Path) -> archives.Counts:
    """Put the competition's zips into `folder`, check them, and write `source.json` beside them.

    Raises:
        GalaxyError: the source lacks files, or they do not pass `archives.check`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        _fetch(options, folder)
        say(f"check the files in {folder}")
        counts = archives.check(folder)
    except GalaxyError:
        shutil.rmtree(folder)  # unchecked files must not pass for data
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
    """Copy the zips in `source` into `folder`; zip the archives that lie there unpacked.

    An unpacked archive is a folder of the archive's name; the solutions may also be a bare CSV.
    """
    if not source.is_dir():
        raise GalaxyError(f"download.local.folder is {source}: no such folder; give the folder that holds the zips")
    for archive in competition.ARCHIVES:
        target = competition.zip_path(folder, archive)
        packed = competition.zip_path(source, archive)
        unpacked, bare = source / archive, source / f"{archive}.csv"
        if packed.is_file():
            archives.open_zip(packed).close()  # name a broken zip where the user has it
            say(f"copy {packed}")
            with files.atomic(target) as part:
                shutil.copyfile(packed, part)
        elif unpacked.is_dir():
            _pack(sorted(unpacked.rglob("*")), source, target)
        elif bare.is_file() and archive == competition.SOLUTIONS:
            _pack([bare], source, target)
        else:
            raise GalaxyError(f"{source}: neither {archive}.zip nor the folder {archive}; the competition has both")


def _pack(members: list[Path], root: Path, target: Path) -> None:
    """Zip files under their paths from `root`, with fixed timestamps: the same files give the same zip."""
    found = [path for path in members if path.is_file()]
    with (
        files.atomic(target) as part,
        zipfile.ZipFile(part, "w") as archive,
        progress(f"zip {target.stem}", len(found), "files") as bar,
    ):
        for member in found:
            info = zipfile.ZipInfo(member.relative_to(root).as_posix())
            if member.suffix == ".csv":
                info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, member.read_bytes())
            bar.update()


def _link(source: Path, target: Path) -> None:
    """Hard-link a file, because the competition has 2 GB; copy it if the file system cannot link."""
    with files.atomic(target) as part:
        try:
            os.link(source, part)
        except OSError:
            shutil.copyfile(source, part)
