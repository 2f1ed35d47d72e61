from types import SimpleNamespace

import pytest
from scraping_helpers import scraping_config

from spoken_cefr import __version__, http
from spoken_cefr.config import load_config
from spoken_cefr.errors import InputError
from spoken_cefr.scraping.politeness import Manners, Robots

LOCAL = "http://127.0.0.1:8765/"
REMOTE = "https://site.example/"


def manners(base_url=LOCAL, waits=None, **keys):
    waits = [] if waits is None else waits
    return Manners(base_url, scraping_config(**keys), wait=waits.append)


def test_a_real_site_learns_who_visits_it():
    assert manners(REMOTE, contact="a@b.example", delay_s=1.0).agent == (
        f"spoken_cefr/{__version__} (+a@b.example)"
    )


@pytest.mark.parametrize(
    ("base_url", "keys", "message"),
    [
        (REMOTE, {"delay_s": 1.0}, "scraping.contact is empty"),
        (REMOTE, {"contact": "a@b.example", "delay_s": 0.0}, "scraping.delay_s is 0.0"),
        (LOCAL, {"audio_hosts": ("files.example",)}, "files.example must be able to tell"),
        ("", {}, "scraping.base_url is ''"),
        ("site.example", {}, "give the site's address"),
        ("file:///etc/", {}, "give the site's address"),
    ],
)
def test_an_impolite_profile_is_refused_in_one_sentence(base_url, keys, message):
    with pytest.raises(InputError, match=message) as error:
        manners(base_url, **keys)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("language", ["fr", "en", "de", "es", "it"])
def test_a_profile_of_the_real_site_waits_for_its_user_to_sign(language):
    scraping = load_config(language).scraping
    assert (scraping.language, scraping.contact) == (language, "")
    assert scraping.delay_s >= 1
    with pytest.raises(InputError, match=r"scraping\.contact is empty"):
        Manners(scraping.base_url, scraping)


def test_two_requests_are_a_delay_apart(monkeypatch):
    clock_s = [100.0]
    monkeypatch.setattr(http, "time", SimpleNamespace(monotonic=lambda: clock_s[0]))
    waits = []
    visit = manners(delay_s=5.0, waits=waits)
    visit.pause()
    assert waits == []
    clock_s[0] += 2.0
    visit.pause()
    assert waits == [3.0]


def test_a_longer_crawl_delay_is_kept_and_a_shorter_one_is_not():
    visit = manners(delay_s=2.0)
    visit.set_rules(LOCAL, Robots("User-agent: *\nCrawl-delay: 7\n"))
    assert visit.delay_s == 7.0
    visit.set_rules(LOCAL, Robots("User-agent: *\nCrawl-delay: 1\n"))
    assert visit.delay_s == 7.0


def test_an_endless_crawl_delay_stops_the_run():
    with pytest.raises(InputError, match="3600 s"):
        manners().set_rules(LOCAL, Robots("User-agent: *\nCrawl-delay: 3600\n"))


def test_the_pause_doubles_and_the_site_may_ask_for_more():
    visit = manners()
    own_s = [visit.back_off_s(n, retry_after_s=None, host="h") for n in (1, 2, 3, 12)]
    assert own_s == [1.0, 2.0, 4.0, 60.0]
    assert visit.back_off_s(1, retry_after_s=90.0, host="h") == 90.0
    with pytest.raises(InputError, match="86400 s"):
        visit.back_off_s(1, retry_after_s=86400.0, host="h")


@pytest.mark.parametrize("key", ["timeout_s", "max_tries", "max_audio_mb"])
def test_a_profile_that_could_fetch_nothing_is_refused(key):
    with pytest.raises(InputError, match=rf"scraping\.{key} is 0"):
        load_config("demo", [f"scraping.{key}=0"])
