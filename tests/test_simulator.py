"""The simulator: its files, that they can be made again, and that volunteers see what is there."""

import io
import zipfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from galaxy.core.decision_tree import COLUMN_INDEX, COLUMNS, QUESTIONS, column_slice
from galaxy.core.errors import GalaxyError
from galaxy.core.params import Simulated
from galaxy.core.stretch import STRETCH_OFFSETS, STRETCH_Q, STRETCH_WEIGHTS, lupton
from galaxy.simulator import simulate
from galaxy.simulator.answers import answer_chances
from galaxy.simulator.observation import Conditions, photograph
from galaxy.simulator.population import DISC, Galaxy, draw
from galaxy.simulator.rendering import render
from galaxy.simulator.visibility import Visible, visible_structure
from galaxy.simulator.volunteers import KEENNESS, columns_from_votes, expected_columns, number_of_volunteers, walk
from galaxy.simulator.writing import draw_ids

OPTIONS = Simulated(training_galaxies=20, test_galaxies=3, seed=5, volunteers=44, seeing=1.3, noise=1.0)
SLOAN = Conditions(seeing=1.3, noise=1.0)
FILES = ("images_training_rev1.zip", "images_test_rev1.zip", "training_solutions_rev1.zip", "simulated_truth.csv")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("one_process")
    simulate(path, OPTIONS, processes=1)
    return path


@pytest.fixture(scope="module")
def spiral() -> Galaxy:
    """A large, face-on, barred two-armed spiral."""
    galaxy = draw(np.random.default_rng(0))
    return replace(
        galaxy,
        kind=DISC,
        magnitude=13.5,
        radius=20.0,
        inclination=10.0,
        thickness=0.15,
        bulge_fraction=0.15,
        bulge_radius=0.1,
        bulge_sersic=1.5,
        bulge_axis_ratio=0.9,
        disc_scale=0.27,
        bar_strength=0.0,
        arm_count=2,
        arm_pitch=20.0,
        arm_strength=0.25,
        ring_strength=0.0,
        dust_lane=0.0,
        clumpiness=0.2,
        disturbance=0.0,
        companion_distance=0.0,
        companion_flux=0.0,
        disc_g_r=0.5,
        disc_r_i=0.25,
    )


def expected(galaxy: Galaxy, conditions: Conditions = SLOAN) -> dict[str, float]:
    columns = expected_columns(answer_chances(visible_structure(galaxy, conditions), KEENNESS), 44)
    return dict(zip(COLUMNS, columns, strict=True))


def read_solutions(folder: Path) -> pd.DataFrame:
    with zipfile.ZipFile(folder / "training_solutions_rev1.zip") as file:
        assert file.namelist() == ["training_solutions_rev1.csv"]
        return pd.read_csv(io.BytesIO(file.read("training_solutions_rev1.csv")))


def assert_sums_hold(columns: np.ndarray, tolerance: float) -> None:
    """`columns` is (galaxies, 37)."""
    for question in QUESTIONS:
        parent = 1.0 if question.parent is None else columns[:, COLUMN_INDEX[question.parent]]
        assert np.abs(columns[:, column_slice(question)].sum(axis=1) - parent).max() < tolerance, question.name


def test_writes_the_competitions_files_and_nothing_else(folder: Path) -> None:
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)


def test_images_are_stored_jpegs_of_the_galaxies(folder: Path) -> None:
    training, test = draw_ids(OPTIONS)
    for name, ids in (("images_training_rev1", training), ("images_test_rev1", test)):
        with zipfile.ZipFile(folder / f"{name}.zip") as file:
            assert file.namelist() == [f"{name}/{i}.jpg" for i in ids]
            assert {info.compress_type for info in file.infolist()} == {zipfile.ZIP_STORED}
            picture = cv2.imdecode(np.frombuffer(file.read(f"{name}/{ids[0]}.jpg"), np.uint8), cv2.IMREAD_UNCHANGED)
        assert picture.shape == (424, 424, 3)
        assert picture[187:237, 187:237].mean() > picture[:50].mean() + 10


