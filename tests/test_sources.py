"""Every source leaves the same three zips; a source without them says what it looked for."""

import json
import os
import shutil
import zipfile
from pathlib import Path

import pytest
from conftest import ROOT, TEST, TRAINING, command, download_options

from galaxy.core import competition, files, source_info
from galaxy.core.errors import GalaxyError
from galaxy.ingest import archives, download


def test_simulated_files_pass_the_checks_and_say_that_they_are_simulated(raw: Path):
    content = source_info.read(raw)
    assert content["source"] == "simulated"
    assert (content["training_galaxies"], content["test_galaxies"]) == (TRAINING, TEST)
    assert not content["complete_competition"]
    for archive in competition.ARCHIVES:
        assert content["sha256"][archive] == files.sha256(competition.zip_path(raw, archive))


def test_local_zips_are_copied_byte_for_byte(raw: Path, tmp_path: Path):
    download.download(download_options("local", raw), tmp_path)
    for archive in competition.ARCHIVES:
        copied, source = (competition.zip_path(folder, archive) for folder in (tmp_path, raw))
        assert copied.read_bytes() == source.read_bytes()
        assert copied.stat().st_ino != source.stat().st_ino  # DVC makes its outs read-only: never the user's own file
    assert json.loads((tmp_path / "source.json").read_text())["source"] == "local"


@pytest.mark.parametrize("solutions_in", ["training_solutions_rev1", "."])
def test_unpacked_folders_are_packed(raw: Path, tmp_path: Path, solutions_in: str):
    unpacked = tmp_path / "unpacked"
    for archive in competition.ARCHIVES:
        where = unpacked / solutions_in if archive == competition.SOLUTIONS else unpacked
        with zipfile.ZipFile(competition.zip_path(raw, archive)) as opened:
            opened.extractall(where)
    (unpacked / "images_test_rev1" / ".DS_Store").write_bytes(b"")
    download.download(download_options("local", unpacked), tmp_path / "a")
    download.download(download_options("local", unpacked), tmp_path / "b")
    for archive in competition.ARCHIVES:
        packed, again = (competition.zip_path(tmp_path / folder, archive) for folder in "ab")
        assert packed.read_bytes() == again.read_bytes()
    members = archives.image_members(competition.zip_path(tmp_path / "a", competition.TRAINING_IMAGES))
    original = archives.image_members(competition.zip_path(raw, competition.TRAINING_IMAGES))
    assert members.keys() == original.keys()


