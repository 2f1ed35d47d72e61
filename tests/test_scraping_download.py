"""What a web server may do to a download, each case served by a local one that does it."""

import gzip
import itertools
import socketserver
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace

import pytest
import soundfile
from scraping_helpers import DURATION_S, scraping_config

from spoken_cefr import http
from spoken_cefr.errors import InputError
from spoken_cefr.http import Refused, retry_after_s
from spoken_cefr.replica import serve_replica
from spoken_cefr.replica.server import Reply
from spoken_cefr.scraping import download as download_module
from spoken_cefr.scraping.client import Client
from spoken_cefr.scraping.download import AudioFolder
from spoken_cefr.scraping.politeness import Manners, Robots

PATH = "/IMG/mp3/le_jardin.mp3"
ROBOTS = "/robots.txt"


@pytest.fixture(scope="module")
def mp3(replica):
    return (replica / "audio" / "le_jardin.mp3").read_bytes()


class Server:
    """Answers as the test says, once a reply and the last one for ever; None is the right one."""

    def __init__(self, *replies):
        self.replies = list(replies)
        self.asked = []

    def __call__(self, path):
        self.asked.append(path)
        if path != PATH:
            return None
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        return reply() if callable(reply) else reply


@pytest.fixture
def download(replica, tmp_path):
    """Download one recording from a server with these replies; tell what came of it."""

    def fetch(*replies, path=PATH, max_mb=1.0, robots="", **keys):
        server, waits = Server(*replies), []
        config = scraping_config(**keys)
        with serve_replica(replica, fault=server, robots=robots) as base_url:
            manners = Manners(base_url, config, wait=waits.append)
            with Client(manners, config) as client:
                url = base_url + path.lstrip("/")
                fetch.server, fetch.waits, fetch.base_url = server, waits, base_url
                return AudioFolder(tmp_path).fetch("9001", url, client, max_mb=max_mb)

    yield fetch
    assert not list(tmp_path.rglob("*.tmp*")), "a partial file is left"


def hang_up():
    raise ConnectionError


def tries(download):
    return download.server.asked.count(PATH)


def test_a_recording_is_saved_with_its_digest_and_length_once(download, tmp_path, mp3):
    audio = download(None)
    path = tmp_path / audio.file_name
    assert audio.file_name == "audio/9001.mp3"
    assert path.read_bytes() == mp3
    assert audio.duration_s == pytest.approx(DURATION_S, abs=0.1)
    assert audio.duration_s == pytest.approx(soundfile.info(path).duration, abs=1e-3)
    assert download.server.asked == [ROBOTS, PATH]  # the rules first, and once
    assert download(None) == audio
    assert download.server.asked == []  # nothing is fetched twice


def test_a_changed_file_is_fetched_again(download, tmp_path, mp3):
    path = tmp_path / download(None).file_name
    path.write_bytes(mp3[:100])
    download(None)
    assert path.read_bytes() == mp3


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(404, b"gone"), "HTTP 404"),
        (Reply(200, b"<html>Maintenance</html>"), r"not an audio file \(text/html\)"),
        (Reply(200, b"", "audio/mpeg"), "empty file"),
        (Reply(200, b"\x00" * 5000, "audio/mpeg"), r"not an audio file \(audio/mpeg\)"),
        (Reply(302, headers={"Location": "http://localhost:9/x.mp3"}), r"another host \(localh"),
        (Reply(302, headers={"Location": PATH}), "over 5 redirects"),
        (Reply(301, headers={"Location": "file:///etc/passwd"}), "another host"),
        (Reply(302, headers={"Location": "http://["}), "not a web address, or a redirect to none"),
    ],
    ids=["404", "html", "empty", "noise", "other-host", "loop", "file", "no-address"],
)
def test_what_is_no_recording_is_refused_with_a_reason(download, tmp_path, reply, reason):
    with pytest.raises(Refused, match=reason) as error:
        download(reply)
    assert not error.value.transient
    assert not (tmp_path / "audio" / "9001.mp3").exists()
    assert download.waits == []


