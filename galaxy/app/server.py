"""Build the page with Gradio, and serve it: to this machine alone unless its user asks for more."""

import contextlib
import importlib.util
import os
import signal
import socket
import sys
import tempfile
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from galaxy.core.errors import GalaxyError
from galaxy.inference.sources import LARGEST_FILE

if TYPE_CHECKING:
    from galaxy.app.look import Looker

INSTALL = 'the page needs Gradio; run `pip install "galaxy-zoo-pipeline[app]"`'

WAITING = 20
"""Most images that wait; each is looked at after the one before it."""

LOOPBACK = ("127.", "::1")


def check_installed() -> None:
    """Raise GalaxyError unless Gradio is installed."""
    if importlib.util.find_spec("gradio") is None:
        raise GalaxyError(INSTALL)


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens at an address; port 0 stands for any that is free.

    Raises:
        GalaxyError: the port is taken or not allowed, or the address is none of this machine's.
    """
    if not 0 <= port < 2**16:
        raise GalaxyError(f"port is {port}; it may be 0 (any that is free) to {2**16 - 1}")
    try:
        (family, _, _, _, address), *_ = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        listening = socket.create_server(address[:2], family=family)
    except OSError as error:
        reason = error.strerror if isinstance(error, socket.gaierror) else os.strerror(error.errno or 0)
        raise GalaxyError(f"port {port} of {host}: {reason}; name another one (--port, --host)") from None
    return listening


def serve(listening: socket.socket, looker: "Looker", browser: bool) -> None:
    """Serve the page at a socket until the process is interrupted.

    Args:
        looker: looks at the images.
        browser: open the page in the user's browser, where there is one.
    """
    with tempfile.TemporaryDirectory(prefix="galaxy-app-") as uploads:
        os.environ |= {"GRADIO_TEMP_DIR": uploads, "GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_DISABLE_TELEMETRY": "1"}
        import uvicorn

        host, port = listening.getsockname()[:2]
        local = host.startswith(LOOPBACK)
        server = uvicorn.Server(
            uvicorn.Config(_application(looker, local), log_level="warning", timeout_graceful_shutdown=1)
        )
        url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        if not local:
            print("warning: no password is asked: all who reach this address can use the page", file=sys.stderr)
        print(f"{url} (Ctrl-C stops it)", flush=True)
        if browser and _has_screen():
            webbrowser.open(url)
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that it cleans up, too
        with contextlib.suppress(KeyboardInterrupt):
            server.run(sockets=[listening])


def _has_screen() -> bool:
    """Return whether a browser would open in a window, not in the terminal."""
    return sys.platform != "linux" or "DISPLAY" in os.environ or "WAYLAND_DISPLAY" in os.environ


def _application(looker: "Looker", local: bool) -> Callable[..., Any]:
    import gradio
    from fastapi import FastAPI

    from galaxy.app import page
    from galaxy.app.guard import Guard

    application = FastAPI(openapi_url=None)
    gradio.mount_gradio_app(
        application,
        _page(looker),
        path="/",
        footer_links=[],
        run_history=False,
        show_error=False,
        max_file_size=LARGEST_FILE,
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
        theme=gradio.themes.Default(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]),
        head=page.style(),
    )
    return Guard(application, local)


def _page(looker: "Looker") -> Any:
    import gradio

    from galaxy.app import page

    def show(upload: str) -> tuple[None, str]:
        """Return an empty place for the next image, and what is found about this one."""
        path = Path(upload)
        try:
            return None, page.result(looker(path, path.name))
        except GalaxyError as error:
            return None, page.problem(str(error))
        finally:
            path.unlink(missing_ok=True)

    with gradio.Blocks(title="Galaxy Zoo", analytics_enabled=False, delete_cache=(3600, 3600)) as blocks:
        gradio.HTML(page.models(looker), elem_classes="gz", apply_default_css=False)
        dropped = gradio.File(label="Image", height=140)
        shown = gradio.HTML(elem_classes="gz", apply_default_css=False)
        dropped.upload(show, dropped, [dropped, shown], api_visibility="private", show_progress="minimal")
    return blocks.queue(max_size=WAITING, default_concurrency_limit=1)
