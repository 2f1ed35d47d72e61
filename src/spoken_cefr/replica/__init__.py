"""A small local copy of the site's structure that serves recordings of our own.

Structure only: the markup follows the public facts about the site, the style
sheet and the script are ours, and nothing carries the State's branding.
"""

from spoken_cefr.replica.server import serve_replica

__all__ = ["serve_replica"]
