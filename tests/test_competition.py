"""Competition files with a mistake are refused by name; whole ones pass."""

import random
import resource
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import TEST, TRAINING

from galaxy.core import competition, decision_tree
from galaxy.core.errors import GalaxyError
from galaxy.ingest import archives
from galaxy.ingest.decode import Cropper
from galaxy.ingest.preprocess import pack
from galaxy.ingest.zips import read_member

HEADER = ",".join(["GalaxyID", *decision_tree.COLUMNS])


def row(galaxy_id: str = "100001", **changed: str) -> str:
    """A row that is right: everyone says smooth, round, not odd; but for the changed columns (Class1_1=…)."""
    values = dict.fromkeys(decision_tree.COLUMNS, "0")
    values |= {"Class1.1": "1", "Class6.2": "1", "Class7.1": "1"}
    values |= {name.replace("_", "."): value for name, value in changed.items()}
    return ",".join([galaxy_id, *values.values()])


def solutions(tmp_path: Path, text: str, name: str = "training_solutions_rev1.csv", encoding: str = "utf-8") -> Path:
    path = tmp_path / "solutions.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, text.encode(encoding))
    return path


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text,
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "\ufeff" + text,
        lambda text: '"' + text.replace("\n", '"\n', 1).replace(",", '","', 37),
        lambda text: text.rstrip("\n"),
    ],
    ids=["plain", "CRLF", "byte order mark", "quoted header", "no last newline"],
)
def test_solutions_are_read_however_they_were_saved(tmp_path: Path, edit: Callable[[str], str]):
    table = archives.read_solutions(solutions(tmp_path, edit("\n".join([HEADER, row("7"), row("3")]) + "\n")))
    assert table["GalaxyID"].tolist() == [3, 7]
    assert list(table.columns) == ["GalaxyID", *decision_tree.COLUMNS]
    assert table["Class1.1"].tolist() == [1.0, 1.0]


def test_numbers_are_read_in_any_notation_and_ids_with_leading_zeros(tmp_path: Path):
    text = "\n".join([HEADER, row("000123", Class1_1="1e0", Class6_2=" +1.", Class8_1=".0")])
    table = archives.read_solutions(solutions(tmp_path, text))
    assert table.loc[0, ["GalaxyID", "Class1.1", "Class6.2", "Class8.1"]].tolist() == [123, 1, 1, 0]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([HEADER.replace(",Class9.3", ""), row().removesuffix(",0")], "missing: Class9.3"),
        ([HEADER + ",Class12.1", row() + ",0"], "unknown: Class12.1"),
        (
            [HEADER.replace("Class1.1,Class1.2", "Class1.2,Class1.1"), row()],
            "column 2 is Class1.2, it must be Class1.1",
        ),
        ([HEADER.replace(",", ";"), row().replace(",", ";")], "must be separated by commas, not by ';'; save it so"),
        ([HEADER.replace(",", "\t"), row().replace(",", "\t")], "must be separated by commas, not by '\\t'"),
        ([HEADER.lower(), row()], "missing: GalaxyID, Class1.1"),
        ([HEADER.replace(",", ", "), row()], "unknown:  Class1.1"),
        ([HEADER, row().replace("0,0,0", "0,1,0,0,1", 1)], "cannot be read as CSV"),
        ([HEADER, row(Class1_1="0x1")], "row 2: Class1.1 is '0x1'"),
        ([HEADER, row("1e5")], "row 2: GalaxyID '1e5'"),
        ([HEADER, row("1.00008E+05")], "row 2: GalaxyID '1.00008E+05'"),
        ([HEADER, row("100008.0")], "row 2: GalaxyID '100008.0'"),
        ([HEADER, row("0100001"), row("100001")], "row 3: GalaxyID 100001 for the second time"),
        ([HEADER, row("9007199254740993")], "row 2: GalaxyID '9007199254740993'"),
        ([HEADER, row("-0")], "row 2: GalaxyID '-0'"),
        ([HEADER, row("NaN")], "row 2: GalaxyID 'NaN'"),
        (["," * 10**6], "more than 4,096 columns"),
        ([HEADER, *["1"] * 300_000], "more than 262,144 rows"),
        ([HEADER, row(Class1_1="")], "row 2: Class1.1 is ''"),
        ([HEADER, row(Class1_1="nan")], "row 2: Class1.1 is 'nan'"),
        ([HEADER, row(Class8_2="-0.5")], "row 2: Class8.2 is '-0.5'"),
        ([HEADER, row(), row("100002", Class1_1="1.5")], "row 3: Class1.1 is '1.5'"),
        ([HEADER, row(Class1_1="inf")], "row 2: Class1.1 is 'inf'"),
        ([HEADER, row("x7")], "row 2: GalaxyID 'x7'"),
        ([HEADER, row("7.5")], "row 2: GalaxyID '7.5'"),
        ([HEADER, row(), row()], "row 3: GalaxyID 100001 for the second time"),
        ([HEADER, row(Class1_1="0.9")], "question 1 (smooth or features) is off 1 by -0.100000"),
        ([HEADER, row(Class7_1="0.9")], "question 7 (roundness) is off Class1.1 by -0.100000"),
        ([HEADER, row(Class6_2="0.5")], "question 6 (odd) is off 1 by -0.500000"),
        ([HEADER, row(Class5_1="0.2")], "question 5 (bulge) is off Class2.2 by +0.200000"),
        ([], "cannot be read as CSV"),
        ([HEADER, row() + ",1,2"], "cannot be read as CSV"),
        ([HEADER], "holds no galaxy, only a header"),
        ([HEADER, row("")], "row 2: GalaxyID ''"),
        ([HEADER, row("-5")], "row 2: GalaxyID '-5'"),
        ([HEADER, row("99999999999999999999")], "row 2: GalaxyID '99999999999999999999'"),
        ([HEADER, row().removesuffix(",0,0")], "row 2: Class11.5 is ''"),
        ([HEADER.replace("Class1.2", "Class1.1"), row()], "missing: Class1.2; unknown: Class1.1.1"),
        ([HEADER, row(Class1_1='"1,0"')], "row 2: Class1.1 is '1,0'"),
        ([HEADER, row(Class1_1='"1')], "cannot be read as CSV"),
        ([HEADER, row(), "\0\0\0"], "row 3: GalaxyID"),
        (["<html><body>Sign in</body></html>"], "missing: GalaxyID, Class1.1"),
    ],
)
def test_wrong_solutions_are_refused_with_the_reason(tmp_path: Path, lines: list[str], message: str):
    with pytest.raises(GalaxyError) as error:
        archives.read_solutions(solutions(tmp_path, "\n".join(lines)))
    assert message in str(error.value)
    assert "solutions.zip" in str(error.value)


