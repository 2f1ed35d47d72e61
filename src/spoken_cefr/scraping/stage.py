"""The scraping stage: the site, or the replica of it, in; a table and mp3 files out."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from selenium.webdriver.common.by import By

from spoken_cefr.config import Config
from spoken_cefr.corpus.languages import find_language
from spoken_cefr.errors import InputError
from spoken_cefr.http import Refused
from spoken_cefr.paths import under_root
from spoken_cefr.progress import progress
from spoken_cefr.replica import serve_replica
from spoken_cefr.scraping.archive import Archive
from spoken_cefr.scraping.browser import Browser
from spoken_cefr.scraping.client import Client
from spoken_cefr.scraping.crawl import Visit
from spoken_cefr.scraping.download import Audio, AudioFolder
from spoken_cefr.scraping.metadata import (
    build_metadata,
    finish,
    level_problem,
    remarks,
    same_sound_problems,
)
from spoken_cefr.scraping.pages import CARD, TILE, Card, find_tile
from spoken_cefr.scraping.politeness import Manners
from spoken_cefr.stages import Report, begin_stage, is_done, read_report, stage_folder
from spoken_cefr.store import sha256_of

STAGE = "scraping"
PICTURE_SIZE = 1000, 900  # pixels, of the browser's window


@dataclass
class Collected:
    """What a run has so far; why recordings cannot be used (by ``recording_id``); its ``doubt``."""

    cards: list[Card] = field(default_factory=list)
    audio: dict[str, Audio] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    n_pages: int = 0
    n_repeated: int = 0
    n_to_retry: int = 0
    doubt: str = ""


def run(config: Config) -> Report:
    """Scrape the profile's language, or do nothing where that is done.

    A run that was stopped goes on from its saved pages and recordings. InputError if it cannot go
    on, or the end of the listing is not proved; what was saved stays valid.
    """
    if not config.scraping.from_cache and is_done(config, STAGE):
        return read_report(config, STAGE)
    folder = stage_folder(config, STAGE)
    if (folder / "report.json").is_file() and "imported" in read_report(config, STAGE).figures:
        raise InputError(
            f"{folder} holds recordings of your own, imported by other code or settings than "
            "those of today: run `spoken-cefr import` again"
        )
    with _disk_faults_told(folder):
        with open_site(config) as base_url, _client(config, base_url) as client:
            begin_stage(config, STAGE)
            with _open_visit(config, base_url, client) as visit:
                collected = _collect_cards(visit, config.scraping.limit)
            _collect_audio(collected, AudioFolder(folder), client, config.scraping.max_audio_mb)
        report = _write(config, collected)
    if collected.doubt:
        raise InputError(
            f"the end of the listing is not proved: {collected.doubt}. What came is kept in "
            f"{folder / 'metadata.csv'}; look at the last page in {folder / 'pages'}, and see "
            "doc/adapting.md if the site has another way to go on"
        )
    return report


@contextmanager
def open_site(config: Config) -> Iterator[str]:
    """Give the base URL of the profile's site, serving the replica where it asks for one.

    With ``from_cache`` no site is needed, and the URL is "".
    """
    if config.scraping.from_cache:
        yield ""
    elif config.scraping.replica_dir:
        folder = under_root(config.scraping.replica_dir)
        with serve_replica(folder, port=config.scraping.replica_port) as base_url:
            yield base_url
    else:
        yield config.scraping.base_url


@contextmanager
def open_visit(config: Config) -> Iterator[Visit]:
    """Open the profile's site to look at single pages, as the notebook does.

    Pages are saved, so that a run afterwards does not fetch them again; those
    that are saved are not fetched.
    """
    if is_done(config, STAGE):
        config = _with_cache(config, True)
    with (
        _disk_faults_told(stage_folder(config, STAGE)),
        open_site(config) as base_url,
        _client(config, base_url) as client,
        _open_visit(config, base_url, client) as visit,
    ):
        yield visit


def photograph(config: Config) -> dict[str, Any]:
    """PNG pictures (bytes) of the listing and of its first card, and that card's HTML (str).

    Of the replica alone: pages of a real site show real people, who do not belong in a notebook.
    Another profile gets no picture, {}.
    """
    if not config.scraping.replica_dir:
        return {}
    config = _with_cache(config, False)
    with (
        open_site(config) as base_url,
        _client(config, base_url) as client,
        Browser(client) as browser,
    ):
        home = browser.open(base_url, expect=TILE)
        tile = find_tile(*home, find_language(config.scraping.language))
        browser.open(tile.url, expect=CARD)
        browser.driver.set_window_size(*PICTURE_SIZE)
        card = browser.driver.find_element(By.CSS_SELECTOR, CARD)
        listing = browser.driver.get_screenshot_as_png()
        html = card.get_attribute("outerHTML").replace(base_url.rstrip("/"), "")
        return {"listing": listing, "card": card.screenshot_as_png, "html": html}


def _with_cache(config: Config, from_cache: bool) -> Config:
    return replace(config, scraping=replace(config.scraping, from_cache=from_cache))


@contextmanager
def _disk_faults_told(folder: Path) -> Iterator[None]:
    """Say in one sentence what the disk refuses; the network's faults never come so far."""
    try:
        yield
    except OSError as error:
        raise InputError(
            f"{error.filename or folder} cannot be read or written ({error.strerror}): make room "
            "or give access, and run the same command again; what was saved is kept"
        ) from None


