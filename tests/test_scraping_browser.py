"""The real browser against the replica and its faults."""

import io
import os
import signal
import threading
from pathlib import Path

import psutil
import pytest
from PIL import Image
from scraping_helpers import get, scraping_config
from selenium.common.exceptions import WebDriverException

from spoken_cefr import __version__
from spoken_cefr.config import load_config
from spoken_cefr.errors import InputError
from spoken_cefr.replica import serve_replica
from spoken_cefr.replica.server import Reply
from spoken_cefr.scraping import browser as browser_module
from spoken_cefr.scraping import photograph
from spoken_cefr.scraping.browser import Browser
from spoken_cefr.scraping.client import Client
from spoken_cefr.scraping.pages import CARD, parse_listing
from spoken_cefr.scraping.politeness import Manners

pytestmark = pytest.mark.browser
LISTING = "spip.php?rubrique1"


class Faults:
    """What the server does instead of answering, by path; each used once."""

    def __init__(self):
        self.replies = {}

    def __call__(self, path):
        replies = self.replies.get(path.lstrip("/"))
        reply = replies.pop(0) if replies else None
        return (reply() and None) if callable(reply) else reply


@pytest.fixture(scope="module")
def faults():
    return Faults()


@pytest.fixture(scope="module")
def base_url(replica, faults):
    with serve_replica(replica, fault=faults, robots="User-agent: *\nDisallow: /no/\n") as url:
        yield url


@pytest.fixture(scope="module")
def waits():
    return []


@pytest.fixture(scope="module")
def browser(base_url, waits):
    config = scraping_config(max_tries=2)
    manners = Manners(base_url, config, wait=waits.append)
    with Client(manners, config) as client, Browser(client) as opened:
        yield opened


def test_the_browser_reads_what_plain_http_reads(browser, base_url):
    url = base_url + LISTING
    expected = parse_listing(get(url).text, url)
    assert parse_listing(*browser.open(url, expect=CARD)) == expected


def test_it_says_who_it_is(browser, base_url):
    browser.open(base_url, expect="h1")
    agent = browser.driver.execute_script("return navigator.userAgent")
    assert agent == f"spoken_cefr/{__version__}"


def test_a_killed_browser_is_started_again_and_leaves_nothing(browser, base_url):
    browser.open(base_url, expect="h1")
    pid, profile = browser.driver.capabilities["goog:processID"], Path(browser._profile.name)
    children = psutil.Process(pid).children()
    left = next(child for child in children if "NetworkService" in " ".join(child.cmdline()))
    left.suspend()  # below nobody that the driver knows of, and it would write once awake
    browser.driver.service.process.kill()
    os.kill(pid, signal.SIGKILL)  # the driver can no longer stop it
    html, _ = browser.open(base_url + LISTING, expect=CARD)
    assert len(parse_listing(html, base_url).cards) == 10
    assert (left.is_running(), profile.exists()) == (False, False)


def test_a_browser_that_dies_twice_on_a_page_is_told(browser, base_url, monkeypatch):
    def die(url, expect):
        raise ConnectionRefusedError("driver gone")

    monkeypatch.setattr(browser, "_load", die)
    with pytest.raises(InputError, match="driver gone"):
        browser.open(base_url, expect="h1")


@pytest.mark.parametrize(("status", "message"), [(403, r"answered 403"), (404, r"HTTP 404")])
def test_a_page_that_is_not_given_stops_the_run(browser, base_url, faults, status, message):
    faults.replies[LISTING] = [Reply(status, b"<h1>no</h1>")]
    with pytest.raises(InputError, match=message):
        browser.open(base_url + LISTING, expect=CARD)
    assert faults.replies[LISTING] == []


@pytest.mark.parametrize(
    ("reply", "waited_s"),
    [(Reply(503), 1.0), (Reply(429, headers={"Retry-After": "9"}), 9.0)],
    ids=["503", "429"],
)
def test_a_busy_site_gets_a_second_chance(browser, base_url, faults, waits, reply, waited_s):
    waits.clear()
    faults.replies[LISTING] = [reply]
    assert CARD.split(".")[-1] in browser.open(base_url + LISTING, expect=CARD)[0]
    assert waits == [waited_s]


def test_a_site_that_stays_busy_is_told(browser, base_url, faults):
    faults.replies[LISTING] = [Reply(500), Reply(500)]
    with pytest.raises(InputError, match="HTTP 500"):
        browser.open(base_url + LISTING, expect=CARD)


