from urllib.robotparser import RobotFileParser

import pytest

from spoken_cefr.scraping.politeness import Robots

SITE = "https://site.example"
PLAIN = """\
# comment
User-agent: ClaudeBot
Disallow: /

User-agent: OtherBot
User-agent: *
Crawl-delay: 2
Disallow: /ecrire/
Disallow: /IMG/mp3/
Disallow: /local # and below
Content-Signal: search=yes,use=reference
Sitemap: https://site.example/sitemap.xml
"""


@pytest.mark.parametrize(
    "path", ["/", "/spip.php?rubrique1", "/IMG/mp3/x.mp3", "/IMG/", "/ecrire/x", "/localities"]
)
def test_plain_files_are_read_as_the_standard_library_reads_them(path):
    reference = RobotFileParser()
    reference.parse(PLAIN.splitlines())
    robots = Robots(PLAIN)
    assert robots.allows(SITE + path) == reference.can_fetch("spoken_cefr", SITE + path)
    assert robots.crawl_delay_s == reference.crawl_delay("spoken_cefr")


@pytest.mark.parametrize(
    ("rules", "url", "allowed"),
    [
        ("Disallow: /*.mp3$", "/IMG/mp3/x.mp3", False),
        ("Disallow: /*.mp3$", "/IMG/mp3/x.mp3?v=1", True),
        ("Disallow: /*debut_articles=", "/spip.php?rubrique1&debut_articles=10", False),
        ("Disallow: /IMG/\nAllow: /IMG/mp3/", "/IMG/mp3/x.mp3", True),
        ("Allow: /IMG/mp3/\nDisallow: /IMG/", "/IMG/png/x.png", False),
        ("Disallow: /a\nAllow: /a", "/a", True),
        ("Disallow:", "/a", True),
        ("Disallow: /caf%C3%A9", "/café", False),
        ("Disallow: /no/", "/a/../no/", False),
        ("Disallow: /no/", "/a/%2e%2e/no/x", False),
        ("Disallow: /no/", "//no/x", False),
        ("Disallow: //no/", "//no/x", False),
        ("Disallow: /*//", "/a//b", False),
        ("Disallow: /a/../b", "/a/../b", False),
        ("Disallow: /a%2Ab", "/axb", True),
        ("", "/a", True),
    ],
)
def test_the_longest_rule_decides_with_wildcards(rules, url, allowed):
    assert Robots(f"User-agent: *\n{rules}\n").allows(SITE + url) == allowed


@pytest.mark.parametrize("name", ["Spoken_CEFR", "spoken_cefr/0.1", "spoken_cefr/99 # all"])
def test_a_group_of_our_own_replaces_the_one_for_all(name):
    robots = Robots(f"User-agent: *\nDisallow: /\n\nUser-agent: {name}\nDisallow: /private\n")
    assert robots.allows(f"{SITE}/spip.php")
    assert not robots.allows(f"{SITE}/private/x")


def test_a_delay_may_begin_with_the_point():
    assert Robots("User-agent: *\nCrawl-delay: .5\n").crawl_delay_s == 0.5