def test_solutions_have_the_competitions_layout_and_sums(folder: Path) -> None:
    solutions = read_solutions(folder)
    assert list(solutions.columns) == ["GalaxyID", *COLUMNS]
    assert solutions.GalaxyID.tolist() == draw_ids(OPTIONS)[0]
    values = solutions[list(COLUMNS)].to_numpy()
    assert values.min() >= 0
    assert values.max() <= 1
    assert_sums_hold(values, 1e-5)


def test_truth_is_what_the_labels_scatter_about(folder: Path) -> None:
    truth, solutions = pd.read_csv(folder / "simulated_truth.csv"), read_solutions(folder)
    assert truth.GalaxyID.tolist() == solutions.GalaxyID.tolist()
    assert {"kind", "radius", "inclination", "volunteers"} <= set(truth.columns)
    difference = (solutions[list(COLUMNS)] - truth[list(COLUMNS)]).to_numpy()
    assert 0.02 < np.sqrt((difference**2).mean()) < 0.06


def test_files_do_not_depend_on_the_number_of_processes(folder: Path, tmp_path: Path) -> None:
    simulate(tmp_path, OPTIONS, processes=2)
    for name in FILES:
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes(), name


def test_another_seed_gives_other_galaxies() -> None:
    assert draw_ids(OPTIONS) != draw_ids(OPTIONS.model_copy(update={"seed": 6}))


def test_ids_have_six_digits_and_are_distinct() -> None:
    training, test = draw_ids(OPTIONS.model_copy(update={"training_galaxies": 500_000, "test_galaxies": 400_000}))
    assert sorted(training + test) == list(range(100_000, 1_000_000))


def test_too_many_galaxies_for_the_ids_are_refused(tmp_path: Path) -> None:
    with pytest.raises(GalaxyError, match="training_galaxies"):
        simulate(tmp_path, OPTIONS.model_copy(update={"training_galaxies": 900_000}))
    assert not list(tmp_path.iterdir())


def test_a_failure_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> bytes:
        raise RuntimeError("no picture")

    monkeypatch.setattr("galaxy.simulator.writing.photograph", fail)
    with pytest.raises(RuntimeError, match="no picture"):
        simulate(tmp_path, OPTIONS, processes=1)
    assert not list(tmp_path.iterdir())


def test_rendered_light_adds_up_to_the_magnitude(spiral: Galaxy) -> None:
    light = render(spiral, 300, np.random.default_rng(0)).sum(axis=(1, 2))
    assert -2.5 * np.log10(light[1]) + 22.5 == pytest.approx(spiral.magnitude, abs=0.01)
    assert light[0] < light[1] < light[2]


def test_bulges_are_redder_than_arms(spiral: Galaxy) -> None:
    light = render(spiral, 300, np.random.default_rng(0))
    g_to_r = light[0] / light[1]
    assert g_to_r[148:152, 148:152].mean() < 0.8 * g_to_r[150, 205:215].mean()


def test_stretch_is_luptons() -> None:
    visualization = pytest.importorskip("astropy.visualization")
    light = np.random.default_rng(0).uniform(0, 1, (3, 40, 40)).astype(np.float32)
    g, r, i = light * STRETCH_WEIGHTS[:, None, None] + STRETCH_OFFSETS[:, None, None]
    # astropy's slope at zero is fixed by its Q; this Q has the slope of ours.
    q = 10 * np.sinh(0.1 * np.sqrt(STRETCH_Q))
    theirs = visualization.make_lupton_rgb(i, r, g, Q=q, stretch=q / STRETCH_Q).astype(int)
    assert np.abs(lupton(light)[..., ::-1] - theirs).max() <= 1


def picture(galaxy: Galaxy, conditions: Conditions) -> np.ndarray:
    """The galaxy alone, in grey."""
    jpeg = photograph(replace(galaxy, stars=0.0, neighbours=0.0), conditions, np.random.default_rng(2))
    return cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE).astype(np.float32)


def test_seeing_blurs_the_arms(spiral: Galaxy) -> None:
    plain = replace(spiral, arm_strength=0.5)
    sharp, soft = (picture(plain, Conditions(seeing, 0.0))[150:274, 150:274] for seeing in (0.8, 5.0))
    assert cv2.Laplacian(soft, cv2.CV_32F).std() < 0.8 * cv2.Laplacian(sharp, cv2.CV_32F).std()