def test_solutions_in_another_encoding_are_refused(tmp_path: Path):
    path = solutions(tmp_path, f"{HEADER}\n{row()}\n", encoding="utf-16")
    with pytest.raises(GalaxyError, match="cannot be read as CSV: 'utf-8' codec can't decode"):
        archives.read_solutions(path)


@pytest.mark.parametrize("names", [(), ("readme.txt",), ("a.csv", "b.csv"), ("__MACOSX/a.csv",)], ids=str)
def test_a_zip_of_solutions_holds_one_table(tmp_path: Path, names: tuple[str, ...]):
    path = tmp_path / "solutions.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, HEADER)
    count = len([name for name in names if name in ("a.csv", "b.csv")])
    with pytest.raises(GalaxyError, match=f"holds {count} CSV files; it must hold exactly one"):
        archives.read_solutions(path)


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_member_damaged_anywhere_is_named_however_it_is_compressed(tmp_path: Path, compression: int):
    """What is wrong comes from zipfile or from a decompressor, each with errors of its own."""
    whole = tmp_path / "whole.zip"
    with zipfile.ZipFile(whole, "w", compression) as archive:
        archive.writestr("solutions.csv", "\n".join([HEADER, *(row(str(i)) for i in range(40))]))
    content, draw = whole.read_bytes(), random.Random(0)
    path = tmp_path / "damaged.zip"
    messages = []
    for _ in range(100):
        damaged = bytearray(content)
        damaged[draw.randrange(len(damaged))] ^= draw.randrange(1, 256)
        path.write_bytes(damaged)
        try:
            archives.read_solutions(path)
        except GalaxyError as error:
            messages.append(str(error))
    assert len(messages) > 50  # the others hit a time stamp or the like
    assert all(message.startswith(str(path)) for message in messages)


def test_sums_may_be_off_by_rounding(tmp_path: Path):
    path = solutions(tmp_path, f"{HEADER}\n{row(Class1_1='0.999993', Class7_1='0.999999')}\n")
    assert len(archives.read_solutions(path)) == 1


def test_only_the_first_problems_are_listed(tmp_path: Path):
    lines = [HEADER, *(row(str(i), Class1_1="0.5") for i in range(100))]
    with pytest.raises(GalaxyError) as error:
        archives.read_solutions(solutions(tmp_path, "\n".join(lines)))
    assert "200 in all" in str(error.value)  # question 1 and question 7, of a hundred galaxies
    assert "and 190 more" in str(error.value)
    assert len(str(error.value).splitlines()) == 12


