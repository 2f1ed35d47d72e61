"""The site is not as it was: nothing is lost in silence, and nothing whole is refused."""

import json

import pytest
from changed_site import N_CARDS, N_ON_PAGE, Site, served
from scraping_helpers import config_for, table_of

from spoken_cefr.corpus.languages import find_language
from spoken_cefr.corpus.speakers import speaker_ids
from spoken_cefr.errors import InputError
from spoken_cefr.scraping import run
from spoken_cefr.scraping.crawl import walk
from spoken_cefr.scraping.pages import LayoutChanged, check_heading, parse_listing
from spoken_cefr.stages import is_done, stage_folder

FRENCH = find_language("fr")


def walked(site):
    """Cards of a walk without a browser, and what it says of its end."""
    turns = list(
        walk(lambda url: parse_listing(site.at(url), url), f"{site.base}spip.php?rubrique1")
    )
    return [card for turn in turns for card in turn.new], turns[-1].doubt


def with_pager(pager):
    return type("Changed", (Site,), {"pager": lambda self, first: pager(self, first)})()


def numbers(self, first):
    return "".join(
        f'<a class="fr-pagination__link" href="{self.href(n)}">{n // 5 + 1}</a>'
        for n in (0, 5, 10)
        if n != first
    )


def labelled(text):
    def pager(self, first):
        return f'<a href="{self.href(first + 5)}" title="{text}">{text}</a>' if first < 10 else ""

    return pager


def disabled_one_first(self, first):
    return (
        f'<a class="fr-pagination__link--next" aria-disabled="true"></a>{Site.pager(self, first)}'
    )


# --- the end of the listing


@pytest.mark.parametrize(
    "pager",
    [
        Site.pager,
        numbers,
        labelled("Page suivante"),
        labelled("Page\u00a0suivante"),
        labelled("Suivant"),
        labelled("›"),
        disabled_one_first,
        lambda self, first: f"<p>12 ressources</p>{Site.pager(self, first)}",
        lambda self, first: f"<p>Page {first // 5 + 1} sur 3</p>{Site.pager(self, first)}",
    ],
)
def test_every_page_is_found_and_the_end_is_proved(pager):
    cards, doubt = walked(with_pager(pager))
    assert [card.recording_id for card in cards] == [str(100 + i) for i in range(N_CARDS)]
    assert doubt == ""


@pytest.mark.parametrize(
    ("pager", "told"),
    [
        (
            lambda self, first: '<a class="fr-pagination__link--next" href="#">Suivant</a>',
            "suivant",
        ),
        (lambda self, first: "<button>Voir plus</button>", "voir plus"),
        (lambda self, first: '<a role="button">Voir\u00a0plus</a>', "voir plus"),
        (lambda self, first: "<p>12 ressources</p>", "12"),
        (lambda self, first: "<p>(12 résultats)</p>", "12"),
        (lambda self, first: "<p>Résultats 1 à 5 sur 12</p>", "12"),
        (lambda self, first: "<p>Page 1 sur 3</p>", "3"),
        (
            lambda self, first: (
                '<ul class="fr-pagination"><li><button>1</button>'
                "<button>2</button><button>3</button></ul>"
            ),
            "3",
        ),
    ],
)
def test_a_listing_that_goes_on_where_we_cannot_follow_is_told(pager, told):
    cards, doubt = walked(with_pager(pager))
    assert len(cards) == 5
    assert told in doubt


@pytest.mark.parametrize(
    "pager",
    [
        lambda self, first: "",
        lambda self, first: '<a class="fr-pagination__link--next" aria-label="Suivant">›</a>',
        lambda self, first: '<button disabled aria-label="Page suivante">›</button>',
        lambda self, first: "<p>5 ressources</p><p>Plus de 7000 enregistrements en ligne.</p>",
        lambda self, first: '<div class="pagin">Par page <a href="?n=10">10</a> <a>50</a></div>',
    ],
)
def test_a_listing_of_one_page_is_whole(pager):
    assert walked(with_pager(pager))[1] == ""


@pytest.mark.browser
def test_the_command_ends_with_an_error_and_keeps_what_came(tmp_path):
    with served(with_pager(lambda self, first: "<p>12 ressources</p>")) as base_url:
        config = config_for(base_url, tmp_path)
        with pytest.raises(InputError, match="not proved"):
            run(config)
    assert len(table_of(config)) == 5
    assert not is_done(config, "scraping")


# --- what scripts do, and what the network does


class LatePager(Site):
    def pager(self, first):
        late = json.dumps(super().pager(first)).replace("</", "<\\/")
        return (
            "<div id=n></div><script>setTimeout(() => "
            f"{{document.getElementById('n').innerHTML = {late}}}, 700)</script>"
        )


class OneByOne(Site):
    def cards(self, first):
        cards = [self.card(i) for i in range(first, min(first + 5, N_CARDS))]
        told = json.dumps(cards).replace("</", "<\\/")
        return (
            f"<div id=c></div><script>{told}.forEach((card, i) => setTimeout(() => document"
            ".getElementById('c').insertAdjacentHTML('beforeend', card), 200 + 150 * i))</script>"
        )


