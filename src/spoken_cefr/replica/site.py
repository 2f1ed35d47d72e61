"""The replica's pages: a catalogue in, HTML out. Nothing here opens a socket.

Every value of the catalogue goes through ``html.escape`` before it enters a
template, so that quotes, ``&`` and ``<`` of a title stay text.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from string import Template
from typing import Literal

from spoken_cefr.corpus.languages import LANGUAGES
from spoken_cefr.replica.catalogue import Entry

NEXT_LABEL = "Aller à la page suivante"
FIRST_UNKNOWN_RUBRIQUE = 21  # for the languages whose number on the site is not known
SHUFFLE_SEED = 3

PAGE = Template("""\
<!DOCTYPE html>
<html lang="fr">
<head>
<meta charset="utf-8">
<title>$title</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="replica.css">
<script src="replica.js" defer></script>
</head>
<body>
<main>
$body
</main>
<footer><p>Copie locale de la structure d’un site, pour les tests et la démonstration.
Les enregistrements sont dits par une machine.</p></footer>
</body>
</html>
""")
TILE = Template("""\
<div class="fr-col-12 fr-col-sm-6 fr-col-lg-2"><h2><a href="$href">$name</a></h2></div>""")
CARD = Template("""\
<div class="fr-alert fr-alert--info mp3">
  <h3 class="fr-alert__title">$title <a href="spip.php?article$article"><span class="fr-sr-only">\
Permalien</span></a></h3>
  <p class="fr-text--sm">$date$author<span class="fr-sr-only">Enregistrement</span></p>
  $player
  <div class="fr-pt-2w">$tags</div>
  $quote
  $accordion
</div>
""")
SPAN = Template('<span class="$icon fr-icon--sm">$text</span>\n')
TAG = Template('<a href="spip.php?mot28"><i class="$icon"></i> $text</a>\n')
QUOTE = Template('<figure class="fr-quote"><blockquote><p>$text</p></blockquote></figure>')
PLAYER = Template('<audio controls preload="none" src="IMG/mp3/$slug.mp3"></audio>')
ACCORDION = Template("""\
<section class="fr-accordion">
    <h3 class="fr-accordion__title"><button type="button" class="fr-accordion__btn" \