@pytest.mark.parametrize(
    ("kept", "content"),
    [(0, b""), (0, b"not a zip"), (0.5, b""), (0.999, b"")],
    ids=["empty", "no zip", "half of one", "its end missing"],
)
def test_a_file_that_is_no_whole_zip_is_named(tmp_path: Path, raw: Path, kept: float, content: bytes):
    whole = competition.zip_path(raw, competition.TEST_IMAGES).read_bytes()
    path = tmp_path / "images.zip"
    path.write_bytes(whole[: int(len(whole) * kept)] + content)
    for read in (archives.image_members, archives.read_solutions):
        with pytest.raises(GalaxyError, match=r"images\.zip is not a whole zip file"):
            read(path)


def test_a_zip_that_is_absent_or_a_folder_is_named(tmp_path: Path):
    with pytest.raises(GalaxyError, match=r"none\.zip: no such file"):
        archives.image_members(tmp_path / "none.zip")
    with pytest.raises(GalaxyError, match="is not a whole zip file"):
        archives.image_members(tmp_path)


def test_members_that_are_no_images_are_left_alone_and_ids_are_sorted(tmp_path: Path):
    path = tmp_path / "images.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in (
            "a/b/9.jpg",
            "a/b/10.jpg",
            "__MACOSX/a/._9.jpg",
            "__MACOSX/9.jpg",
            ".DS_Store",
            "a/Thumbs.db",
            "a/",
        ):
            archive.writestr(name, b"")
    assert archives.image_members(path) == {9: "a/b/9.jpg", 10: "a/b/10.jpg"}


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("a/9.jpg", "b/9.jpg"), "a/9.jpg and b/9.jpg"),
        (("9.jpg", "9.jpg"), "9.jpg and 9.jpg"),
        (("9.jpg", "009.jpg"), "9.jpg and 009.jpg"),
        (("readme.txt",), "among its 1 members"),
        (("__MACOSX/9.jpg", "nine.jpg", "9.png"), "among its 3 members"),
        ((), "among its 0 members"),
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_id_twice_and_no_image_at_all_are_refused(tmp_path: Path, names: tuple[str, ...], message: str):
    path = tmp_path / "images.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, b"")
    with pytest.raises(GalaxyError) as error:
        archives.image_members(path)
    assert message in str(error.value)


@pytest.mark.parametrize("name", ["9.jpg", "009.JPG", "a/9.jpeg", "a\\b\\9.Jpg", "./a/9.jpg", "/9.jpg"])
def test_images_are_found_however_a_program_wrote_their_names(tmp_path: Path, name: str):
    path = tmp_path / "images.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for other in ("a/", ".ipynb_checkpoints/9.jpg", "a/._9.jpg", "__MACOSX/8.jpg", "a/notes.txt"):
            archive.writestr(other, b"")
        archive.writestr(name, b"")
    assert archives.image_members(path) == {9: name}


@pytest.mark.parametrize("name", ["8.png", "8 (1).jpg", "galaxy_8.jpg", "a/8.jpg.tif", "1234567890123.jpg", "٣.jpg"])
def test_a_picture_of_another_name_is_not_left_out_without_a_word(tmp_path: Path, name: str):
    path = tmp_path / "images.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("9.jpg", b"")
        archive.writestr(name, b"")
    with pytest.raises(GalaxyError) as error:
        archives.image_members(path)
    assert str(error.value).endswith(
        f"images.zip: pictures not named <GalaxyID>.jpg (1 in all). Rename them, or leave them out.\n  {name}"
    )


BOMBS = {"deflate": (zipfile.ZIP_DEFLATED, 9), "bzip2": (zipfile.ZIP_BZIP2, 9), "LZMA": (zipfile.ZIP_LZMA, None)}


@pytest.mark.parametrize(("compression", "level"), BOMBS.values(), ids=BOMBS.keys())
def test_a_member_that_inflates_to_more_than_it_claims_takes_no_memory(
    tmp_path: Path, compression: int, level: int | None
):
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", compression, compresslevel=level) as archive:
        with archive.open("9.jpg", "w") as member:
            for _ in range(100):
                member.write(bytes(2**20))
        archive.getinfo("9.jpg").file_size = 1000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with zipfile.ZipFile(path) as archive, pytest.raises(zipfile.BadZipFile, match="does not inflate to the 1,000"):
        read_member(archive, "9.jpg", 2**20)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kB


