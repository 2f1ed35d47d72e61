"""A site of 12 cards on 3 pages, of which a test changes one thing. All names are invented."""

import html
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from spoken_cefr.paths import ROOT

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

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args):
            pass

        def do_GET(self):
            name = urlsplit(self.path).path.rpartition("/")[2]
            names = [site.audio_name(i) for i in range(N_CARDS)]
            page = site.at(self.path)
            if name in names:
                self.answer(SOUNDS[names.index(name)].read_bytes(), "audio/mpeg")
            elif page is not None:
                self.answer(page.encode("utf-8"), site.content_type)
            elif self.path == site.prefix.rstrip("/"):
                self.answer(b"", "text/html", status=301, Location=site.prefix)
            else:
                self.answer(b"", "text/plain", status=404)

        def answer(self, body, kind, *, status=200, **headers):
            self.send_response(status)
            told = {"Content-Type": kind, "Content-Length": str(len(body))} | headers
            for header, value in told.items():
                self.send_header(header, value)
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    site.base = f"http://127.0.0.1:{server.server_port}{site.prefix}"
    try:
        yield site.base
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
