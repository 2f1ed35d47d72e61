"""Who may send how much to the page's server, and what the browser may do with the answer.

Starlette's `TrustedHostMiddleware` stands before this one and refuses other names.
"""

from collections.abc import Callable, Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

HOSTS = ["127.0.0.1", "localhost"]  # this machine, in a browser's address bar
FORM_BYTES = 1 << 20  # what a form adds to the file in it, and more
HEADERS = {
    "content-security-policy": (
        "default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
        "style-src 'self' 'unsafe-inline'; connect-src 'self' data: blob:; "
        "frame-ancestors 'none'; form-action 'self'; base-uri 'self'"
    ),
    "referrer-policy": "no-referrer",
}


class Manners:
    """ASGI middleware: takes files of at most ``max_bytes``, from the page itself only.

    Gradio takes what a page of another site sends, though that page cannot read the
    answer; and it limits each file, not how many come in one request.
    """

    def __init__(self, app: Callable, *, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes + FORM_BYTES

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with the policy in its answer, or refuse it."""

        async def send_with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        refusal = scope["type"] == "http" and why_refused(
            Headers(scope=scope), max_bytes=self._max_bytes
        )
        app = PlainTextResponse(refusal[1], refusal[0]) if refusal else self._app
        await app(scope, receive, send_with_policy)


def why_refused(headers: Mapping[str, str], *, max_bytes: int) -> tuple[int, str] | None:
    """HTTP status and reason where a request must not be answered, else None."""
    own = f"http://{headers.get('host', '')}"
    # Browsers name the sender's page wherever they send something; other programs do not.
    if headers.get("origin", own) != own:
        return 403, "only from this machine's own page"
    length = headers.get("content-length", "0")
    if "transfer-encoding" in headers or not length.isdecimal():
        return 411, "how long is it?"
    if int(length) > max_bytes:
        return 413, "trop à la fois : choisissez moins de fichiers / too much: choose fewer files"
    return None
