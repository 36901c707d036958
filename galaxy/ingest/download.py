"""Where the competition's files come from: simulated, a local folder, or Kaggle.

Every source puts the same three zips into the same folder, so nothing downstream knows which one it was.
"""

import os
import shutil
import zipfile
from pathlib import Path

from tqdm import tqdm

from galaxy.core import competition
from galaxy.ingest import archives
from galaxy.core import files
from galaxy.core import source_info
from galaxy.ingest.archives import Counts
from galaxy.core.errors import GalaxyError
from galaxy.core.params import Download

KAGGLE_FOLDER = Path("data/kaggle")
"""What Kaggle sent. Outside DVC's outs, which DVC deletes before a stage runs: nothing is fetched twice."""


def download(options: Download, folder: Path) -> Counts:
    """Put the competition's zips into `folder`, check them, and write `source.json` (where they came from) beside.

    Raises:
        GalaxyError: the source has not got the files, or they do not pass `competition.check`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        _fetch(options, folder)
        counts = archives.check(folder)
    except GalaxyError:
        shutil.rmtree(folder)  # nothing stays that looks like data and has not passed
        raise
    archives = {archive: files.sha256(competition.zip_path(folder, archive)) for archive in competition.ARCHIVES}
    source_info.write(
        folder,
        {
            "source": options.source,
            "training_galaxies": counts.training,
            "test_galaxies": counts.test,
            "complete_competition": counts.complete and options.source != "simulated",
            "sha256": archives,
        },
    )
    return counts


def _fetch(options: Download, folder: Path) -> None:
    """Put the three zips into `folder`, from wherever the options say."""
    if options.source == "simulated":
        from galaxy.simulator import simulate

        simulate(folder, options.simulated)
    elif options.source == "local":
        copy_local(Path(options.local.folder), folder)
    else:
        from galaxy.ingest.kaggle_download import fetch

        fetch(KAGGLE_FOLDER)
        for archive in competition.ARCHIVES:
            _link(competition.zip_path(KAGGLE_FOLDER, archive), competition.zip_path(folder, archive))


def copy_local(source: Path, folder: Path) -> None:
    """Copy the zips found in `source` into `folder`; pack what lies there unpacked.

    An unpacked archive is a folder of the archive's name; the solutions may also lie there as a bare CSV.
    """
    if not source.is_dir():
        raise GalaxyError(f"download.local.folder is {source}: no such folder; give the folder that holds the zips")
    for archive in competition.ARCHIVES:
        target = competition.zip_path(folder, archive)
        packed = competition.zip_path(source, archive)
        unpacked, bare = source / archive, source / f"{archive}.csv"
        if packed.is_file():
            archives.open_zip(packed).close()  # a broken one is named where the user has it, not where it went
            with files.atomic(target) as part:
                shutil.copyfile(packed, part)
        elif unpacked.is_dir():
            _pack(sorted(unpacked.rglob("*")), source, target)
        elif bare.is_file() and archive == competition.SOLUTIONS:
            _pack([bare], source, target)
        else:
            raise GalaxyError(f"{source}: neither {archive}.zip nor the folder {archive}; the competition has both")


def _pack(members: list[Path], root: Path, target: Path) -> None:
    """Zip files under their path from `root`. Fixed timestamps: the same files give the same zip."""
    with files.atomic(target) as part, zipfile.ZipFile(part, "w") as archive:
        for member in tqdm([path for path in members if path.is_file()], f"pack {target.name}", unit="files"):
            info = zipfile.ZipInfo(member.relative_to(root).as_posix())
            if member.suffix == ".csv":
                info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, member.read_bytes())


def _link(source: Path, target: Path) -> None:
    """Hard-link a file (a copy where the file system cannot): the whole competition is 2 GB."""
    with files.atomic(target) as part:
        try:
            os.link(source, part)
        except OSError:
            shutil.copyfile(source, part)