def test_a_zip_of_millions_of_members_is_refused_before_they_are_listed(tmp_path: Path):
    path = tmp_path / "many.zip"
    size = 2**27
    with path.open("wb") as file:
        file.truncate(size)
        file.seek(size)
        file.write(b"PK\x05\x06" + struct.pack("<4H2LH", 0, 0, 65535, 65535, size, 0, 0))
    with pytest.raises(GalaxyError, match="a list of members of 134,217,728 bytes"):
        archives.image_members(path)


def test_a_zip_in_zip64_is_read(tmp_path: Path):
    path = tmp_path / "images.zip"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("9.jpg", "w", force_zip64=True) as member,
    ):
        member.write(b"pixels")
    assert archives.image_members(path) == {9: "9.jpg"}
    with archives.open_zip(path) as archive:
        assert read_member(archive, "9.jpg", 100) == b"pixels"


def patched(path: Path, offset: int, value: bytes) -> None:
    """Overwrite bytes in the entry of a zip's only member, in the central directory (signature PK 1 2)."""
    content = bytearray(path.read_bytes())
    start = content.rindex(b"PK\x01\x02") + offset
    content[start : start + len(value)] = value
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("offset", "value", "message"),
    [
        (24, (3 * 10**9).to_bytes(4, "little"), "{member} claims 3,000,000,000 bytes (at most"),
        (8, b"\x01", "{member} is encrypted"),
        (10, b"\x63", "{member} has the unknown compression 99"),
    ],
)
def test_members_that_cannot_honestly_be_read_are_refused_before_they_are(
    tmp_path: Path, offset: int, value: bytes, message: str
):
    path = tmp_path / "some.zip"
    for member, read in (("a/9.jpg", archives.image_members), ("a.csv", archives.read_solutions)):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(member, b"0" * 1000)
        patched(path, offset, value)
        with pytest.raises(GalaxyError) as error:
            read(path)
        assert message.format(member=member) in str(error.value)


def test_a_member_that_is_a_hundred_gigabytes_of_nothing_is_refused(tmp_path: Path):
    """A zip64 entry: 100 GB in a few bytes."""
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, allowZip64=True) as archive:
        archive.writestr("9.jpg", b"0" * 1000)
        archive.getinfo("9.jpg").file_size = 10**11  # what the directory, written on closing, will say
    assert path.stat().st_size < 1000
    with pytest.raises(GalaxyError, match=r"9\.jpg claims 100,000,000,000 bytes"):
        archives.image_members(path)


def test_members_with_paths_that_lead_out_of_the_zip_are_read_and_never_written(tmp_path: Path):
    path = tmp_path / "inside" / "images.zip"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("../9.jpg", "/tmp/10.jpg", "C:\\11.jpg"):  # noqa: S108 (nothing is written there)
            archive.writestr(name, b"no image")
    members = archives.image_members(path)
    assert members == {9: "../9.jpg", 10: "/tmp/10.jpg", 11: "C:\\11.jpg"}  # noqa: S108
    with pytest.raises(GalaxyError, match=r"\.\./9\.jpg: no readable image"):
        pack(path, list(members.values()), Cropper(424, 212, 64), tmp_path / "inside" / "images.npy")
    assert [entry.name for entry in tmp_path.iterdir()] == ["inside"]


def test_whole_files_pass_and_are_counted(raw: Path):
    counts = archives.check(raw)
    assert (counts.training, counts.test) == (TRAINING, TEST)
    assert not counts.complete


def test_images_without_a_row_and_rows_without_an_image_are_listed(tmp_path: Path, raw: Path):
    for archive in competition.ARCHIVES:
        competition.zip_path(tmp_path, archive).symlink_to(competition.zip_path(raw, archive))
    table = archives.read_solutions(competition.zip_path(raw, competition.SOLUTIONS))
    gone = table["GalaxyID"][0]
    changed = table.assign(GalaxyID=table["GalaxyID"].replace(gone, 999999999))
    target = competition.zip_path(tmp_path, competition.SOLUTIONS)
    target.unlink()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("training_solutions_rev1.csv", changed.to_csv(index=False))
    with pytest.raises(GalaxyError) as error:
        archives.check(tmp_path)
    assert f"galaxy {gone}: an image, no row" in str(error.value)
    assert "galaxy 999999999: a row, no image" in str(error.value)


def test_the_real_files_pass(real: Path):
    counts = archives.check(real)
    assert (counts.training, counts.test) == (4157, 1197)
