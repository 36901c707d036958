"""`galaxy app`: a real server in a process of its own, looked at with a real browser."""

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from browser import CHROMIUM, Page, browsing
from conftest import command, galaxy
from PIL import Image
from test_image_workers import PICTURE  # a picture of noise

from galaxy import cli
from galaxy.core.errors import GalaxyError
from galaxy.inference import predictor
from galaxy.report import likeliest_path

pytest.importorskip("gradio", reason="the extra app is not installed")
seen = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")

WATCHED = """
import ipaddress, os, sys

def watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        host = arguments[1][0] if event == "socket.connect" and isinstance(arguments[1], tuple) else arguments[0]
        if isinstance(host, str) and host != "127.0.0.1":
            os.write(2, f"LEFT THE MACHINE: {event} {host}\\n".encode())

sys.addaudithook(watch)
from galaxy import cli
cli.main()
"""

RESULT = "document.querySelector('.gz-result')"
PROBLEM = "document.querySelector('.gz-problem')?.textContent"
DROP_HERE = "document.querySelector('button:has(+ input[type=file]), button:has(input[type=file])')"


@dataclass
class App:
    """A running server: its process, its address, and the folder that holds its temporary files."""

    process: "subprocess.Popen[str]"
    port: int
    temporary: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def left(self) -> list[Path]:
        """Return the files that uploads have left; Gradio makes an empty one each time."""
        return [path for path in self.temporary.rglob("*") if path.is_file() and path.stat().st_size]