def one_zip(raw: Path, path: Path, unpacked: bool) -> Path:
    """Write Kaggle's one zip of everything, with the archives packed in it or not."""
    path.parent.mkdir(parents=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as everything:
        everything.writestr("all_zeros_benchmark.zip", b"")
        for archive in competition.ARCHIVES:
            packed = competition.zip_path(raw, archive)
            if not unpacked:
                everything.write(packed, packed.name)
                continue
            with zipfile.ZipFile(packed) as opened:
                for name in opened.namelist():
                    everything.writestr(name.replace("/", "\\"), opened.read(name))
    return path


@pytest.mark.parametrize("named", ["its folder", "the zip itself"])
@pytest.mark.parametrize("unpacked", [False, True], ids=["packed", "unpacked"])
def test_kaggles_one_zip_of_everything_is_taken(raw: Path, tmp_path: Path, unpacked: bool, named: str):
    path = one_zip(raw, tmp_path / "local" / "galaxy-zoo-the-galaxy-challenge.zip", unpacked)
    source = path if named == "the zip itself" else path.parent
    counts = download.download(download_options("local", source), tmp_path / "out")
    assert (counts.training, counts.test) == (TRAINING, TEST)
    for archive in (*competition.ARCHIVES,) if not unpacked else ():
        copied, original = (competition.zip_path(folder, archive) for folder in (tmp_path / "out", raw))
        assert copied.read_bytes() == original.read_bytes()


def test_a_one_zip_that_is_damaged_or_there_twice_is_named(raw: Path, tmp_path: Path):
    path = one_zip(raw, tmp_path / "local" / "everything.zip", unpacked=False)
    twin = path.with_name("everything (1).zip")
    shutil.copyfile(path, twin)
    with pytest.raises(GalaxyError, match=r"\(1\)\.zip and .*everything\.zip both hold images_training_rev1"):
        download.download(download_options("local", path.parent), tmp_path / "out")
    twin.unlink()
    content = bytearray(path.read_bytes())
    content[content.index(b"images_training_rev1.zip") + 50_000] ^= 1
    path.write_bytes(content)
    with pytest.raises(GalaxyError, match=r"everything\.zip: images_training_rev1\.zip cannot be read: "):
        download.download(download_options("local", path.parent), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_links_are_followed_once_and_what_systems_add_is_left_out(raw: Path, tmp_path: Path):
    unpacked, elsewhere = tmp_path / "unpacked", tmp_path / "elsewhere"
    for archive in competition.ARCHIVES:
        with zipfile.ZipFile(competition.zip_path(raw, archive)) as opened:
            opened.extractall(unpacked if archive != competition.TEST_IMAGES else elsewhere)
    test_images = unpacked / competition.TEST_IMAGES
    test_images.mkdir()
    (test_images / "second_disk").symlink_to(elsewhere / competition.TEST_IMAGES)
    (test_images / "loop").symlink_to(test_images)
    (test_images / "self.jpg").symlink_to(test_images / "self.jpg")
    for name in (".ipynb_checkpoints/1.jpg", "__MACOSX/1.jpg", "._1.jpg", "Thumbs.db"):
        (test_images / name).parent.mkdir(exist_ok=True)
        (test_images / name).write_bytes(b"no image")
    counts = download.download(download_options("local", unpacked), tmp_path / "out")
    assert (counts.training, counts.test) == (TRAINING, TEST)


def test_a_file_whose_name_is_no_text_and_a_folder_without_images_are_named(raw: Path, tmp_path: Path):
    source = tmp_path / "source"
    for archive in competition.ARCHIVES:
        with zipfile.ZipFile(competition.zip_path(raw, archive)) as opened:
            opened.extractall(source)
    odd = Path(os.fsdecode(bytes(source / "images_test_rev1") + b"/\xff.jpg"))
    odd.write_bytes(b"")
    with pytest.raises(GalaxyError, match=r"pictures not named <GalaxyID>\.jpg .*\n  images_test_rev1/\ufffd\.jpg"):
        download.download(download_options("local", source), tmp_path / "out")
    shutil.rmtree(source / "images_test_rev1")
    (source / "images_test_rev1").mkdir()
    with pytest.raises(GalaxyError, match=r"source/images_test_rev1 holds no file that ends in \.jpg or \.jpeg"):
        download.download(download_options("local", source), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_lacks_an_archive_is_told_what_is_there_and_what_is_taken(tmp_path: Path):
    source = tmp_path / "source"
    (source / "images").mkdir(parents=True)
    (source / "images_training_rev1 (1).rar").write_bytes(b"")
    (source / "images_training_rev1.zip").symlink_to(tmp_path / "unmounted")
    with pytest.raises(GalaxyError) as error:
        download.download(download_options("local", source), tmp_path / "out")
    assert str(error.value) == (
        f"{source}: neither images_training_rev1.zip nor the folder images_training_rev1, nor a zip that holds one of "
        "them; found: images/, images_training_rev1 (1).rar, images_training_rev1.zip (broken link); put the "
        "competition's three zips there, or Kaggle's one zip of everything"
    )
    (source / "images_training_rev1.zip").unlink()
    (source / "images_training_rev1.zip").mkdir()
    with pytest.raises(GalaxyError, match=r"found: images/, .*, images_training_rev1\.zip/; put"):
        download.download(download_options("local", source), tmp_path / "out")


def test_files_that_lie_where_the_stage_writes_are_not_removed(raw: Path, tmp_path: Path):
    shutil.copytree(raw, tmp_path / "data" / "raw")
    with pytest.raises(GalaxyError, match="data/raw, which this stage empties first; keep your files elsewhere"):
        download.download(download_options("local", tmp_path / "data" / "raw"), tmp_path / "data" / "raw")
    assert len(list((tmp_path / "data" / "raw").glob("*.zip"))) == 3


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_is_named(raw: Path, tmp_path: Path):
    shutil.copytree(raw, tmp_path / "source")
    competition.zip_path(tmp_path / "source", competition.TEST_IMAGES).chmod(0)
    with pytest.raises(GalaxyError, match=r"images_test_rev1\.zip: Permission denied; make it readable"):
        download.download(download_options("local", tmp_path / "source"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_absent_folder_and_absent_files_are_named(raw: Path, tmp_path: Path):
    with pytest.raises(GalaxyError, match="no such folder; give the folder that holds the zips"):
        download.download(download_options("local", tmp_path / "nowhere"), tmp_path / "out")
    (tmp_path / "some").mkdir()
    competition.zip_path(tmp_path / "some", competition.TRAINING_IMAGES).symlink_to(
        competition.zip_path(raw, competition.TRAINING_IMAGES)
    )
    with pytest.raises(GalaxyError, match=r"neither images_test_rev1\.zip nor the folder images_test_rev1"):
        download.download(download_options("local", tmp_path / "some"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_broken_zip_is_named_where_the_user_has_it_and_nothing_stays(raw: Path, tmp_path: Path):
    source = tmp_path / "source"
    source.mkdir()
    for archive in competition.ARCHIVES:
        content = competition.zip_path(raw, archive).read_bytes()
        cut = len(content) // 2 if archive == competition.TEST_IMAGES else len(content)
        competition.zip_path(source, archive).write_bytes(content[:cut])
    with pytest.raises(GalaxyError) as error:
        download.download(download_options("local", source), tmp_path / "out")
    assert str(error.value).startswith(f"{source / 'images_test_rev1.zip'} is not a whole zip file")
    assert not (tmp_path / "out").exists()


def test_a_stage_without_its_input_says_which_stages_to_run(tmp_path: Path):
    for name in ("galaxy", "stages", "params.yaml"):
        (tmp_path / name).symlink_to(ROOT / name)
    failed = command("python", "-m", "stages.split", folder=tmp_path, check=False)
    assert failed.returncode == 1
    assert failed.stderr == (
        "error: data/preprocessed/training.csv: no such file; run the stages before this one (dvc repro)\n"
    )
