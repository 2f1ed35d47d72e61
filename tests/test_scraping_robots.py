from urllib.robotparser import RobotFileParser

import pytest

from spoken_cefr.scraping.robots import parse_robots

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


@pytest.mark.parametrize("agent", ["spoken_cefr", "claudebot", "OtherBot"])
@pytest.mark.parametrize(
    "path", ["/", "/spip.php?rubrique1", "/IMG/mp3/x.mp3", "/IMG/", "/ecrire/x", "/localities"]
)
def test_plain_files_are_read_as_the_standard_library_reads_them(agent, path):
    reference = RobotFileParser()
    reference.parse(PLAIN.splitlines())
    robots = parse_robots(PLAIN, agent)
    assert robots.allows(SITE + path) == reference.can_fetch(agent, SITE + path)
    assert robots.crawl_delay_s == (reference.crawl_delay(agent) or 0)


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
        ("", "/a", True),
    ],
)
def test_the_longest_rule_decides_with_wildcards(rules, url, allowed):
    assert parse_robots(f"User-agent: *\n{rules}\n", "spoken_cefr").allows(SITE + url) == allowed


def test_a_group_of_our_own_replaces_the_one_for_all():
    text = "User-agent: *\nDisallow: /\n\nUser-agent: Spoken_CEFR\nDisallow: /private\n"
    robots = parse_robots(text, "spoken_cefr")
    assert robots.allows(f"{SITE}/spip.php")
    assert not robots.allows(f"{SITE}/private/x")
