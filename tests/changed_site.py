"""A site of 12 cards on 3 pages, of which a test changes one thing. All names are invented."""

import html
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit

from scraping_helpers import PAGES

from spoken_cefr.paths import ROOT
from spoken_cefr.replica import serve_replica
from spoken_cefr.replica.server import Reply

SOUNDS = sorted((ROOT / "data/replica/audio").glob("*.mp3"), key=lambda path: path.stat().st_size)
N_CARDS = 12
N_ON_PAGE = 5
HOME = (
    '<div class="fr-col-12 fr-col-sm-6 fr-col-lg-2"><a href="spip.php?rubrique1">Français</a></div>'
)


class Site:
    """Pages as text; subclasses change what they say."""

    prefix = "/"
    head = '<meta charset="utf-8">'
    content_type = "text/html; charset=utf-8"
    base = "http://site.example/"

    def title(self, i):
        return f"Zed{i}\u00a0: ici {i}"

    def author(self, i):
        return f"Zed{i} (Lyon)"

    def article(self, i):
        return 100 + i

    def level(self, i):
        return ("A1", "A2", "B1", "B2", "C1")[i % 5]

    def audio_name(self, i):
        return f"r{i:02d}.mp3"

    def tags(self, i):
        told = {2: self.level(i), 3: "féminin", 4: "adulte", 5: "30-60 secondes"}
        return "".join(f'<a><i class="icon-tag{n}"></i> {text}</a>' for n, text in told.items())

    def accordion(self, i):
        return f"<p>URL : {self.base}IMG/mp3/{self.audio_name(i)}</p>"

    def card(self, i):
        return f"""<div class="fr-alert fr-alert--info mp3">
<h3 class="fr-alert__title">{self.title(i)}<a href="spip.php?article{self.article(i)}"><span
class="fr-sr-only">Lien</span></a></h3>
<p class="fr-text--sm"><span class="fr-icon-calendar-event-fill">{28 - i} février 2014</span>
<span class="fr-icon-account-circle-fill">{self.author(i)}</span></p>
<div class="fr-pt-2w">{self.tags(i)}</div>
<section><h3><button class="fr-accordion__btn" aria-expanded="false">Partager</button></h3>
{self.accordion(i)}</section></div>"""

    def cards(self, first):
        last = min(first + N_ON_PAGE, N_CARDS)
        return "".join(self.card(i) for i in range(first, last))

    def href(self, first):
        return html.escape(f"spip.php?rubrique1&debut_articles={first}#pagination_articles")

    def pager(self, first):
        following = first + N_ON_PAGE
        where = f'href="{self.href(following)}"' if following < N_CARDS else 'aria-disabled="true"'
        return (
            '<a class="fr-pagination__link--next" aria-label="Aller à la page suivante" '
            f'role="link" {where}>›</a>'
        )

    def heading(self):
        return "Français"

    def listing(self, first):
        return f"<h1>{self.heading()}</h1>{self.cards(first)}<nav>{self.pager(first)}</nav>"

    def page(self, body):
        return f"<!doctype html><html><head>{self.head}</head><body>{body}</body></html>"

    def at(self, url):
        """HTML at an address; None where there is none."""
        parts = urlsplit(url)
        if parts.path == self.prefix:
            return self.page(HOME)
        if parts.path == f"{self.prefix}spip.php" and parts.query.startswith("rubrique1"):
            first = int(parse_qs(parts.query).get("debut_articles", ["0"])[0])
            return self.page(self.listing(min(first, N_CARDS - 2)))
        return None


@contextmanager
def served(site):
    """Serve a site on this machine; gives its base URL."""

    def answer(path):
        name = urlsplit(path).path.rpartition("/")[2]
        names = [site.audio_name(i) for i in range(N_CARDS)]
        page = site.at(path)
        if name in names:
            return Reply(200, SOUNDS[names.index(name)].read_bytes(), "audio/mpeg")
        if page is not None:
            return Reply(200, page.encode("utf-8"), site.content_type)
        moved = path == site.prefix.rstrip("/")
        return Reply(301, headers={"Location": site.prefix}) if moved else Reply(404)

    with serve_replica(PAGES, fault=answer) as base_url:  # of the replica only the server is used
        site.base = base_url.rstrip("/") + site.prefix
        yield site.base