class ShowMore(Site):
    """A button adds the next cards below the first ones, and goes when all are there."""

    def pager(self, first):
        cards = [self.card(i) for i in range(N_ON_PAGE, N_CARDS)]
        told = json.dumps(cards).replace("</", "<\\/")
        return (
            "<div id=c></div><button id=m>Voir\u00a0plus</button><script>const rest = "
            f"{told}; m.onclick = () => setTimeout(() => {{ c.insertAdjacentHTML('beforeend', "
            "rest.splice(0, 4).join('')); if (!rest.length) m.remove(); }, 300)</script>"
        )


class ShowMoreLink(ShowMore):
    """The same as a link to nowhere, which stays and says that it is off at the end."""

    def pager(self, first):
        told = super().pager(first).replace("button id=m", "a id=m href='#'")
        return told.replace("</button>", "</a>").replace("m.remove()", "m.ariaDisabled = 'true'")


class Below(Site):
    prefix = "/site/"


class Based(Below):
    head = '<meta charset="utf-8"><base href="/site/">'


class Asking(Site):
    head = "<script>alert('cookies?')</script>"


class Garbled(Site):
    content_type = "text/html; charset=iso-8859-1"
    head = ""


KINDS = (LatePager, OneByOne, ShowMore, ShowMoreLink, Below, Based, Asking, Garbled)


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_all_cards_come_with_their_words(kind, tmp_path):
    with served(kind()) as base_url:
        config = config_for(base_url.rstrip("/") if kind is Below else base_url, tmp_path)
        report = run(config)
    table = table_of(config)
    assert (report.n_in, report.n_out) == (N_CARDS, N_CARDS)
    assert set(table["gender"]) == {"féminin"}
    assert table["title"][0] == "Zed0\u00a0: ici 0"
    assert table["date"][0] == "2014-02-28"
    assert len(report.remarks) == (N_CARDS if kind is Garbled else 0)


class Cut(Site):
    def at(self, url):
        page = super().at(url)
        return page[: len(page) * 2 // 3] if page and url.endswith("debut_articles=5") else page


@pytest.mark.browser
@pytest.mark.slow
def test_a_page_that_is_cut_stops_the_run_and_is_not_kept_as_whole(tmp_path):
    with served(Cut()) as base_url:
        config = config_for(base_url, tmp_path, "scraping.max_tries=2")
        with pytest.raises(InputError, match="the page is cut"):
            run(config)
    assert len(list((stage_folder(config, "scraping") / "pages").glob("*.gz"))) == 2


# --- the words of a card


def first_card(**changes):
    site = type("Changed", (Site,), {name: lambda self, i, v=v: v for name, v in changes.items()})()
    return walked(site)[0][0]


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ('le 1<sup class="typo_exposants">er</sup> <i>mai</i>', "le 1er mai"),
        ("Il dit<br>non", "Il dit non"),
        ('<abbr title="x">SMS</abbr> & <em>moi</em>', "SMS & moi"),
        ('Titre <span class="caps">BD</span><span class="fr-badge">Nouveau</span>', "Titre BD"),
    ],
)
def test_the_words_of_a_title_are_whole(title, expected):
    assert first_card(title=title).title == expected


@pytest.mark.parametrize(
    "author",
    [
        "Zed (Lyon)<br>Ann (Paris)",
        'Zed (Lyon)</span><span class="fr-icon-account-circle-fill">Ann (Paris)',
    ],
)
def test_two_speakers_of_a_card_are_two(author):
    told = first_card(author=author).author
    assert len(set(speaker_ids([told, "Zed (Lyon)", "Ann (Paris)"]))) == 1


def test_two_levels_are_a_reason_and_two_of_something_else_a_remark():
    tags = (
        Site().tags(0)
        + '<a><i class="icon-tag2"></i>B2</a><a><i class="icon-tag3"></i>masculin</a>'
    )
    card = first_card(tags=tags)
    assert "A1, B2" in card.problem
    assert card.gender == "féminin, masculin"
    assert ["féminin, masculin" in remark for remark in card.remarks] == [True]


def test_a_second_audio_file_is_told():
    links = '<a href="IMG/mp3/a.mp3">Partie 1</a><a href="IMG/mp3/b.mp3">Partie 2</a>'
    card = first_card(accordion=links)
    assert card.audio_url.endswith("/a.mp3")
    assert "/b.mp3" in card.remarks[0]


# --- the same again, and another language


def test_two_recordings_of_one_number_are_two():
    cards, _ = walked(type("Changed", (Site,), {"article": lambda self, i: 100 + i // 2})())
    assert len({card.recording_id for card in cards}) == N_CARDS
    assert sum(bool(card.remarks) for card in cards) == N_CARDS // 2


class OneSound(Site):
    def audio_name(self, i):
        return "r00.mp3" if i < 3 else super().audio_name(i)

    def level(self, i):
        return "A1" if i < 2 else super().level(i)


@pytest.mark.browser
def test_one_sound_on_several_cards_is_a_remark_and_with_several_levels_a_reason(tmp_path):
    with served(OneSound()) as base_url:
        report = run(config_for(base_url, tmp_path))
    assert [row["id"] for row in report.dropped] == ["100", "101", "102"]
    assert all("A1, B1" in row["reason"] for row in report.dropped)
    assert [row["id"] for row in report.remarks] == ["100", "101", "102"]


def test_the_heading_of_a_listing_is_that_of_its_language():
    check_heading("Français", FRENCH, "http://h/")
    check_heading("Toutes les ressources", FRENCH, "http://h/")
    with pytest.raises(LayoutChanged, match="English"):
        check_heading("English", FRENCH, "http://h/")
