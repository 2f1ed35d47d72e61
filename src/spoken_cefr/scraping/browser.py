"""A headless Chromium or Chrome that opens pages and gives their HTML.

The browser is there for what a plain HTTP client cannot do: run the page's
scripts and open its accordions. It reads each page once; all parsing is done on
that text (see ``pages``).
"""

import json
import os
import shutil
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any

import psutil
import urllib3
from selenium import webdriver
from selenium.common.exceptions import (
    InvalidSessionIdException,
    NoSuchWindowException,
    TimeoutException,
    WebDriverException,
)
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

from spoken_cefr.errors import InputError
from spoken_cefr.http import FORBIDDEN, TOO_MANY, Again, Refused, tried
from spoken_cefr.http import retry_after_s as parse_retry_after
from spoken_cefr.scraping.client import Client, forbidden
from spoken_cefr.scraping.pager import CONTROLS, MORE_LABELS, announces_more
from spoken_cefr.scraping.pages import (
    ACCORDION,
    ACCORDION_BUTTON,
    AUDIO_ENDING,
    CARD,
    closed_accordions,
)
from spoken_cefr.temporary import end_processes

BROWSERS = ("chromium", "chromium-browser")
DRIVERS = ("chromedriver", "chromium.chromedriver")
FLAGS = (
    "--headless=new",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--no-default-browser-check",
    "--no-first-run",
    "--blink-settings=imagesEnabled=false",
)
SCRIPT_S = 5.0  # how long a page's scripts may take to show what we wait for
QUIET_S = 1.5  # a page that waits for something is read when it has not changed for so long
LATER_S = 1.0  # the same once an accordion of the page has shown nothing
POLL_S = 0.05
REMOVALS = 50  # of the profile, a tenth of a second apart
OK = 200
END = "</html>"
LAST_CHARS = 2000  # of a page, in which its end is looked for: comments may follow it
INSTALL = (
    "no browser could be started ({why}): install Chromium and its driver (Debian: `apt install "
    "chromium chromium-driver`), or Google Chrome, for which Selenium finds the driver"
)
START = (
    "{binary} is there but could not be started ({why}): its driver {driver} must be of the same "
    "version, and a container has to allow Chromium its sandbox and shared memory"
)
# The functions that run inside a page, and what they know of the site's markup.
SCRIPTS = Path(__file__).with_name("browser.js").read_text(encoding="utf-8")
SELECTORS = {"card": CARD, "accordion": ACCORDION, "button": ACCORDION_BUTTON, "control": CONTROLS}
MAX_PRESSES = 500  # of "show more", so that no page can hold a run for ever
DEAD = (InvalidSessionIdException, NoSuchWindowException, urllib3.exceptions.HTTPError, OSError)
DEAD_WORDS = ("disconnected", "crashed", "not reachable", "session deleted", "closed")


