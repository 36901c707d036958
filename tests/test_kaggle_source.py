"""What goes to and comes from Kaggle: the real client in a process of its own, against a real server on this machine.

With KAGGLE_API_ENVIRONMENT=LOCALHOST the client asks http://localhost, and with `http_proxy` it asks that of a server
on any free port: no fixed port, and nothing leaves the machine. Every process gets an empty home, and none of its
words, nor any exception behind its error, may hold a secret.
"""

import base64
import importlib.util
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from kaggle_server import BLOB, FILES, KEY, REFRESH, SIGNATURE, SOLUTIONS, TEST, TOKEN, TRAINING, Kaggle, serving

# Not importorskip: to import the client is to log in, with the credentials of whoever runs the tests.
pytestmark = pytest.mark.skipif(importlib.util.find_spec("kaggle") is None, reason="kaggle is not installed")

ROOT = Path(__file__).resolve().parent.parent
RULES = "https://www.kaggle.com/c/galaxy-zoo-the-galaxy-challenge/rules"

BAD = "b4d-secret"
SECRETS = (TOKEN, KEY, REFRESH, SIGNATURE, BAD, BLOB, base64.b64encode(f"someone:{KEY}".encode()).decode())
TOKEN_ENV = {"KAGGLE_API_TOKEN": TOKEN}
KEY_ENV = {"KAGGLE_USERNAME": "someone", "KAGGLE_KEY": KEY}
THREE_WAYS = ("KAGGLE_API_TOKEN", "~/.kaggle/access_token", "KAGGLE_KEY", "kaggle.json", "kaggle auth login")

SCRIPT = """
import sys
from pathlib import Path
from galaxy.core.errors import GalaxyError
from galaxy.inference.kaggle_submit import send
from galaxy.ingest.kaggle_download import fetch

try:
    if len(sys.argv) == 2:
        fetch(Path(sys.argv[1]))
    else:
        send(Path(sys.argv[1]), sys.argv[2])
except GalaxyError as error:
    behind = error.__context__
    while behind is not None:
        print("behind the error:", repr(behind), file=sys.stderr)
        behind = behind.__context__
    sys.exit(f"error: {error}")
"""


@pytest.fixture
def kaggle() -> Iterator[Kaggle]:
    with serving() as server:
        yield server


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty home with the client's folder in it."""
    (tmp_path / "home/.kaggle").mkdir(parents=True)
    return tmp_path / "home"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data/kaggle"