def _client(config: Config, base_url: str) -> AbstractContextManager[Client | None]:
    """The HTTP client; None where only saved pages are read."""
    if config.scraping.from_cache:
        return nullcontext()
    return Client(Manners(base_url, config.scraping), config.scraping)


@contextmanager
def _open_visit(config: Config, base_url: str, client: Client | None) -> Iterator[Visit]:
    language = find_language(config.scraping.language)
    archive = Archive(stage_folder(config, STAGE))
    replica = config.scraping.replica_dir
    catalogue = under_root(replica) / "catalogue.csv"
    site = {
        "base_url": base_url,
        "language": language.code,
        "catalogue_sha256": sha256_of(catalogue) if replica and catalogue.is_file() else "",
    }
    if client is None:
        if archive.site.get("language") != language.code:
            raise InputError(
                f"{archive.folder} holds no saved pages of the language {language.code!r}: run "
                "without scraping.from_cache first"
            )
        yield Visit(archive.home_url, language, archive, None, site=site)
        return
    if not archive.is_fresh(site):
        archive.clear()
    with Browser(client) as browser:
        yield Visit(base_url, language, archive, browser, site=site)


def _collect_cards(visit: Visit, limit: int) -> Collected:
    """Read the listing, page by page, up to ``limit`` cards (0: all)."""
    collected = Collected()
    with progress(desc="listing pages", unit="page") as bar:
        for turn in visit.turns():
            bar.update()
            collected.n_pages += 1
            collected.n_repeated += len(turn.listing.cards) - len(turn.new)
            collected.cards += turn.new
            collected.doubt = turn.doubt
            if 0 < limit <= len(collected.cards):
                del collected.cards[limit:]
                collected.doubt = ""
                break
    return collected


def _collect_audio(
    collected: Collected, folder: AudioFolder, client: Client | None, max_mb: float
) -> None:
    """Get the audio of each card that can be used, and note why the others cannot.

    What no later stage would take is not downloaded: the site's bandwidth is not ours to waste.
    """
    for card in progress(collected.cards, desc="recordings", unit="recording"):
        problem = card.problem or level_problem(card.level)
        if not problem and not card.audio_url:
            problem = "no audio: no address on the card"
        if problem:
            collected.reasons[card.recording_id] = problem
            continue
        try:
            audio = folder.fetch(card.recording_id, card.audio_url, client, max_mb=max_mb)
            collected.audio[card.recording_id] = audio
        except Refused as error:
            collected.reasons[card.recording_id] = f"no audio: {error.reason}"
            collected.n_to_retry += error.transient
    collected.reasons |= same_sound_problems(collected.cards, collected.audio)


def _write(config: Config, collected: Collected) -> Report:
    """Write the table and, last, the account."""
    if not set(collected.audio) - set(collected.reasons):
        reasons = ", ".join(sorted(set(collected.reasons.values())))
        raise InputError(
            f"none of {len(collected.cards)} recordings can be used ({reasons}): check "
            "scraping.base_url and what its robots.txt allows"
        )
    table = build_metadata(
        collected.cards, collected.audio, collected.reasons, language=config.scraping.language
    )
    return finish(
        config,
        table,
        unit="card",
        remarks=remarks(collected.cards, table, collected.audio),
        figures={
            "listing_pages": collected.n_pages,
            "repeated_cards": collected.n_repeated,
            # A listing whose end is not proved is walked again by the next run.
            "to_retry": collected.n_to_retry + bool(collected.doubt),
        },
    )