class Browser:
    """Opens pages; started at the first one, closed at the end of the ``with`` block.

    The client gives the user agent, the permission and the delay before each page.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self.driver: webdriver.Chrome | None = None
        self._profile: tempfile.TemporaryDirectory | None = None
        self._frame = ""  # the page's own frame, not one inside it
        self._marks_end: bool | None = None  # whether the site's pages end in `END`

    def __enter__(self) -> "Browser":
        return self

    def __exit__(self, *args: object) -> None:
        self.close()

    def open(self, url: str, *, expect: str) -> tuple[str, str]:
        """Open a page; return its HTML and final address, once an element is there.

        A page is read when it waits for no timer and no request of its scripts, or has not
        changed for `QUIET_S`. Accordions are opened only where the audio addresses are not in the
        page: one after the other and a delay apart, because each may be a request. What does not
        appear within five seconds, ``expect`` (a CSS selector) or an address, is not waited for.
        InputError if no browser can be started or stays alive, robots.txt forbids the page, or the
        site does not give it.
        """
        for restarted in (False, True):
            try:
                return self._open(url, expect)
            except (*DEAD, WebDriverException) as error:
                if not _is_dead(error):
                    raise InputError(f"{url} could not be opened: {_first_line(error)}") from None
                if restarted:
                    raise InputError(
                        f"the browser stopped twice on {url} ({_first_line(error)}): close other "
                        "programs and run the same command again"
                    ) from None
                self.close()
        raise AssertionError("unreachable")

    def close(self) -> None:
        """Stop the browser and remove its temporary profile."""
        if self.driver:
            with suppress(WebDriverException, *DEAD):
                self.driver.quit()
            self.driver.service.stop()
            self.driver = None
        if self._profile:
            # Until the last of them has ended it may write to the profile anew.
            end_processes(_using(self._profile.name))
            _remove(self._profile)
            self._profile = None

    def _open(self, url: str, expect: str) -> tuple[str, str]:
        self._permit(url)
        if self.driver is None:
            self._start()
        page = self._load(url, expect)
        self._permit(page["url"])  # where a redirect may have led
        if not page["found"]:
            with suppress(TimeoutException):
                self._await(lambda: self._read(expect)["found"])
            page = self._read(expect)
        page = self._settled(page, expect)
        if announces_more(page["html"], card=CARD) and self._show_more(expect):
            page = self._read(expect)
        closed = closed_accordions(page["html"])
        if closed:
            self._expand(closed)
            page = self._read(expect)
        return page["html"], page["base"]

    def _settled(self, page: dict[str, Any], expect: str) -> dict[str, Any]:
        """The page once its scripts are done, or do nothing more to it."""
        pause = threading.Event()
        end_s = monotonic() + self._client.timeout_s
        quiet_s = monotonic() + QUIET_S
        while page["waits"] and monotonic() < min(quiet_s, end_s):
            pause.wait(POLL_S)
            before, page = page, self._read(expect)
            if page["size"] != before["size"]:
                quiet_s = monotonic() + QUIET_S
        return page

    def _show_more(self, expect: str) -> int:
        """Press "show more" until it is gone or brings no card; gives how often that was done."""
        for n_presses in range(MAX_PRESSES):
            self._client.manners.pause()
            n_before = self._run("pressMore", SELECTORS, sorted(MORE_LABELS))
            if n_before is None:
                return n_presses
            try:
                self._await(lambda n=n_before: self._run("countCards", SELECTORS) > n)
            except TimeoutException:
                return n_presses + 1
            self._settled(self._read(expect), expect)
        return MAX_PRESSES

    def _read(self, expect: str) -> dict[str, Any]:
        return self._run("read", expect)

    def _run(self, function: str, *values: Any) -> Any:
        """What a function of ``browser.js`` gives inside the page."""
        return self.driver.execute_script(f"{SCRIPTS}; return {function}(...arguments)", *values)

    def _await(self, condition: Callable[[], bool]) -> None:
        WebDriverWait(self.driver, SCRIPT_S, POLL_S).until(lambda _: condition())

    def _expand(self, cards: list[int]) -> None:
        """Open the accordions of these cards."""
        limit_s = SCRIPT_S
        for index in cards:
            self._client.manners.pause()
            call = f"{SCRIPTS}; openAccordion(...arguments)"
            told = (SELECTORS, AUDIO_ENDING, index, 1000 * limit_s)
            if not self.driver.execute_async_script(call, *told):
                limit_s = LATER_S

    def _permit(self, url: str) -> None:
        try:
            self._client.permit(url)
        except Refused as error:
            raise InputError(f"{url} may not be opened: {error.reason}") from None

    def _load(self, url: str, expect: str) -> dict[str, Any]:
        """Go to a page, again while the site is busy, and read it."""
        manners, max_tries = self._client.manners, self._client.max_tries
        try:
            return tried(
                lambda: self._load_once(url, expect),
                pace=manners,
                max_tries=max_tries,
                host=manners.host,
            )
        except Again as error:
            raise InputError(
                f"{url} could not be opened ({error.reason}): run the same command again later"
            ) from None

    def _load_once(self, url: str, expect: str) -> dict[str, Any]:
        self._client.manners.pause()
        try:
            self.driver.get(url)
            page = self._read(expect)
        except TimeoutException:
            raise Again("timed out") from None
        except WebDriverException as error:
            if "net::ERR_" not in str(error):
                raise
            raise Again(_first_line(error)) from None
        if page["status"] == OK and self._is_whole(page["url"]):
            return page
        status, retry_after_s = self._last_reply()
        if status == FORBIDDEN:
            raise forbidden(url)
        if status == TOO_MANY or status >= 500:
            raise Again(f"HTTP {status}", retry_after_s=retry_after_s)
        if status >= 400:
            raise InputError(f"{url} answers HTTP {status}: check scraping.base_url")
        if page["status"] == OK:
            raise Again("the page is cut: it has no end")
        return page

    def _is_whole(self, url: str) -> bool:
        """Whether the page came to its end; the browser itself adds an end to half a page."""
        asked = {"frameId": self._frame, "url": url}
        try:
            source = self.driver.execute_cdp_cmd("Page.getResourceContent", asked)["content"]
        except WebDriverException:  # a page that scripts wrote anew has no source
            return True
        whole = END in source[-LAST_CHARS:].lower()
        if self._marks_end is None:
            self._marks_end = whole  # a site that never writes an end is not always cut
        return whole or not self._marks_end

    def _last_reply(self) -> tuple[int, float | None]:
        """Status and Retry-After of the page by the browser's log, which alone has the headers."""
        status, retry_after_s = 200, None
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            facts = message["params"]
            if message["method"] != "Network.responseReceived" or facts["type"] != "Document":
                continue
            if facts.get("frameId") == self._frame:
                headers = {k.lower(): v for k, v in facts["response"]["headers"].items()}
                status = facts["response"]["status"]
                retry_after_s = parse_retry_after(headers.get("retry-after"))
        return status, retry_after_s

    def _start(self) -> None:
        # A short name: the browser makes a socket below it, whose path may have 107 characters.
        self._profile = tempfile.TemporaryDirectory(prefix="cefr_", ignore_cleanup_errors=True)
        try:
            self.driver = webdriver.Chrome(self._options(), _service(self._profile.name))
            watch = {"source": f"(() => {{ {SCRIPTS}; watch(); }})()"}
            self.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", watch)
            self._frame = self.driver.current_window_handle
            # Last: on a busy machine the browser itself may take longer than a page.
            self.driver.set_page_load_timeout(self._client.timeout_s)
        except (WebDriverException, OSError) as error:
            self.close()
            why, pair = _first_line(error), _debian_pair()
            told = START.format(binary=pair[0], driver=pair[1], why=why) if pair else None
            raise InputError(told or INSTALL.format(why=why)) from None

    def _options(self) -> webdriver.ChromeOptions:
        options = webdriver.ChromeOptions()
        for flag in FLAGS:
            options.add_argument(flag)
        options.add_argument(f"--user-agent={self._client.manners.agent}")
        options.add_argument(f"--user-data-dir={self._profile.name}/profile")
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            options.add_argument("--no-sandbox")  # Chromium refuses its sandbox to root
        options.page_load_strategy = "eager"
        options.unhandled_prompt_behavior = "dismiss"  # "cookies?"
        options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
        if _debian_pair():
            options.binary_location = _debian_pair()[0]
        return options


