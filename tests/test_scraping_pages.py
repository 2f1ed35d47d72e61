import json
import re
from dataclasses import asdict

import pytest
from scraping_helpers import PAGES

from spoken_cefr.corpus.languages import find_language
from spoken_cefr.scraping import pages
from spoken_cefr.scraping.pages import (
    LayoutChanged,
    Tile,
    closed_accordions,
    find_tile,
    parse_listing,
    parse_tiles,
)

SITE = "http://site.example:8080/"
URL = SITE + "spip.php?rubrique1"
LABEL = 'aria-label="Aller à la page suivante"'


def page(name):
    return (PAGES / name).read_text(encoding="utf-8")


def listing_of(*cards, navigation=""):
    return parse_listing(f"<h1>Français</h1>{''.join(cards)}{navigation}", URL)


def card(inside="", title="T", level="A1"):
    return (
        f'<div class="fr-alert fr-alert--info mp3"><h3 class="fr-alert__title">{title}</h3>'
        f'<p class="fr-text--sm"><span class="fr-icon-calendar-event-fill x">d</span>'
        f'<span class="fr-icon-account-circle-fill x">a</span></p>'
        f'<div class="fr-pt-2w"><a><i class="icon-tag2"></i>{level}</a></div>{inside}</div>'
    )


@pytest.mark.parametrize("name", sorted(path.stem for path in PAGES.glob("*.json")))
def test_a_saved_page_gives_the_expected_records(name):
    listing = parse_listing(page(f"{name}.html"), URL + "#top")
    assert json.loads(json.dumps(asdict(listing))) == json.loads(page(f"{name}.json"))


def test_tiles_are_found_whatever_their_order_and_markup():
    tiles = {tile.name: (tile.rubrique, tile.url) for tile in parse_tiles(page("home.html"), SITE)}
    assert tiles == {
        "Allemand": (3, SITE + "spip.php?rubrique3"),
        "Français": (1, "https://site.example/spip.php?rubrique1&lang=fr"),
        "Corse": (47, SITE + "spip.php?rubrique47"),
        "Italiano": (6, SITE + "spip.php?rubrique6"),
    }


@pytest.mark.parametrize(("code", "rubrique"), [("fr", 1), ("de", 3), ("co", 47), ("it", 6)])
def test_a_tile_is_chosen_by_name_or_number(code, rubrique):
    assert find_tile(page("home.html"), SITE, find_language(code)).rubrique == rubrique


def test_the_name_decides_when_the_numbers_have_moved():
    home = (
        page("home.html").replace("rubrique3", "rubrique1000").replace("rubrique1&", "rubrique3&")
    )
    assert find_tile(home, SITE, find_language("de")).rubrique == 1000


def test_a_missing_tile_is_an_error_that_names_those_found():
    with pytest.raises(LayoutChanged, match="Allemand"):
        find_tile(page("home.html"), SITE, find_language("en"))


@pytest.mark.parametrize("name", ["old_markup.html", "home.html"])
def test_a_page_without_cards_is_a_changed_layout(name):
    with pytest.raises(LayoutChanged, match="0 cards"):
        parse_listing(page(name), URL)


@pytest.mark.parametrize("old", ["icon-tag2", "fr-alert__title", "fr-icon-calendar-event-fill"])
def test_a_field_that_no_card_has_is_a_changed_layout(old):
    cards = [card(title=str(number)).replace(old, "new") for number in range(5)]
    with pytest.raises(LayoutChanged, match=old):
        listing_of(*cards)


def test_the_guide_to_another_site_holds_where_it_has_neither_numbers_nor_dates_nor_authors(
    monkeypatch,
):
    monkeypatch.setattr(pages, "TILE", "nav")
    monkeypatch.setattr(pages, "TILE_LINK", "a")
    monkeypatch.setattr(pages, "ALWAYS_THERE", {"title": pages.TITLE})
    home = '<nav><a href="/de/">Deutsch</a></nav><nav><a href="/fr/">Français</a></nav>'
    tile = find_tile(home, SITE, find_language("fr"))
    assert tile == Tile("Français", SITE + "fr/", 0)
    bare = [re.sub("<p.*</p>", "", card(title=str(number))) for number in range(10)]
    listing = parse_listing("".join(bare), tile.url)
    assert [(one.title, one.date, one.author) for one in listing.cards][9] == ("9", "", "")


def test_one_card_with_the_field_is_enough():
    listing = listing_of(*[card(level="", title=str(n)) for n in range(5)], card(level="B2"))
    assert [one.level for one in listing.cards] == [""] * 5 + ["B2"]


@pytest.mark.parametrize(
    ("attributes", "offset"),
    [
        (f'{LABEL} href="spip.php?rubrique1&amp;debut_articles=10#p"', "10"),
        ('class="fr-pagination__link--next x" href="spip.php?rubrique1&debut_articles=20"', "20"),
        ('rel="next" href="/spip.php?rubrique1&amp;debut_articles=30"', "30"),
        (f'{LABEL} aria-disabled="true" role="link"', None),
        ('class="fr-pagination__link" href="spip.php?rubrique1&amp;debut_articles=10"', None),
    ],
)
def test_the_next_page_is_found_and_the_last_one_has_none(attributes, offset):
    found = listing_of(card(), navigation=f"<nav><a {attributes}>Suite</a></nav>").next_url
    assert found == (f"{URL}&debut_articles={offset}" if offset else "")


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        ("<section><p>Lien : http://h:81/IMG/mp3/a.mp3</p></section>", "http://h:81/IMG/mp3/a.mp3"),
        ('<section>http://h/b.mp3<a href="IMG/mp3/a.mp3">x</a></section>', SITE + "IMG/mp3/a.mp3"),
        ('<audio src="IMG/mp3/a.mp3"></audio><section>x</section>', SITE + "IMG/mp3/a.mp3"),
        (
            '<section><a href="https://social.example/?u=http://h/a.mp3">x</a> http://h/a.mp3'
            "</section>",
            "http://h/a.mp3",
        ),
        ("<section>URL : http://h/a.mp3?1361234</section>", "http://h/a.mp3?1361234"),
        ('<section><a href="/IMG/A.MP3">x</a></section>', SITE + "IMG/A.MP3"),
        ('<section><a href="//cdn.example/a.m4a">x</a></section>', "http://cdn.example/a.m4a"),
        ('<section><a href="get.php?f=a.mp3">x</a></section>', SITE + "get.php?f=a.mp3"),
        ('<section><ul><li><a href="IMG/a.ogg">x</a></ul></section>', SITE + "IMG/a.ogg"),
        ("<section><p>Bientôt</p></section>", ""),
        ('<figure class="fr-quote"><blockquote>http://h/x.mp3</blockquote></figure>', ""),
    ],
)
def test_the_audio_address_is_found_in_the_robust_order(inside, expected):
    assert listing_of(card(inside)).cards[0].audio_url == expected
    assert closed_accordions(card(inside)) == ([0] if "section" in inside and not expected else [])


@pytest.mark.parametrize(
    "inside",
    [
        '<section><a href="http://[::1/x.mp3">x</a></section>',
        "<section>http://[site/x.mp3</section>",
        '<audio src="//[/x.mp3"></audio>',
    ],
)
def test_an_address_that_is_none_leaves_the_field_empty(inside):
    next_page = '<a rel="next" href="http://[x">'
    listing = listing_of(card(inside), navigation=next_page)
    assert (listing.cards[0].audio_url, listing.next_url) == ("", "")
