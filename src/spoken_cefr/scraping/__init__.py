"""First stage: from the site's pages to a table of recordings and their audio.

``run(config)`` does it all; ``open_visit(config)`` gives single pages to look
at.
"""

from spoken_cefr.scraping.metadata import tell_shortcuts
from spoken_cefr.scraping.pages import find_tile, parse_listing, parse_tiles
from spoken_cefr.scraping.stage import open_site, open_visit, photograph, run

__all__ = [
    "find_tile",
    "open_site",
    "open_visit",
    "parse_listing",
    "parse_tiles",
    "photograph",
    "run",
    "tell_shortcuts",
]
