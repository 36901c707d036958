"""A server that stands for Kaggle's on this machine, and what it knows: files, and the secrets that it accepts."""

import base64
import io
import json
import random
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

TRAINING, TEST, SOLUTIONS = "images_training_rev1.zip", "images_test_rev1.zip", "training_solutions_rev1.zip"
TOKEN, KEY, REFRESH, SIGNATURE, BLOB = "T0k3n-secret", "k3y-secret", "r3fresh-secret", "s1gned-secret", "bl0b-secret"


def make_zip(size: int, seed: int) -> bytes:
    """A zip of one member of `size` random bytes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("member", random.Random(seed).randbytes(size))
    return packed.getvalue()


FILES = {
    TRAINING: make_zip(3_000_000, 1),  # above the client's chunk of 1 MiB, so that a half of it reaches the disk
    "all_zeros_benchmark.zip": make_zip(10, 2),
    TEST: make_zip(2_000, 3),
    SOLUTIONS: make_zip(1_000, 4),
}


class Kaggle(ThreadingHTTPServer):
    """As much of Kaggle as the client asks for. A test changes the attributes to make it fail."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = dict(FILES)
        self.sizes = {name: len(content) for name, content in FILES.items()}
        self.status = 200
        self.cut: str | None = None  # the file whose next transfer breaks off half-way
        self.expired = False  # after the cut, the storage refuses
        self.stall: threading.Event | None = None  # breaks off only once this is set
        self.asked: list[str] = []
        self.ranges: list[str] = []
        self.storage_status = 200  # of uploads
        self.uploaded = b""
        self.submitted: list[dict[str, object]] = []

    def downloads(self) -> list[str]:
        """Names of the files that were asked for since the last call, in order, each once."""
        names = [line.rsplit("/", 1)[-1] for line in self.asked if line.startswith("storage")]
        self.asked.clear()
        return list(dict.fromkeys(names))


@contextmanager
def serving() -> Iterator[Kaggle]:
    """A server that answers."""
    with Kaggle() as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.shutdown()


class Handler(BaseHTTPRequestHandler):
    """The endpoints, named as the client names them; the storage behind the redirect is another host."""

    server: Kaggle

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        endpoint = urlsplit(self.path).path.removeprefix("/api/v1/")
        self.server.asked.append(endpoint)
        if endpoint == "security.OAuthService/IntrospectToken":
            known = body["token"] == TOKEN
            self.answer(200 if known else 404, {"active": True, "username": "someone"} if known else {})
        elif endpoint == "users.AccountService/GenerateAccessToken" and body["refreshToken"] == REFRESH:
            self.answer(200, {"token": TOKEN, "expiresIn": 3600})
        elif self.server.status != 200 or not self.authorized():
            status = self.server.status if self.authorized() else 401
            self.answer(status, {"code": status, "message": f"Refused {self.headers['Authorization']}"})
        elif endpoint == "competitions.CompetitionApiService/ListDataFiles":
            self.list_files(int(body.get("pageToken") or 0))
        elif endpoint == "competitions.CompetitionApiService/DownloadDataFile":
            assert body["competitionName"] == "galaxy-zoo-the-galaxy-challenge"
            self.send_response(302)
            self.send_header("Location", f"http://storage.localhost/data/{body['fileName']}?Signature={SIGNATURE}")
            self.end_headers()
        elif endpoint == "competitions.CompetitionApiService/StartSubmissionUpload":
            url = f"http://storage.localhost/upload/{body['fileName']}?Signature={SIGNATURE}"
            self.answer(200, {"token": BLOB, "createUrl": url})
        elif endpoint == "competitions.CompetitionApiService/CreateSubmission":
            self.server.submitted.append(body)
            self.answer(200, {"message": "Successfully submitted", "ref": 1})

    def do_PUT(self) -> None:
        """The storage takes an upload."""
        assert self.path.startswith("http://storage.localhost/upload/submission.csv")
        assert "Authorization" not in self.headers
        self.server.uploaded = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(self.server.storage_status, {})

    def do_GET(self) -> None:
        """The storage: ranges, an ETag, and transfers that break off."""
        url = urlsplit(self.path)
        name = url.path.rsplit("/", 1)[-1]
        assert url.hostname == "storage.localhost"
        assert "Authorization" not in self.headers
        self.server.asked.append(f"storage/{name}")
        if self.server.expired and self.server.cut is None:
            self.answer(403, {"message": "expired"})
            return
        content, start = self.server.files[name], 0
        if wanted := self.headers["Range"]:
            self.server.ranges.append(wanted)
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
        self.send_response(206 if wanted else 200)
        for header, value in {
            "Content-Length": str(len(content) - start),
            "Accept-Ranges": "bytes",
            "ETag": f'"{name}"',
            "Last-Modified": "Fri, 20 Dec 2013 12:00:00 GMT",
        }.items():
            self.send_header(header, value)
        self.end_headers()
        cut = self.server.cut == name
        self.wfile.write(content[start : len(content) // 2 if cut else None])
        if cut:
            self.wfile.flush()
            self.server.cut = None
            if self.server.stall:
                self.server.stall.wait(30)

    def authorized(self) -> bool:
        """Whether the request carries the good token or the good key."""
        basic = base64.b64encode(f"someone:{KEY}".encode()).decode()
        return self.headers["Authorization"] in (f"Bearer {TOKEN}", f"Basic {basic}")

    def list_files(self, page: int) -> None:
        """One file a page, so that the list has several."""
        names = list(self.server.sizes)
        files = [{"name": names[page], "totalBytes": self.server.sizes[names[page]]}]
        following = str(page + 1) if page + 1 < len(names) else ""
        self.answer(200, {"files": files, "nextPageToken": following})

    def answer(self, status: int, content: dict[str, object]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""
