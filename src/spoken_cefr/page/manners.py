"""Who may ask the page's server, for how much, and what the browser may do with the answer."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

NAMES = ("127.0.0.1", "localhost")  # of this machine, in a browser's address bar
FORM_BYTES = 1 << 20  # what a form adds to the file in it, and more
POLICY = (
    "default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; connect-src 'self' data: blob:; frame-ancestors 'none'; "
    "form-action 'self'; base-uri 'self'"
)
HEADERS = [
    (b"content-security-policy", POLICY.encode("ascii")),
    (b"referrer-policy", b"no-referrer"),
]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Manners:
    """ASGI middleware: serves pages of this machine only, and binds the browser to it.

    The check of ``Host`` keeps a page of another site from reaching the server
    under that site's name (DNS rebinding), the check of ``Origin`` keeps it from
    sending files under this server's own name.

    Parameters
    ----------
    max_bytes : int
        Largest file that may be sent.
    """

    def __init__(self, app: Callable, *, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes + FORM_BYTES

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with the policy in its answer, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {
            key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]
        }
        if refusal := why_refused(headers, max_bytes=self._max_bytes):
            await _answer(send, *refusal)
        elif not _is_light(scope):
            await _answer(send, 307, "", [(b"location", b"/?__theme=light")])
        else:
            await self._app(scope, receive, _with_policy(send))


def why_refused(headers: Mapping[str, str], *, max_bytes: int) -> tuple[int, str] | None:
    """HTTP status and reason where a request must not be answered, else None.

    Parameters
    ----------
    headers : mapping
        By name in lower case.
    max_bytes : int
        Largest body.
    """
    host = headers.get("host", "")
    if _name(host) not in NAMES:
        return 403, "only on this machine"
    # Browsers name the sender's page wherever they send something; other programs do not.
    if headers.get("origin", f"http://{host}") != f"http://{host}":
        return 403, "only from this machine's own page"
    length = headers.get("content-length", "0")
    if "transfer-encoding" in headers or not length.isdecimal():
        return 411, "how long is it?"
    if int(length) > max_bytes:
        return 413, f"at most {max_bytes} bytes"
    return None


def _name(host: str) -> str | None:
    """A host's name without its port; None where there is none."""
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


def _is_light(scope: Scope) -> bool:
    """False for the page as Gradio would turn it dark: no colour of ours is made for that."""
    asked = parse_qs(scope.get("query_string", b"").decode("latin-1"))
    return scope["path"] != "/" or asked.get("__theme") == ["light"]


async def _answer(
    send: Send, status: int, text: str, headers: list[tuple[bytes, bytes]] | None = None
) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers or []})
    await send({"type": "http.response.body", "body": text.encode("ascii")})


def _with_policy(send: Send) -> Send:
    async def send_with_policy(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *HEADERS]
        await send(message)

    return send_with_policy
