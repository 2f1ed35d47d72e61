import ast
import shutil
from operator import attrgetter

import pytest
import requests
from scraping_helpers import PAGES, catalogue_rows, french_rows, get, make_replica

from spoken_cefr.corpus.languages import LANGUAGES, find_language
from spoken_cefr.errors import InputError
from spoken_cefr.replica import serve_replica
from spoken_cefr.replica.catalogue import read_catalogue
from spoken_cefr.replica.site import Site, SiteOptions
from spoken_cefr.scraping.crawl import walk
from spoken_cefr.scraping.pages import closed_accordions, find_tile, parse_listing, parse_tiles

BASE_URL = "http://127.0.0.1:8765/"


def site(**options):
    return Site(read_catalogue(PAGES / "catalogue.csv"), BASE_URL, SiteOptions(**options))


def shown(row):
    """A catalogue row as a card should show it."""
    names = ("Title", "Author", "Description", "Date", "Level", "Gender", "Age", "Duration")
    return *(row[name] for name in names), tuple(ast.literal_eval(row["Themes"]))


read = attrgetter(
    "title", "author", "description", "date", "level", "gender", "age", "duration", "themes"
)


def cards_served(folder, **options):
    """Every French card that the replica serves, page by page over HTTP."""
    with serve_replica(folder, **options) as base_url, requests.Session() as session:
        session.trust_env = False
        tile = find_tile(session.get(base_url).text, base_url, find_language("fr"))
        turns = walk(lambda url: parse_listing(session.get(url).text, url), tile.url)
        return [card for turn in turns for card in turn.new]


@pytest.mark.parametrize("page_size", [1, 5, 10, 24, 100])
def test_every_made_up_row_comes_back_whatever_the_page_size(tmp_path, page_size):
    shutil.copy(PAGES / "catalogue.csv", tmp_path)
    cards = cards_served(tmp_path, page_size=page_size)
    assert [read(card) for card in cards] == [shown(row) for row in french_rows()]
    assert [card.recording_id for card in cards] == [row["ArticleId"] for row in french_rows()]


@pytest.mark.slow
def test_all_rows_of_the_real_catalogue_come_back_equal(tmp_path, shared):
    path = shared / "data" / "audio_lingua_fr_2025-01.csv"
    rows = catalogue_rows(path)
    (tmp_path / "catalogue.csv").symlink_to(path)
    cards = cards_served(tmp_path)
    assert len(cards) == len(rows) == 1006
    assert [read(card) for card in cards] == [shown(row) for row in rows]


@pytest.mark.parametrize("tile_href", ["relative", "absolute", "lang"])
@pytest.mark.parametrize("shuffled_tiles", [False, True])
def test_each_of_the_14_languages_has_its_tile(tile_href, shuffled_tiles):
    home = site(tile_href=tile_href, shuffled_tiles=shuffled_tiles).home()
    assert len(parse_tiles(home, BASE_URL)) == 14
    for language in LANGUAGES:
        tile = find_tile(home, BASE_URL, language)
        assert tile.name == language.name
        assert language.rubrique in (None, tile.rubrique)
    assert (tile_href == "relative") == ('href="spip.php?rubrique1"' in home)


@pytest.mark.parametrize("last_next", ["no_href", "missing"])
def test_the_last_page_ends_the_listing_in_both_ways(last_next):
    html = site(last_next=last_next).listing(1, 20)
    assert ("Aller à la page suivante" in html) == (last_next == "no_href")
    assert parse_listing(html, BASE_URL).next_url == ""


def test_an_offset_past_the_end_gives_the_last_page():
    assert site().listing(1, 5000) == site().listing(1, 20)
    assert site().listing(1, 13) == site().listing(1, 10)


def test_a_language_without_recordings_has_an_empty_listing():
    html = site().listing(3, 0)
    assert "<h1>Allemand</h1>" in html
    assert "fr-alert" not in html
    assert site().listing(1000, 0) is None


def test_a_closed_accordion_hides_the_address_until_it_is_filled():
    page = site(accordion="click")
    assert closed_accordions(page.listing(1, 0))
    cards = parse_listing(page.listing(1, 0), BASE_URL).cards
    assert [card.audio_url for card in cards] == [""] * 10
    assert f"{BASE_URL}IMG/mp3/le_jardin.mp3" in page.download_part("7100")


def test_the_page_says_what_it_is_and_wears_no_state_branding():
    for html in (site().home(), site().listing(1, 0), site().article("7100")):
        assert "Copie locale" in html
        assert "dits par une machine" in html
        assert "dsfr" not in html.lower()
        assert "République" not in html


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Language,", "Langue,", "column Language is missing"),
        ("['loisirs']", "__import__('os')", "Themes must be a list"),
        ("['loisirs']", "[1]", "Themes must be a list"),
        ("Anglais", "Klingon", "the site has no language 'Klingon'"),
        (",7100\n", ",7097\n", "article number '7097' is used twice"),
        ("l_affiche,", "le_jardin,", "file name 'le_jardin' is used twice"),
    ],
)
def test_a_bad_catalogue_is_refused_with_the_reason(tmp_path, old, new, message):
    path = tmp_path / "catalogue.csv"
    text = (PAGES / "catalogue.csv").read_text(encoding="utf-8")
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_catalogue(path)


def test_a_missing_catalogue_is_named(tmp_path):
    with pytest.raises(InputError, match=r"catalogue\.csv"), serve_replica(tmp_path):
        pass


def test_a_recording_is_served_whole(tmp_path):
    folder = make_replica(tmp_path)
    with serve_replica(folder) as base_url:
        url = f"{base_url}IMG/mp3/le_jardin.mp3"
        first = get(url)
        assert first.content == (folder / "audio" / "le_jardin.mp3").read_bytes()
        assert first.headers["Content-Length"] == str(len(first.content))
        assert first.headers["Content-Type"] == "audio/mpeg"


@pytest.mark.parametrize(
    "path",
    [
        "IMG/mp3/nothing.mp3",
        "IMG/mp3/..%2Fcatalogue.csv",
        "IMG/mp3/../../catalogue.csv",
        "catalogue.csv",
        "spip.php",
        "spip.php?article1",
        "spip.php?rubrique999",
        "spip.php?page=integrer&id_article=1",
    ],
)
def test_what_is_not_there_is_not_found(tmp_path, path):
    shutil.copy(PAGES / "catalogue.csv", tmp_path)
    with serve_replica(tmp_path) as base_url:
        assert get(base_url + path).status_code == 404


def test_a_busy_port_is_no_trouble(tmp_path):
    shutil.copy(PAGES / "catalogue.csv", tmp_path)
    with serve_replica(tmp_path) as first:
        port = int(first.rstrip("/").rpartition(":")[2])
        with serve_replica(tmp_path, port=port) as second:
            assert second != first
            assert get(second).ok
