from dataclasses import replace

import pytest

from spoken_cefr.scraping.archive import Archive
from spoken_cefr.scraping.crawl import MAX_KNOWN_PAGES, walk
from spoken_cefr.scraping.pager import Pager
from spoken_cefr.scraping.pages import Card, Listing

SITE = {"base_url": "http://127.0.0.1/", "language": "fr"}


def card(name, audio=None):
    audio_url = f"http://h/{audio or name}.mp3"
    return Card(name, "", "", "", "", "", "", "", (), "", "http://h/", audio_url)


def site(pages):
    """Listings by address from ``{url: (names, next_url)}``, and what was asked."""
    asked = []

    def listing_at(url):
        asked.append(url)
        names, next_url = pages[url]
        return Listing("Français", tuple(card(name) for name in names), Pager(next_url))

    return listing_at, asked


def names(turns):
    return [one.recording_id for turn in turns for one in turn.new]


def test_a_record_that_moved_to_the_next_page_is_neither_lost_nor_doubled():
    listing_at, _ = site({"1": ("abc", "2"), "2": ("cde", "3"), "3": ("ef", "")})
    assert names(walk(listing_at, "1")) == list("abcdef")


def test_a_page_of_known_records_does_not_end_the_walk():
    listing_at, _ = site({"1": ("abc", "2"), "2": ("abc", "3"), "3": ("cde", "")})
    assert names(walk(listing_at, "1")) == list("abcde")


def test_a_circle_of_pages_ends():
    listing_at, asked = site({"1": ("ab", "2"), "2": ("cd", "1")})
    assert names(walk(listing_at, "1")) == list("abcd")
    assert asked == ["1", "2"]


def test_a_listing_that_repeats_its_last_page_for_ever_ends():
    asked = []

    def listing_at(url):
        asked.append(url)
        return Listing("Français", (card("a"), card("b")), Pager(str(int(url) + 10)))

    assert names(walk(listing_at, "0")) == ["a", "b"]
    assert len(asked) == 1 + MAX_KNOWN_PAGES


def test_a_number_or_a_file_alone_makes_no_two_cards_one():
    cards = (card("9001", audio="x"), card("9002", audio="x"), card("9001", audio="y"))
    [turn] = walk(lambda url: Listing("Français", cards), "1")
    assert names([turn]) == ["9001", "9002", "9001_y"]
    assert "9001" in turn.new[2].remarks[0]


def test_a_card_whose_host_or_session_changed_is_the_same():
    first, again = card("9001"), card("9001")
    again = replace(again, audio_url="https://other/9001.mp3?session=7")
    assert names(walk(lambda url: Listing("Français", (first, again)), "1")) == ["9001"]


def test_a_saved_page_comes_back_and_equal_pages_make_equal_files(tmp_path):
    html = "<h1>Français</h1>\u00a0œ"
    paths = []
    for folder in ("a", "b"):
        archive = Archive(tmp_path / folder)
        paths.append(archive.save("http://h/1", html, final_url="http://h/2", site=SITE))
    again = Archive(tmp_path / "a")
    assert again.find("http://h/1") == (html, "http://h/2")
    assert again.find("http://h/2") is None
    assert again.is_fresh(SITE)
    assert not again.is_fresh(SITE | {"language": "de"})
    assert paths[0].read_bytes() == paths[1].read_bytes()


@pytest.mark.parametrize("damage", [b"", b"not gzip"])
def test_a_damaged_page_counts_as_not_saved(tmp_path, damage):
    archive = Archive(tmp_path)
    archive.save("http://h/1", "<h1>x</h1>", final_url="http://h/1", site=SITE).write_bytes(damage)
    assert archive.find("http://h/1") is None
    archive.save("http://h/1", "<h1>y</h1>", final_url="http://h/1", site=SITE)
    assert Archive(tmp_path).find("http://h/1") == ("<h1>y</h1>", "http://h/1")


def test_old_pages_are_not_gone_on_with(tmp_path):
    archive = Archive(tmp_path)
    archive.save("http://h/1", "<h1>x</h1>", final_url="http://h/1", site=SITE)
    path = tmp_path / "pages.jsonl"
    text = path.read_text(encoding="utf-8")
    year = text.split('"time": "')[1][:4]
    path.write_text(text.replace(f'"time": "{year}', '"time": "2020'), encoding="utf-8")
    assert not Archive(tmp_path).is_fresh(SITE)
