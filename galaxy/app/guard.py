"""Let only the page itself talk to the server, and the page only to the server.

A page of any other site can send requests to 127.0.0.1 while somebody visits it. It cannot forge the headers `Host` and
`Origin`, so these are compared.
"""

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")

POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
"""What the browser may load: nothing from other servers. Gradio needs scripts and styles in the page."""


class Guard:
    """Refuse what comes from other sites' pages.

    Args:
        local: only names of this machine may stand in `Host`, so that no other name can be made to mean it.
    """

    def __init__(self, app: ASGIApp, local: bool) -> None:
        self._app, self._local = app, local

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, with the policy among the answer's headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        host, origin = headers.get("host", ""), headers.get("origin")
        foreign = origin is not None and origin.partition("://")[2] != host
        if foreign or (self._local and host.rpartition(":")[0] not in LOOPBACK):
            await PlainTextResponse("only for the page of this server", 403)(scope, receive, send)
            return

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(
                    {
                        "Content-Security-Policy": POLICY,
                        "Referrer-Policy": "no-referrer",
                        "X-Content-Type-Options": "nosniff",
                    }
                )
            await send(message)

        await self._app(scope, receive, answer)
