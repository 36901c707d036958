"""A server that stands for the Hugging Face Hub on this machine: repositories with commits, private and gated ones."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

TOKEN = "hf_T0k3n"  # noqa: S105
"""What opens private and gated repositories."""


@dataclass
class Repository:
    """Files by commit, the newest commit last, and who may read them: everybody, or whoever has the token."""

    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    gated: bool = False
    private: bool = False

    def commit(self, folder: Path) -> str:
        """Add a commit with the files of a folder; return its name of forty digits."""
        files = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
        name = hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest()[:40]
        self.commits[name] = files
        return name

    def at(self, revision: str) -> str | None:
        """Return the commit that a revision means."""
        if revision == "main":
            return list(self.commits)[-1]
        return revision if revision in self.commits else None


class Hub(ThreadingHTTPServer):
    """As much of the Hub as its client asks for."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.repositories: dict[str, Repository] = {}
        self.asked: list[str] = []


@contextmanager
def serving() -> Iterator[Hub]:
    """A hub that answers."""
    with Hub() as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.shutdown()


class Handler(BaseHTTPRequestHandler):
    """`/<owner>/<name>/resolve/<revision>/<file>`, with the headers that the Hub's client needs."""

    server: Hub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, body: bool) -> None:
        path = unquote(urlsplit(self.path).path)
        self.server.asked.append(f"{self.command} {path}")
        repository, _, rest = path.strip("/").partition("/resolve/")
        revision, _, name = rest.partition("/")
        found = self.server.repositories.get(repository)
        known = self.headers["Authorization"] == f"Bearer {TOKEN}"
        if found is None or (found.private and not known):
            self._refuse(401, "RepoNotFound")
        elif found.gated and not known:
            self._refuse(403, "GatedRepo")
        elif (commit := found.at(revision)) is None:
            self._refuse(404, "RevisionNotFound")
        elif name not in found.commits[commit]:
            self._refuse(404, "EntryNotFound", commit)
        else:
            content = found.commits[commit][name]
            self.send_response(200)
            self._end(len(content), commit, ETag=f'"{hashlib.sha256(content).hexdigest()}"')
            if body:
                self.wfile.write(content)

    def _refuse(self, status: int, code: str, commit: str | None = None) -> None:
        self.send_response(status)
        self._end(0, commit, **{"X-Error-Code": code, "X-Error-Message": "no"})

    def _end(self, length: int, commit: str | None, **headers: str) -> None:
        if commit is not None:
            headers["X-Repo-Commit"] = commit
        for key, value in {"Content-Length": str(length), "Accept-Ranges": "bytes", **headers}.items():
            self.send_header(key, value)
        self.end_headers()

    def log_message(self, *words: object) -> None:
        """Print nothing."""
