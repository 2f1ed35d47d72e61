"""Serve the replica on 127.0.0.1: pages from memory, recordings from a folder."""

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from spoken_cefr.replica.catalogue import SLUG, read_catalogue
from spoken_cefr.replica.site import Site, SiteOptions

HOST = "127.0.0.1"
IDLE_S = 30.0  # an open connection that asks nothing is closed after this long
HTML = "text/html; charset=utf-8"
AUDIO_PATH = re.compile(rf"/IMG/mp3/({SLUG.pattern})\.mp3")


@dataclass(frozen=True)
class Reply:
    """One answer; ``headers`` overrides what the server would say by itself.

    A body with ``Transfer-Encoding`` is sent as it is, without its length.
    """

    status: int = HTTPStatus.OK
    body: bytes = b""
    content_type: str = HTML
    headers: dict[str, str] = field(default_factory=dict)


Fault = Callable[[str], Reply | None]


@contextmanager
def serve_replica(
    folder: Path, *, port: int = 0, fault: Fault | None = None, **options: Any
) -> Iterator[str]:
    """Serve ``folder/catalogue.csv`` and ``folder/audio/*.mp3`` while the block runs.

    Gives the base URL, such as ``http://127.0.0.1:8765/``. With port 0, or a busy one, any free
    port is taken; ``options`` are the fields of `SiteOptions`. For tests: given path and query,
    ``fault`` returns a reply to send instead of the right one, None to answer as usual, or
    raises ConnectionError to hang up without a word.
    """
    entries = read_catalogue(folder / "catalogue.csv")
    with _bind(port) as server:
        base_url = f"http://{HOST}:{server.server_port}/"
        server.site = Site(entries, base_url, SiteOptions(**options))
        server.audio_folder = folder / "audio"
        server.fault = fault
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield base_url
        finally:
            server.shutdown()
            thread.join()
            server.hang_up()


def _bind(port: int) -> "_Server":
    try:
        return _Server((HOST, port), _Handler)
    except OSError:
        return _Server((HOST, 0), _Handler)


class _Server(ThreadingHTTPServer):
    """A threading server that can close the connections its clients left open."""

    daemon_threads = False  # closing the server waits for its threads: no socket is left behind
    request_queue_size = 32
    site: Site
    audio_folder: Path
    fault: Fault | None

    def __init__(self, *args: Any) -> None:
        self._connections: set[socket.socket] = set()
        super().__init__(*args)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self._connections.add(connection)
        return connection, address

    def shutdown_request(self, request: socket.socket) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        for connection in list(self._connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # the client was quicker


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "replica"
    sys_version = ""
    timeout = IDLE_S
    # Headers and body leave in one packet: without this each reply waits 40 ms.
    wbufsize = -1
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        try:
            reply = self.server.fault(self.path) if self.server.fault else None
            self._send(reply or self._answer())
        except ConnectionError:
            self.close_connection = True

    do_HEAD = do_GET

    def log_message(self, *args: Any) -> None:
        """Say nothing: the progress bar has the terminal."""

    def _send(self, reply: Reply) -> None:
        headers = {"Content-Type": reply.content_type, "Content-Length": str(len(reply.body))}
        headers |= reply.headers
        if "Transfer-Encoding" in headers:
            del headers["Content-Length"]
        self.send_response(reply.status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)
        if headers.get("Content-Length") != str(len(reply.body)):
            self.close_connection = True  # an odd body: only hanging up ends it

    def _answer(self) -> Reply:
        url = urlsplit(self.path)
        audio = AUDIO_PATH.fullmatch(url.path)
        if audio:
            return self._audio(self.server.audio_folder / f"{audio[1]}.mp3")
        fixed = {
            "/": (self.server.site.home, HTML),
            "/robots.txt": (lambda: self.server.site.options.robots, "text/plain; charset=utf-8"),
            "/replica.css": (lambda: _file("replica.css"), "text/css; charset=utf-8"),
            "/replica.js": (lambda: _file("replica.js"), "text/javascript; charset=utf-8"),
            "/spip.php": (lambda: _spip(self.server.site, url.query), HTML),
        }
        make, content_type = fixed.get(url.path, (lambda: None, HTML))
        text = make()
        if text is None:
            return Reply(HTTPStatus.NOT_FOUND, b"<h1>404</h1>")
        return Reply(body=text.encode("utf-8"), content_type=content_type)

    def _audio(self, path: Path) -> Reply:
        if not path.is_file():
            return Reply(HTTPStatus.NOT_FOUND, b"<h1>404</h1>")
        return Reply(body=path.read_bytes(), content_type="audio/mpeg")


def _file(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _spip(site: Site, query: str) -> str | None:
    """The page that ``spip.php?query`` asks for."""
    fields = parse_qs(query, keep_blank_values=True)
    name = next(iter(fields), "")
    if match := re.fullmatch(r"rubrique(\d+)", name):
        offset = fields.get("debut_articles", ["0"])[0]
        return site.listing(int(match[1]), int(offset) if offset.isdecimal() else 0)
    if match := re.fullmatch(r"article(\d+)", name):
        return site.article(match[1])
    if fields.get("page") == ["integrer"]:
        return site.download_part(fields.get("id_article", [""])[0])
    return None