def _debian_pair() -> tuple[str, str] | None:
    """Paths of the distribution's browser and driver, if both are there."""
    found = [next(filter(None, map(shutil.which, names)), None) for names in (BROWSERS, DRIVERS)]
    return (found[0], found[1]) if all(found) else None


def _service(folder: str) -> Service:
    """The driver, which with its browser leaves folders behind in ``folder`` alone."""
    # Without a driver of the distribution, Selenium Manager looks for Chrome;
    # it must not report to its makers that we ran.
    os.environ.setdefault("SE_AVOID_STATS", "true")
    # The driver is on this machine: a proxy for the internet does not lead to it.
    direct = os.environ.get("no_proxy", os.environ.get("NO_PROXY", ""))
    if "localhost" not in direct.split(","):
        os.environ["no_proxy"] = ",".join(filter(None, (direct, "localhost", "127.0.0.1")))
    environment = os.environ | {"TMPDIR": folder}
    pair = _debian_pair()
    return Service(executable_path=pair[1] if pair else None, env=environment)


def _is_dead(error: BaseException) -> bool:
    """Whether the browser or its driver is gone, rather than the page at fault."""
    return isinstance(error, DEAD) or any(word in str(error) for word in DEAD_WORDS)


def _using(folder: str) -> list[psutil.Process]:
    """The browser's processes that are left: after a crash they are below nobody that we know."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):  # ended meanwhile, or another user's
            told = [*process.cmdline(), process.environ().get("TMPDIR", "")]
            if any(folder in text for text in told):
                found.append(process)
    return found


def _remove(profile: tempfile.TemporaryDirectory) -> None:
    """Remove the profile, which the browser's last processes may write to while they end."""
    profile.cleanup()
    pause = threading.Event()
    for _ in range(REMOVALS):
        if not Path(profile.name).exists():
            return
        pause.wait(0.1)
        shutil.rmtree(profile.name, ignore_errors=True)


def _first_line(error: BaseException) -> str:
    text = getattr(error, "msg", None) or str(error)
    return text.strip().partition("\n")[0].removeprefix("Message: ")