def start(kaggle: Kaggle, home: Path, path: Path, *message: str, **env: str) -> subprocess.Popen[str]:
    """Begin a fetch into a folder, or the sending of a file with a message, in a process of its own."""
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "PYTHONPATH": str(ROOT),
        "KAGGLE_API_ENVIRONMENT": "LOCALHOST",
        "http_proxy": f"http://127.0.0.1:{kaggle.server_port}",
        **env,
    }
    command = [sys.executable, "-c", SCRIPT, str(path), *message]
    return subprocess.Popen(command, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def fetch(kaggle: Kaggle, home: Path, folder: Path, **env: str) -> str:
    """Fetch, which must go well; give what was printed."""
    process = start(kaggle, home, folder, **env)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert_no_secret(out + err)
    assert RULES in out
    return out


def fail(kaggle: Kaggle, home: Path, folder: Path, **env: str) -> str:
    """Fetch, which must fail with one clear line and nothing behind it; give that line."""
    process = start(kaggle, home, folder, **env)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1, out + err
    assert_no_secret(out + err)
    assert "Traceback" not in err
    assert "behind the error" not in err
    assert RULES in out  # said before anything is tried
    assert "Authentication required" not in out  # the client's own help
    lines = [line for line in err.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1
    assert err.endswith(f"{lines[0]}\n")
    return lines[0]


def assert_no_secret(text: str) -> None:
    assert not [secret for secret in SECRETS if secret in text], text


def assert_whole(folder: Path) -> None:
    """The folder holds the three zips as the server has them, and nothing else."""
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        name: FILES[name] for name in (TRAINING, TEST, SOLUTIONS)
    }


def place_whole(folder: Path) -> None:
    folder.mkdir(parents=True)
    for name in (TRAINING, TEST, SOLUTIONS):
        (folder / name).write_bytes(FILES[name])


def test_fetches_what_is_absent_or_of_another_size(kaggle: Kaggle, home: Path, folder: Path) -> None:
    # The client's verbose mode would print every header and every address.
    fetch(kaggle, home, folder, **TOKEN_ENV, VERBOSE="1", VERBOSE_OUTPUT="true")
    assert_whole(folder)
    assert kaggle.downloads() == [TRAINING, TEST, SOLUTIONS]

    assert "is there" in fetch(kaggle, home, folder, **TOKEN_ENV)
    assert kaggle.downloads() == []

    (folder / TEST).write_bytes(FILES[TEST][:-1])
    out = fetch(kaggle, home, folder, **TOKEN_ENV)
    assert f"{TEST} has {len(FILES[TEST]) - 1:,} bytes where Kaggle lists {len(FILES[TEST]):,}" in out
    assert_whole(folder)
    assert kaggle.downloads() == [TEST]


def oauth(expires: str) -> str:
    """What `kaggle auth login` keeps."""
    token = TOKEN if expires.startswith("29") else BAD
    expiration = {"access_token_expiration": expires}
    return json.dumps({"refresh_token": REFRESH, "access_token": token, **expiration, "username": "someone"})


@pytest.mark.parametrize(
    ("env", "file", "content", "said"),
    [
        (TOKEN_ENV, None, "", "an access token (KAGGLE_API_TOKEN)"),
        ({}, "access_token", TOKEN, "an access token (~/.kaggle/access_token)"),
        (KEY_ENV, None, "", "a legacy API key (KAGGLE_USERNAME and KAGGLE_KEY)"),
        ({}, "kaggle.json", json.dumps({"username": "someone", "key": KEY}), "a legacy API key (HOME/kaggle.json)"),
        ({}, "credentials.json", oauth("2999-01-01T00:00:00+00:00"), "the OAuth credentials of `kaggle auth login`"),
        ({}, "credentials.json", oauth("2020-01-01T00:00:00+00:00"), "the OAuth credentials of `kaggle auth login`"),
    ],
    ids=["token", "token file", "key", "key file", "oauth", "oauth expired"],
)
def test_names_the_way_to_log_in(
    kaggle: Kaggle, home: Path, folder: Path, env: dict[str, str], file: str | None, content: str, said: str
) -> None:
    place_whole(folder)
    if file:
        (home / ".kaggle" / file).write_text(content)
        (home / ".kaggle" / file).chmod(0o644)
    out = fetch(kaggle, home, folder, **env)
    assert f"found the log-in: {said.replace('HOME', str(home / '.kaggle'))}" in out
    assert ("Warning: Your Kaggle API key is readable by other users" in out) == (file == "kaggle.json")


@pytest.mark.parametrize(
    ("env", "parts"),
    [
        ({}, ("no log-in found;",)),
        ({"KAGGLE_API_TOKEN": BAD}, ("no log-in found", "refuses the access token in KAGGLE_API_TOKEN")),
        ({**KEY_ENV, "KAGGLE_KEY": BAD}, ("HTTP 401", "refused")),
        # The client goes on to the key, but still sends the token.
        ({**KEY_ENV, "KAGGLE_API_TOKEN": BAD}, ("HTTP 401", "remove an expired access token")),
    ],
    ids=["none", "expired token", "bad key", "expired token beside a key"],
)
def test_says_how_to_log_in(
    kaggle: Kaggle, home: Path, folder: Path, env: dict[str, str], parts: tuple[str, ...]
) -> None:
    error = fail(kaggle, home, folder, **env)
    assert [part for part in parts + THREE_WAYS if part not in error] == []
    assert not folder.exists()


@pytest.mark.parametrize("token", [f"{BAD}\n{BAD}", BAD * 40], ids=["two lines", "too long for a file name"])
def test_a_token_that_breaks_the_client_is_not_quoted(kaggle: Kaggle, home: Path, folder: Path, token: str) -> None:
    fail(kaggle, home, folder, KAGGLE_API_TOKEN=token)


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        (403, f"accept the competition's rules at {RULES}"),
        (404, f"accept the competition's rules at {RULES}"),
        (429, "try again in an hour"),
        (500, "try again later"),
    ],
)
def test_says_what_to_do_about_a_refusal(kaggle: Kaggle, home: Path, folder: Path, status: int, advice: str) -> None:
    kaggle.status = status
    error = fail(kaggle, home, folder, **KEY_ENV)
    assert f"HTTP {status}" in error
    assert advice in error