def test_an_audio_address_on_another_host_is_never_asked():
    config = scraping_config()
    with (
        Client(Manners("http://127.0.0.1:1/", config), config) as client,
        pytest.raises(Refused, match=r"site\.example"),
    ):
        client.fetch("https://site.example/x.mp3", lambda reply: reply.content)


def test_a_listed_host_may_serve_the_audio(download, replica, tmp_path):
    def elsewhere():
        address = download.base_url.replace("127.0.0.1", "localhost") + "IMG/mp3/l_affiche.mp3"
        return Reply(302, headers={"Location": address})

    with pytest.raises(Refused, match=r"another host \(localhost\)"):
        download(elsewhere)
    audio = download(elsewhere, audio_hosts=("localhost",))
    expected = replica / "audio" / "l_affiche.mp3"
    assert (tmp_path / audio.file_name).read_bytes() == expected.read_bytes()
    assert download.server.asked.count(ROBOTS) == 2, "each host has rules of its own"


def cut_short(mp3):
    return Reply(200, mp3[: len(mp3) // 2], "audio/mpeg", {"Content-Length": str(len(mp3))})


def test_a_server_in_trouble_gets_time_to_recover(download, mp3, tmp_path):
    audio = download(Reply(500), Reply(503), hang_up, cut_short(mp3), None, max_tries=5)
    assert (tmp_path / audio.file_name).read_bytes() == mp3
    assert tries(download) == 5
    assert download.waits == [1.0, 2.0, 4.0, 8.0]


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        (lambda mp3: Reply(502), "HTTP 502"),
        (cut_short, r"connection broke|shorter than announced"),
    ],
    ids=["502", "cut short"],
)
def test_tries_are_bounded(download, mp3, trouble, reason):
    with pytest.raises(Refused, match=reason) as error:
        download(trouble(mp3), max_tries=3)
    assert error.value.transient
    assert tries(download) == 3
    assert download.waits == [1.0, 2.0]


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_over_the_cap_is_not_kept(download, mp3, announced):
    chunks = {} if announced else {"Transfer-Encoding": "chunked"}
    body = mp3 if announced else b"%x\r\n%b\r\n0\r\n\r\n" % (len(mp3), mp3)
    with pytest.raises(Refused, match=r"over 0\.001 MB"):
        download(Reply(200, body, "audio/mpeg", chunks), max_mb=0.001)


def test_a_slow_server_is_given_up_after_the_time_out(download):
    released = threading.Event()

    def slow():
        released.wait(1.0)
        return Reply(500)

    with pytest.raises(Refused, match="timed out"):
        download(slow, timeout_s=0.2, max_tries=1)
    released.set()


@pytest.fixture
def dripping():
    """A server that sends a byte every tenth of a second, for ever; gives its address."""
    stop = threading.Event()

    class Drip(socketserver.BaseRequestHandler):
        def handle(self):
            asked = self.request.recv(4096)
            if b"/robots.txt" in asked:
                self.request.sendall(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n")
                asked = self.request.recv(4096)
            self.request.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n")
            with suppress(ConnectionError):
                while asked and not stop.wait(0.1):
                    self.request.sendall(b"x")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Drip) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        stop.set()
        server.shutdown()
        thread.join()


def test_a_server_that_drips_is_given_up_too(dripping, tmp_path, monkeypatch):
    # A minute for a single wait, half a minute for the whole body, on a clock where
    # each look takes ten seconds: only the deadline of the body can end it.
    monkeypatch.setattr(download_module, "BODY_TIMEOUTS", 0.5)
    clock = itertools.count(step=10.0).__next__
    monkeypatch.setattr(download_module, "monotonic", clock)
    monkeypatch.setattr(http, "time", SimpleNamespace(monotonic=clock))
    config = scraping_config(timeout_s=60.0, max_tries=1)
    with (
        Client(Manners(dripping, config), config) as client,
        pytest.raises(Refused, match="timed out"),
    ):
        AudioFolder(tmp_path).fetch("9001", f"{dripping}x.mp3", client, max_mb=1.0)
    assert [path.name for path in tmp_path.rglob("*.mp3")] == []