@pytest.fixture(scope="module")
def app(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The server of the app with a model of random weights; when it ends, what it has said is checked."""
    temporary = tmp_path_factory.mktemp("temporary")
    known = temporary.parent / f"{temporary.name}_known"
    known.mkdir()
    for number in range(3):
        Image.fromarray(np.roll(PICTURE, number, axis=0)).save(known / f"{number}.png")
    embedded = known / "embeddings.parquet"
    galaxy("embed", known, "--model", model, "--out", embedded, "--views", "1", folder=known)
    words = [sys.executable, "-c", WATCHED, "app", "--model", model, "--port", "0", "--no-browser"]
    words += ["--embeddings", embedded]
    environment = os.environ | {"TMPDIR": str(temporary)}
    with subprocess.Popen(
        words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout
        try:
            line = process.stdout.readline()
            found = re.match(r"http://127\.0\.0\.1:(\d+) ", line)
            assert found, (line, process.stderr and process.stderr.read())
            yield App(process, int(found[1]), temporary)
            process.send_signal(signal.SIGINT)
            errors = process.communicate(timeout=30)[1]
            assert (process.returncode, "Traceback" in errors) == (0, False), errors
            assert "LEFT THE MACHINE" not in errors, errors
            assert list(temporary.iterdir()) == []
        finally:
            process.kill()


@pytest.fixture(scope="module")
def page(app: App, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browsing(tmp_path_factory.mktemp("browser")) as tab:
        tab.look_from(1280)
        tab.open(app.url)
        tab.wait(f"{DROP_HERE} !== null && document.querySelector('.gz-models') !== null")
        yield tab
        assert tab.failures == []
        elsewhere = [url for url in tab.requested if not url.startswith((app.url, "data:", "blob:"))]
        assert elsewhere == []


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "ngc 1.png"
    Image.fromarray(np.kron(PICTURE, np.ones((8, 8, 1), np.uint8))).save(path)
    return path


def run(words: list[str]) -> None:
    """Run the command in this process."""
    arguments = cli.parser().parse_args(["app", "--no-browser", *words])
    arguments.run(arguments)


def drop(page: Page, file: Path) -> None:
    """Drop a file where the page takes one, as a hand does; forget what was shown before."""
    page.value("document.querySelectorAll('.gz-result, .gz-problem').forEach(it => it.remove())")
    box = page.wait(
        f"(() => {{ const it = {DROP_HERE}; if (!it) return null; it.scrollIntoView();"
        "const r = it.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2] })()"
    )
    data = {"items": [], "files": [str(file)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        page.call("Input.dispatchDragEvent", type=kind, x=box[0], y=box[1], data=data)


@seen
def test_a_dropped_image_is_shown_with_what_galaxy_predict_says_and_then_removed(
    app: App, page: Page, picture: Path, model: Path
):
    drop(page, picture)
    assert page.wait(f"{RESULT}?.querySelector('.gz-sentence')?.textContent")
    predicted = predictor.load(model).predict(picture)
    fractions = predicted.filter(like="Class").to_numpy()[0]
    assert page.value(f"{RESULT}.querySelector('.gz-sentence').textContent") == likeliest_path.sentence(fractions)
    shown = page.value(f"[...{RESULT}.querySelectorAll('.gz-number')].map(it => parseInt(it.textContent))")
    assert shown == [round(100 * float(fraction)) for fraction in fractions]
    widths = page.wait(
        f"(() => {{ const all = [...{RESULT}.querySelectorAll('img')].map(it => it.naturalWidth);"
        "return all.every(Boolean) && all })()"
    )
    assert (widths[0], widths[1], len(widths)) == (400, 64, 3 + 3)  # the square, what the network gets, the tree
    similar = page.value(f"[...{RESULT}.querySelectorAll('.gz-similar figcaption')].map(it => it.textContent)")
    assert re.search(r"/0\.png: (0\.9|1\.0)\d+$", similar[0])
    assert len(similar) == 3
    assert "ngc 1.png" in page.value(f"{RESULT}.textContent")
    assert "Model cnn, trained on 42 simulated galaxies" in page.value("document.body.innerText")
    assert app.left() == []


@seen
def test_on_a_phone_nothing_is_wider_than_the_screen_except_the_tree_which_scrolls(page: Page, picture: Path):
    page.look_from(390)
    drop(page, picture)
    page.wait(f"{RESULT} !== null")
    assert page.value("document.documentElement.scrollWidth") == 390
    assert page.value("document.querySelector('.gz-scroll').scrollWidth") > 900
    page.look_from(1280)


@seen
def test_a_fits_file_is_shown_with_its_warnings(app: App, page: Page, tmp_path: Path):
    path = tmp_path / "one.fits"
    fits.PrimaryHDU(np.random.default_rng(1).normal(0.02, 0.01, (120, 120)).astype("f4")).writeto(path)
    drop(page, path)
    assert "no BUNIT" in page.wait(f"{RESULT}?.querySelector('.gz-warn')?.textContent")
    assert app.left() == []


@seen
def test_a_file_that_is_no_image_is_one_line_and_what_a_list_names_is_not_opened(
    app: App, page: Page, picture: Path, tmp_path: Path
):
    (tmp_path / "bad.jpg").write_bytes(b"\xff\xd8\xff damaged")
    (tmp_path / "list.csv").write_text(f"path\n{picture}\n")
    for name in ("bad.jpg", "list.csv"):
        drop(page, tmp_path / name)
        line = page.wait(PROBLEM)
        assert line.startswith(f"{name}: ")
        assert "\n" not in line
    assert page.value(RESULT) is None
    assert app.left() == []


@seen
def test_a_crash_of_the_processes_that_read_does_not_end_it(app: App, page: Page, picture: Path):
    children = Path(f"/proc/{app.process.pid}/task/{app.process.pid}/children").read_text().split()
    readers = [child for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]
    assert readers
    for reader in readers:
        os.kill(int(reader), signal.SIGKILL)
    drop(page, picture)
    assert page.wait(f"{RESULT} !== null")


@pytest.mark.parametrize(
    "headers", [{"Host": "galaxies.example"}, {"Origin": "https://galaxies.example"}, {"Origin": "null"}]
)
def test_pages_of_other_sites_are_refused(app: App, headers: dict[str, str]):
    for method, path in (("GET", "/config"), ("POST", "/gradio_api/upload"), ("POST", "/gradio_api/queue/join")):
        connection = http.client.HTTPConnection("127.0.0.1", app.port, timeout=30)
        connection.request(method, path, headers=headers)
        assert connection.getresponse().status == 403


def test_only_files_of_the_page_are_served(app: App, model: Path):
    for path in (model / "model.json", Path("/etc/passwd")):
        connection = http.client.HTTPConnection("127.0.0.1", app.port, timeout=30)
        connection.request("GET", f"/gradio_api/file={path}")
        assert connection.getresponse().status in (403, 404)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--model", "none"], "none: no such folder"),
        (["--port", "70000"], "port is 70000"),
        (["--host", "203.0.113.1"], "Cannot assign requested address"),
        (["--crop", "2"], "crop is '2'"),
        (["--embeddings", "none.parquet", "--port", "0"], "none.parquet: no such file; make it with galaxy embed"),
    ],
)
def test_what_is_wrong_is_said_before_the_model_is_loaded(model: Path, words: list[str], message: str):
    with pytest.raises(GalaxyError, match=message):
        run(["--model", str(model), *words])


def test_a_port_that_is_taken_is_said(model: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(GalaxyError, match=f"port {port} of 127.0.0.1: Address already in use; name another one"):
            run(["--model", str(model), "--port", str(port)])


def test_without_the_extra_it_says_how_to_install_it(tmp_path: Path):
    code = "import sys; sys.modules['gradio'] = None; from galaxy import cli; cli.main()"
    ended = command(sys.executable, "-c", code, "app", folder=tmp_path, check=False)
    assert ended.stderr == 'error: the page needs Gradio; run `pip install "galaxy-zoo-pipeline[app]"`\n'
    assert ended.returncode == 1