def test_noise_shows_in_the_sky(spiral: Galaxy) -> None:
    none, sloan, noisy = (picture(spiral, Conditions(1.3, noise))[:80].std() for noise in (0.0, 1.0, 5.0))
    assert none < sloan < noisy / 2


@pytest.mark.parametrize(
    ("change", "column"),
    [
        ({"inclination": 88.0, "arm_strength": 0.0}, "Class2.1"),
        ({"bar_strength": 0.3, "bar_length": 0.4}, "Class3.1"),
        ({"bulge_fraction": 0.6}, "Class5.4"),
        ({"ring_strength": 0.5, "ring_radius": 0.5}, "Class8.1"),
        ({"companion_flux": 0.6, "companion_distance": 0.7}, "Class8.6"),
        ({"disturbance": 0.9}, "Class8.3"),
        ({"arm_pitch": 40.0}, "Class10.3"),
        ({"arm_count": 3}, "Class11.3"),
        ({"arm_strength": 0.0}, "Class1.1"),
        ({"kind": "artifact", "arm_strength": 0.0}, "Class1.3"),
    ],
)
def test_volunteers_see_what_is_there(spiral: Galaxy, change: dict[str, float], column: str) -> None:
    assert expected(replace(spiral, **change))[column] > expected(spiral)[column] + 0.02


def test_small_blurred_or_noisy_spirals_look_smoother(spiral: Galaxy) -> None:
    plain = expected(spiral)
    small = expected(replace(spiral, radius=5.0))
    blurred = expected(spiral, Conditions(4.0, 1.0))
    noisy = expected(spiral, Conditions(1.3, 10.0))
    for other in (small, blurred, noisy):
        assert other["Class1.1"] > plain["Class1.1"] + 0.01
        assert other["Class4.1"] < plain["Class4.1"] - 0.01


def some_visible(seed: int) -> Visible:
    return visible_structure(draw(np.random.default_rng(seed)), SLOAN)


def test_each_volunteer_walks_the_tree() -> None:
    rng = np.random.default_rng(0)
    votes = walk(answer_chances(some_visible(3), rng.normal(0, 1, 400)), rng)
    led_to = {
        question.number: np.any(
            [votes[:, COLUMN_INDEX[c]] for q in QUESTIONS for c, a in zip(q.columns, q.answers, strict=True)
             if a.next == question.number], axis=0)
        for question in QUESTIONS[1:]
    }  # fmt: skip
    assert (votes[:, column_slice(QUESTIONS[0])].sum(axis=1) == 1).all()
    for question in QUESTIONS[1:]:
        assert (votes[:, column_slice(question)].sum(axis=1) == led_to[question.number]).all(), question.name


def test_expected_columns_are_the_mean_of_many_votes() -> None:
    rng = np.random.default_rng(0)
    chances = answer_chances(some_visible(8), KEENNESS)
    labels = [
        columns_from_votes(walk(chances[rng.integers(len(KEENNESS), size=30)], rng), rng.uniform(0.2, 1, 30))
        for _ in range(3000)
    ]
    truth = expected_columns(chances, 30)
    assert np.abs(np.mean(labels, axis=0) - truth).max() < 0.01
    assert_sums_hold(truth[None], 1e-12)


def test_nothing_is_odd_where_all_saw_a_star() -> None:
    votes = np.zeros((20, len(COLUMNS)), bool)
    votes[:, COLUMN_INDEX["Class1.3"]] = True
    columns = columns_from_votes(votes, np.ones(20))
    assert columns[COLUMN_INDEX["Class1.3"]] == columns[COLUMN_INDEX["Class6.2"]] == 1
    assert columns.sum() == 2


def test_numbers_of_volunteers_are_the_competitions() -> None:
    rng = np.random.default_rng(0)
    numbers = np.array([number_of_volunteers(44, rng) for _ in range(20_000)])
    assert np.median(numbers) == 44
    assert numbers.min() >= 16
    assert (numbers >= 28).mean() > 0.999