aria-expanded="false" aria-controls="acc-$article">Intégrer, télécharger</button></h3>
    <div class="fr-collapse" id="acc-$article"$source>$content</div>
  </section>""")
DOWNLOAD = Template("""\
<p class="fr-text--sm fr-mt-2w">Lien de téléchargement : ${base_url}IMG/mp3/$slug.mp3</p>
<textarea readonly>&lt;iframe src="${base_url}spip.php?page=mp3&amp;amp;id_article=$article\
&amp;amp;color=00aaea" height="120"&gt;&lt;/iframe&gt;</textarea>""")
LINK = Template('<li><a class="fr-pagination__link$kind"$attributes>$text</a></li>\n')


@dataclass(frozen=True)
class SiteOptions:
    """What is not known about the real site, or differs between its pages.

    The accordion's content is in the page ("static"), or fetched by the script on the first
    "click"; cards then have no player either. ``last_next`` is what becomes of the link to the
    next page on the last page, ``tile_href`` how the home page writes the link of a tile.
    """

    page_size: int = 10
    accordion: Literal["static", "click"] = "static"
    last_next: Literal["no_href", "missing"] = "no_href"
    tile_href: Literal["relative", "absolute", "lang"] = "relative"
    shuffled_tiles: bool = False
    robots: str = "User-agent: *\nDisallow: /ecrire/\n"


def rubriques() -> dict[str, int]:
    """Number of the listing of each language, by its name on the site."""
    free = iter(range(FIRST_UNKNOWN_RUBRIQUE, FIRST_UNKNOWN_RUBRIQUE + len(LANGUAGES)))
    return {language.name: language.rubrique or next(free) for language in LANGUAGES}


class Site:
    """The pages of one catalogue, served at ``base_url`` (with a final slash)."""

    def __init__(self, entries: Sequence[Entry], base_url: str, options: SiteOptions) -> None:
        self.base_url = base_url
        self.options = options
        self._articles = {entry.article: entry for entry in entries}
        self._listings = {
            number: (name, [entry for entry in entries if entry.language == name])
            for name, number in rubriques().items()
        }

    def home(self) -> str:
        """The home page: one tile a language."""
        links = [(name, f"spip.php?rubrique{number}") for name, number in rubriques().items()]
        if self.options.shuffled_tiles:
            random.Random(SHUFFLE_SEED).shuffle(links)
        start = self.base_url if self.options.tile_href == "absolute" else ""
        end = "&lang=fr" if self.options.tile_href == "lang" else ""
        tiles = [
            TILE.substitute(name=escape(name), href=escape(start + href + end))
            for name, href in links
        ]
        body = "<h1>Langues</h1>\n<div class='tiles'>\n" + "\n".join(tiles) + "\n</div>"
        return PAGE.substitute(title="Enregistrements", body=body)

    def listing(self, rubrique: int, offset: int) -> str | None:
        """One page of a language's listing, or None where there is no such language.

        An offset past the end gives the last page, as SPIP does.
        """
        if rubrique not in self._listings:
            return None
        name, entries = self._listings[rubrique]
        size = self.options.page_size
        last = max(0, (len(entries) - 1) // size * size)
        offset = min(max(0, offset) // size * size, last)
        cards = "".join(self._card(entry) for entry in entries[offset : offset + size])
        anchor = '<div id="pagination_articles"></div>'
        pagination = self._pagination(rubrique, offset, last)
        body = f"<h1>{escape(name)}</h1>\n{anchor}\n{cards}{pagination}"
        return PAGE.substitute(title=escape(name), body=body)

    def article(self, number: str) -> str | None:
        """The page of one recording, or None where there is none of this number."""
        entry = self._articles.get(number)
        if entry is None:
            return None
        title = escape(entry.title)
        return PAGE.substitute(title=title, body=f"<h1>{title}</h1>\n{self._card(entry)}")

    def download_part(self, number: str) -> str | None:
        """What an accordion holds; None where there is no such recording or no audio."""
        entry = self._articles.get(number)
        if entry is None or not entry.slug:
            return None
        return DOWNLOAD.substitute(base_url=self.base_url, slug=entry.slug, article=entry.article)

    def _card(self, entry: Entry) -> str:
        tags = [
            (icon, text)
            for icon, text in (
                ("icon-tag2", entry.level),
                ("icon-tag3", entry.gender),
                ("icon-tag4", entry.age),
                ("icon-tag5", entry.duration),
                *(("icon-tag", theme) for theme in entry.themes),
            )
            if text
        ]
        return CARD.substitute(
            title=escape(entry.title),
            article=entry.article,
            date=_span("fr-icon-calendar-event-fill", entry.date),
            author=_span("fr-icon-account-circle-fill", entry.author),
            player=self._player(entry),
            tags="".join(TAG.substitute(icon=icon, text=escape(text)) for icon, text in tags),
            quote=QUOTE.substitute(text=escape(entry.description)) if entry.description else "",
            accordion=self._accordion(entry) if entry.slug else "",
        )

    def _player(self, entry: Entry) -> str:
        shown = entry.slug and self.options.accordion == "static"
        return PLAYER.substitute(slug=entry.slug) if shown else ""

    def _accordion(self, entry: Entry) -> str:
        if self.options.accordion == "static":
            source, content = "", self.download_part(entry.article)
        else:
            address = f"spip.php?page=integrer&id_article={entry.article}"
            source, content = f' data-source="{escape(address)}"', ""
        return ACCORDION.substitute(article=entry.article, source=source, content=content)

    def _pagination(self, rubrique: int, offset: int, last: int) -> str:
        size = self.options.page_size
        links = []
        for start in range(0, last + 1, size):
            number = start // size + 1
            here = start == offset
            to = ' aria-current="page"' if here else _href(rubrique, start)
            links.append(
                LINK.substitute(kind="", attributes=f'{to} title="Page {number}"', text=number)
            )
        if offset < last or self.options.last_next == "no_href":
            disabled = ' aria-disabled="true" role="link"'
            to = _href(rubrique, offset + size) if offset < last else disabled
            links.append(
                LINK.substitute(
                    kind=" fr-pagination__link--next fr-pagination__link--lg-label",
                    attributes=f'{to} aria-label="{NEXT_LABEL}"',
                    text="Page suivante",
                )
            )
        return (
            '<nav role="navigation" class="fr-pagination" aria-label="Pagination">\n'
            f'<ul class="fr-pagination__list">\n{"".join(links)}</ul>\n</nav>'
        )


def _span(icon: str, text: str) -> str:
    return SPAN.substitute(icon=icon, text=escape(text)) if text else ""


def _href(rubrique: int, offset: int) -> str:
    address = f"spip.php?rubrique{rubrique}&debut_articles={offset}#pagination_articles"
    return f' href="{escape(address)}"'