@pytest.mark.parametrize("address", ["http://127.0.0.1:99999/x.mp3", "http://127.0.0.1:x/x.mp3"])
def test_what_is_no_address_is_refused(address):
    config = scraping_config()
    manners = Manners("http://127.0.0.1:1/", config)
    manners.set_rules(address, Robots(""))
    with Client(manners, config) as client, pytest.raises(Refused, match="not a web address"):
        client.fetch(address, lambda reply: reply.content)


def test_robots_txt_that_moved_to_another_host_stops_the_run(replica, tmp_path):
    moved = {ROBOTS: Reply(301, headers={"Location": "http://site.example/robots.txt"})}
    config = scraping_config()
    with (
        serve_replica(replica, fault=moved.get) as base_url,
        Client(Manners(base_url, config), config) as client,
        pytest.raises(InputError, match=r"robots\.txt"),
    ):
        client.permit(base_url)


def test_too_many_requests_waits_as_long_as_asked(download):
    download(Reply(429, headers={"Retry-After": "17"}), None)
    assert download.waits == [17.0]


def test_too_many_requests_to_the_end_stops_the_run(download):
    with pytest.raises(InputError, match=r"scraping\.delay_s"):
        download(Reply(429), max_tries=2)


def test_one_forbidden_file_is_left_out_and_three_in_a_row_stop_the_run(replica):
    closed = {f"/IMG/mp3/{name}.mp3": Reply(403) for name in "abcd"}
    config = scraping_config()
    with (
        serve_replica(replica, fault=closed.get) as base_url,
        Client(Manners(base_url, config), config) as client,
    ):

        def fetch(name):
            return client.fetch(f"{base_url}IMG/mp3/{name}.mp3", lambda reply: reply.content)

        for names in ("a", "b"), ("c", "d"):
            for name in names:
                with pytest.raises(Refused, match="HTTP 403"):
                    fetch(name)
            assert fetch("le_jardin")  # one that is open: no three in a row
        for name in "ab":
            with pytest.raises(Refused, match="HTTP 403"):
                fetch(name)
        with pytest.raises(InputError, match="403"):
            fetch("c")


def test_a_coded_body_may_be_longer_than_its_announced_length(download, mp3, tmp_path):
    coded = gzip.compress(mp3 * 3, 0)
    reply = Reply(200, coded, "audio/mpeg", {"Content-Encoding": "gzip"})
    assert (tmp_path / download(reply).file_name).read_bytes() == mp3 * 3
    longer = Reply(200, gzip.compress(mp3, 0), "audio/mpeg", {"Content-Encoding": "gzip"})
    assert len(longer.body) > len(mp3)
    assert (tmp_path / download(longer, path="/IMG/mp3/le_jardin.mp3?2").file_name).exists()


@pytest.mark.parametrize("rule", ["/IMG/mp3/", "/*.mp3$", "/"])
@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["plain", "byte order mark"])
def test_a_forbidden_folder_is_never_asked(download, rule, mark):
    with pytest.raises(Refused, match=r"robots\.txt forbids it"):
        download(None, robots=f"{mark}User-agent: *\nDisallow: {rule}\n")
    assert download.server.asked == [ROBOTS]


def test_the_crawl_delay_of_robots_txt_is_kept(download):
    download(None, robots="User-agent: *\nCrawl-delay: 30\n")
    assert download.waits == [pytest.approx(30, abs=29)]  # less the time since robots.txt came


@pytest.mark.parametrize(
    ("value", "seconds"), [(None, None), ("5", 5.0), (" 7 ", 7.0), ("x", None)]
)
def test_retry_after_is_read_as_seconds(value, seconds):
    assert retry_after_s(value) == seconds


def test_retry_after_is_read_as_a_date():
    when = datetime.now(UTC) + timedelta(seconds=10_000)
    assert retry_after_s(format_datetime(when, usegmt=True)) == pytest.approx(10_000, abs=600)
    assert retry_after_s("Thu, 01 Jan 2015 00:00:00 GMT") == 0