def test_a_page_that_never_comes_is_told(base_url, faults):
    config = scraping_config(max_tries=1, timeout_s=1.0)
    released = threading.Event()
    faults.replies[LISTING] = [lambda: released.wait(10)]
    with (
        Client(Manners(base_url, config), config) as client,
        Browser(client) as browser,
        pytest.raises(InputError, match="timed out"),
    ):
        browser.open(base_url + LISTING, expect=CARD)
    released.set()


def test_a_browser_that_dies_while_accordions_open_is_started_again(replica, monkeypatch):
    config = scraping_config()
    with (
        serve_replica(replica, accordion="click") as base_url,
        Client(Manners(base_url, config), config) as client,
        Browser(client) as browser,
    ):
        expand, killed = browser._expand, []

        def kill_once(cards):
            if not killed:
                killed.append(browser.driver.capabilities["goog:processID"])
                os.kill(killed[0], signal.SIGKILL)
            expand(cards)

        monkeypatch.setattr(browser, "_expand", kill_once)
        html, _ = browser.open(base_url + LISTING, expect=CARD)
    assert killed
    assert all(card.audio_url for card in parse_listing(html, base_url).cards)


def test_accordions_are_opened_one_by_one_and_a_delay_apart(replica):
    config, waits, asked, in_flight, most = scraping_config(delay_s=5.0), [], [], [], []

    def slow(path):
        if "page=integrer" in path:
            asked.append(path)
            in_flight.append(path)
            most.append(len(in_flight))
            threading.Event().wait(0.03)
            in_flight.remove(path)

    with serve_replica(replica, accordion="click", fault=slow) as base_url:
        manners = Manners(base_url, config, wait=waits.append)
        with Client(manners, config) as client, Browser(client) as browser:
            html, _ = browser.open(base_url + LISTING, expect=CARD)
    assert all(card.audio_url for card in parse_listing(html, base_url).cards)
    assert len(asked) == len(set(asked)) == 10
    assert max(most) == 1
    assert len(waits) == 11  # after robots.txt: the page and ten accordions


def test_a_site_that_nobody_serves_is_told():
    config = scraping_config(max_tries=1)
    with (
        Client(Manners("http://127.0.0.1:9/", config), config) as client,
        Browser(client) as browser,
        pytest.raises(InputError, match=r"robots\.txt"),
    ):
        browser.open("http://127.0.0.1:9/", expect="h1")


@pytest.mark.parametrize("path", ["no/page", "../no/page"])
def test_a_page_that_robots_txt_forbids_is_not_opened(browser, base_url, path):
    with pytest.raises(InputError, match=r"robots\.txt"):
        browser.open(base_url + path, expect="h1")


def test_a_page_that_leads_to_another_host_is_not_read(browser, base_url, faults):
    elsewhere = base_url.replace("127.0.0.1", "localhost")
    faults.replies[LISTING] = [Reply(302, headers={"Location": elsewhere})]
    with pytest.raises(InputError, match="localhost"):
        browser.open(base_url + LISTING, expect=CARD)


@pytest.mark.parametrize("there", [True, False])
def test_a_browser_that_is_missing_or_cannot_start_is_one_sentence_of_what_to_do(
    there, base_url, monkeypatch, tmp_path
):
    pair = (str(tmp_path / "chromium"), "/nowhere") if there else None
    monkeypatch.setattr(browser_module, "_debian_pair", lambda: pair)
    monkeypatch.setattr(browser_module.webdriver, "Chrome", cannot_start)
    config = scraping_config()
    with (
        Client(Manners(base_url, config), config) as client,
        Browser(client) as browser,
        pytest.raises(InputError) as error,
    ):
        browser.open(base_url, expect="h1")
    told = str(error.value)
    assert "\n" not in told and "no sandbox" in told
    assert ("apt install chromium" in told) != there
    assert (pair[0] in told and "version" in told) if there else True


def cannot_start(*args):
    raise WebDriverException("session not created: no sandbox\nstack")


def test_the_replica_is_photographed_and_a_real_site_is_not(demo_config):
    pictures = photograph(demo_config("scraping.replica_port=0"))
    shapes = {name: pictures[name] for name in ("listing", "card")}
    widths = {name: Image.open(io.BytesIO(png)).width for name, png in shapes.items()}
    assert 0 < widths["card"] <= widths["listing"]
    # The card is the first of the listing, as the parser reads it.
    (card,) = parse_listing(f"<h1>Français</h1>{pictures['html']}", "http://127.0.0.1/").cards
    assert card.title and card.level and card.audio_url
    assert photograph(load_config("fr")) == {}