def test_says_what_to_do_without_a_network(kaggle: Kaggle, home: Path, folder: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        error = fail(kaggle, home, folder, **KEY_ENV, http_proxy=f"http://127.0.0.1:{closed.getsockname()[1]}")
    assert "no connection" in error
    assert "set download.source to local" in error


def test_a_file_that_is_not_listed(kaggle: Kaggle, home: Path, folder: Path) -> None:
    del kaggle.sizes[TEST]
    assert f"has no {TEST}" in fail(kaggle, home, folder, **KEY_ENV)


def test_no_room_and_no_folder(kaggle: Kaggle, home: Path, folder: Path, tmp_path: Path) -> None:
    kaggle.sizes[TRAINING] = 10**18
    assert "make room" in fail(kaggle, home, folder, **KEY_ENV)
    assert kaggle.downloads() == []

    (tmp_path / "file").touch()
    process = start(kaggle, home, tmp_path / "file/kaggle", **KEY_ENV)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "file/kaggle: cannot keep the downloads here (Not a directory)" in err


@pytest.mark.parametrize("content", [FILES[TEST][:-1], b"<html>" + FILES[TEST][6:]], ids=["too short", "no zip"])
def test_what_is_not_the_listed_file_is_not_kept(kaggle: Kaggle, home: Path, folder: Path, content: bytes) -> None:
    kaggle.files[TEST] = content
    error = fail(kaggle, home, folder, **KEY_ENV)
    assert f"{TEST} did not arrive whole ({len(content):,} bytes" in error
    assert [path.name for path in folder.glob("*.zip")] == [TRAINING]


def test_a_connection_cut_half_way_leaves_no_file(kaggle: Kaggle, home: Path, folder: Path) -> None:
    kaggle.cut, kaggle.expired = TRAINING, True
    assert f"{TRAINING} did not arrive whole" in fail(kaggle, home, folder, **TOKEN_ENV)
    assert list(folder.glob("*.zip")) == []

    # The client has kept the storage's error page as the file's beginning; nothing may be appended to that.
    kaggle.expired = False
    fetch(kaggle, home, folder, **TOKEN_ENV)
    assert_whole(folder)


def test_killed_half_way_it_goes_on_from_there(kaggle: Kaggle, home: Path, folder: Path) -> None:
    kaggle.cut, kaggle.stall = TRAINING, threading.Event()
    process = start(kaggle, home, folder, **TOKEN_ENV)
    partial = folder / ".partial" / TRAINING
    deadline = time.monotonic() + 30
    while not (partial.is_file() and partial.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.kill()
    assert_no_secret("".join(process.communicate(timeout=60)))
    arrived = partial.stat().st_size
    kaggle.stall.set()
    assert list(folder.glob("*.zip")) == []

    fetch(kaggle, home, folder, **TOKEN_ENV)
    assert kaggle.ranges == [f"bytes={arrived}-"]
    assert_whole(folder)


def test_without_the_client(kaggle: Kaggle, home: Path, folder: Path, tmp_path: Path) -> None:
    """All of this environment's packages but the client, in a folder of links."""
    packages = tmp_path / "packages"
    packages.mkdir()
    for package in Path(importlib.util.find_spec("kaggle").origin).parent.parent.iterdir():
        if not package.name.startswith("kaggle"):
            (packages / package.name).symlink_to(package)
    env = {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": f"{ROOT}:{packages}"}
    command = [sys.executable, "-S", "-c", SCRIPT, str(folder)]
    result = subprocess.run(command, env=env, text=True, capture_output=True, timeout=60)
    assert result.returncode == 1
    assert result.stderr.endswith(
        "error: Kaggle: the official client cannot be imported (no module kaggle); run `pip install kaggle six`\n"
    )


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A file to send; what is in it is not the client's concern."""
    path = tmp_path / "submission.csv"
    path.write_bytes(b"GalaxyID\r\n" + b"100018\r\n" * 1000)
    return path


def send(kaggle: Kaggle, home: Path, path: Path, **env: str) -> tuple[int, str]:
    """Send a file; the exit status, and all that was printed, without a secret in it."""
    process = start(kaggle, home, path, "resnet; RMSE 0.1", **env)
    said = "".join(process.communicate(timeout=60))
    assert_no_secret(said)
    assert "Traceback" not in said
    assert "behind the error" not in said
    return process.returncode, said


def test_a_submission_arrives_whole_with_its_message(kaggle: Kaggle, home: Path, written: Path) -> None:
    status, _ = send(kaggle, home, written, **TOKEN_ENV, VERBOSE="1", VERBOSE_OUTPUT="true")
    assert status == 0
    assert kaggle.uploaded == written.read_bytes()
    (submitted,) = kaggle.submitted
    assert submitted["competitionName"] == "galaxy-zoo-the-galaxy-challenge"
    assert submitted["submissionDescription"] == "resnet; RMSE 0.1"
    assert submitted["blobFileTokens"] == BLOB


@pytest.mark.parametrize(
    ("attribute", "value", "env", "parts"),
    [
        ("status", 403, KEY_ENV, ("HTTP 403", f"accept the competition's rules at {RULES}")),
        ("status", 429, KEY_ENV, ("HTTP 429", "try again in an hour, or upload the file by hand at")),
        (
            "storage_status",
            403,
            KEY_ENV,
            ("submission.csv did not arrive; try again later, or upload the file by hand",),
        ),
        ("status", 200, {}, ("no log-in found", *THREE_WAYS)),
    ],
    ids=["rules", "limit", "storage", "no log-in"],
)
def test_a_submission_that_is_not_taken_says_why(
    kaggle: Kaggle, home: Path, written: Path, attribute: str, value: int, env: dict[str, str], parts: tuple[str, ...]
) -> None:
    setattr(kaggle, attribute, value)
    status, said = send(kaggle, home, written, **env)
    assert status == 1
    error = said[said.index("error: ") :]
    assert [part for part in parts if part not in error] == []
    assert error.count("\n") == 1
    assert kaggle.submitted == []
