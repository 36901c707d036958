"""How like the competition's galaxies those at hand are: what is measured, and what it is held to."""

import re
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import ROOT, TRAINING, command

from galaxy.core import competition, decision_tree
from galaxy.core.errors import GalaxyError
from galaxy.evaluation import real_galaxies, realism
from galaxy.ingest import archives


def deviating(quantity: str, factor: float = 1.0, offset: float = 0.0) -> bool:
    """Whether the real values hold after one of them was changed."""
    measured = real_galaxies.REAL | {quantity: real_galaxies.REAL[quantity] * factor + offset}
    table = realism.compare(measured).set_index("quantity")
    assert table["holds"].drop(quantity).all()
    return bool(table["holds"][quantity])


def test_the_real_values_hold_beside_themselves():
    table = realism.compare(real_galaxies.REAL)
    assert table["holds"].all()
    assert table["deviation"].max() == 0
    assert len(table) == 3 + 2 * 37 + 1 + 12


@pytest.mark.parametrize(
    ("quantity", "limit"),
    [
        ("rmse_all_zeros", 0.02),
        ("rmse_column_means", 0.03),
        ("rmse_central_pixel", 0.03),
        ("spread_Class7.1", 0.25),
        ("median_jpeg_bytes", 0.25),
        ("mean_centre_red", 0.15),
        ("spread_outside_blue", 0.15),
    ],
)
def test_a_quantity_may_deviate_by_its_share(quantity: str, limit: float):
    for sign in (-1, 1):
        assert deviating(quantity, factor=1 + sign * (limit - 0.001))
        assert not deviating(quantity, factor=1 + sign * (limit + 0.001))


def test_a_columns_mean_may_deviate_by_a_fixed_amount():
    assert deviating("mean_Class8.7", offset=0.019)
    assert not deviating("mean_Class8.7", offset=0.021)


def test_pictures_and_votes_are_measured_as_they_are(raw: Path):
    path = competition.zip_path(raw, competition.TRAINING_IMAGES)
    measured = realism.measure_folder(raw)
    members = archives.image_members(path)
    with archives.open_zip(path) as archive:
        jpegs = [archive.read(member) for member in members.values()]
    assert measured["median_jpeg_bytes"] == np.median([len(jpeg) for jpeg in jpegs])
    blue = np.array([cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR) for jpeg in jpegs])[..., 0]
    centre = blue[:, 106:318, 106:318].astype(float)
    assert measured["mean_centre_blue"] == pytest.approx(centre.mean(), rel=1e-6)
    assert measured["spread_centre_blue"] == pytest.approx(centre.std(), rel=1e-6)
    outside = np.ones((424, 424), bool)
    outside[106:318, 106:318] = False
    assert measured["mean_outside_blue"] == pytest.approx(blue[:, outside].mean(), rel=1e-6)
    assert measured["spread_outside_blue"] == pytest.approx(blue[:, outside].std(), rel=1e-6)

    votes = archives.read_solutions(competition.zip_path(raw, competition.SOLUTIONS))[
        list(decision_tree.COLUMNS)
    ].to_numpy()
    assert len(votes) == TRAINING
    assert measured["rmse_all_zeros"] == pytest.approx(np.sqrt((votes**2).mean()))
    assert measured["rmse_column_means"] == pytest.approx(np.sqrt(votes.var(axis=0).mean()))
    assert measured["mean_Class4.1"] == pytest.approx(votes[:, decision_tree.COLUMN_INDEX["Class4.1"]].mean())
    assert measured["spread_Class4.1"] == pytest.approx(votes[:, decision_tree.COLUMN_INDEX["Class4.1"]].std())


def test_the_report_counts_what_holds_and_names_the_worst():
    measured = real_galaxies.REAL | {
        "spread_Class11.6": real_galaxies.REAL["spread_Class11.6"] * 2,
        "rmse_all_zeros": 0.3,
    }
    table = realism.compare(measured)
    content = realism.summarise(table, {"source": "simulated", "training_galaxies": 5})
    assert (content["rows_within_limit"], content["rows"]) == (88, 90)
    assert content["rmse"]["all_zeros"] == 0.3
    shown = realism.terminal_table(table, content)
    assert "5 galaxies (simulated) compared with the competition's; 88 of 90 rows within their limit" in shown
    assert "spread_Class11.6" in shown
    assert "spread_Class11.5" not in shown
    assert "a part of the competition" not in shown


def test_real_galaxies_that_deviate_are_all_named_and_called_a_part():
    failing = ("mean_Class1.1", "mean_Class2.1", "spread_Class11.6", "median_jpeg_bytes")
    measured = real_galaxies.REAL | {name: real_galaxies.REAL[name] * 2 for name in failing}
    table = realism.compare(measured)
    content = realism.summarise(table, {"source": "local", "training_galaxies": 4157})
    head, *rows = realism.terminal_table(table, content).splitlines()
    assert head == (
        "4,157 galaxies (local) compared with the competition's; 86 of 90 rows within their limit "
        "(limits are for simulated galaxies; a part of the competition may differ from the whole)"
    )
    assert [row.split()[0] for row in rows if row.endswith("False")] == list(failing)


def test_an_image_that_cannot_be_used_is_named(raw: Path, tmp_path: Path):
    path = competition.zip_path(raw, competition.TRAINING_IMAGES)
    member = next(iter(archives.image_members(path).values()))
    damaged = tmp_path / path.name
    damaged.write_bytes(path.read_bytes().replace(b"\xff\xd8\xff", b"\0\0\0", 1))
    with pytest.raises(GalaxyError, match=re.escape(member)):
        realism.measure_pictures(damaged, np.array([int(Path(member).stem)]))


def test_the_reference_is_what_the_real_files_give(real: Path):
    """The spreads and pixel values in galaxy/evaluation/real_galaxies.py come out again, reweighted."""
    printed = command(sys.executable, "benchmarks/reference.py", real, folder=ROOT).stdout
    rows = {line.split()[0]: [float(value) for value in line.split()[1:]] for line in printed.splitlines()[2:]}
    assert rows.keys() == real_galaxies.REAL.keys()
    for quantity, (as_is, weighted, real_value) in rows.items():
        if quantity.startswith("rmse"):
            assert abs(weighted - real_value) <= abs(as_is - real_value) + 0.0005
        elif not quantity.startswith("mean_Class"):
            assert weighted == pytest.approx(real_value, rel=0.01, abs=0.0006), quantity
