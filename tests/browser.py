"""A headless Chromium, driven through its DevTools protocol over a pair of pipes."""

import base64
import json
import os
import shutil
import subprocess
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
SECONDS = 60


class Page:
    """A tab of the browser, and what has happened in it.

    `requested` are the addresses that it asked for, `failures` the errors that it reported.
    """

    def __init__(self, commands: int, answers: int) -> None:
        self._commands, self._answers, self._rest = commands, answers, b""
        self._count, self._session, self._loaded = 0, "", False
        self.requested: list[str] = []
        self.failures: list[str] = []
        self._read: deque[dict[str, Any]] = deque()
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "DOM", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command and return its result."""
        self._count += 1
        command = {"id": self._count, "method": method, "params": params}
        if self._session:
            command["sessionId"] = self._session
        os.write(self._commands, json.dumps(command).encode() + b"\0")
        while (answer := self._next()).get("id") != self._count:
            self._note(answer)
        assert "error" not in answer, (method, answer)
        return answer["result"]

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            read = os.read(self._answers, 2**20)
            assert read, "the browser has ended"
            self._rest += read
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)

    def _note(self, event: dict[str, Any]) -> None:
        what = event.get("params", {})
        if event["method"] == "Network.requestWillBeSent":
            self.requested.append(what["request"]["url"])
        elif event["method"] == "Runtime.exceptionThrown":
            self.failures.append(json.dumps(what["exceptionDetails"])[:600])
        elif event["method"] == "Log.entryAdded" and what["entry"]["level"] == "error":
            self.failures.append(f"{what['entry']['text']} {what['entry'].get('url', '')}")

    def look_from(self, width: int, height: int = 900, dark: bool = False) -> None:
        """Give the window a size in pixels, and the system a light or dark theme."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            **{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600},
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def open(self, url: str) -> None:
        """Go to an address."""
        self.call("Page.navigate", url=url)

    def value(self, script: str) -> Any:
        """Return what a script gives."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, (script, answer)
        return answer["result"].get("value")

    def wait(self, script: str) -> Any:
        """Return what a script gives as soon as that is true."""
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            if found := self.value(script):
                return found
            time.sleep(0.05)
        raise AssertionError(f"not within {SECONDS} s: {script}\n{self.value('document.body.innerText')}")

    def choose(self, selector: str, file: Path) -> None:
        """Put a file into an `<input type=file>`."""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", nodeId=node, files=[str(file)])

    def shoot(self, path: Path) -> None:
        """Write a picture of the whole page as PNG."""
        shot = self.call("Page.captureScreenshot", captureBeyondViewport=True, format="png")
        path.write_bytes(base64.b64decode(shot["data"]))


@contextmanager
def browsing(profile: Path) -> Iterator[Page]:
    """Give a page of a fresh browser, which asks for nothing by itself and ends with the block."""
    assert CHROMIUM
    to_browser, from_browser = os.pipe(), os.pipe()
    words = [
        *(CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--no-first-run"),
        *("--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"),
        *("--no-proxy-server", f"--user-data-dir={profile}", "about:blank"),
    ]
    ends = f"3<&{to_browser[0]} 4>&{from_browser[1]}"
    with subprocess.Popen(
        ["bash", "-c", f'exec "$@" {ends}', "-", *words],
        pass_fds=(to_browser[0], from_browser[1]),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        os.close(to_browser[0])
        os.close(from_browser[1])
        try:
            yield Page(to_browser[1], from_browser[0])
        finally:
            process.kill()
            os.close(to_browser[1])
            os.close(from_browser[0])
