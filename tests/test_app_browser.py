"""The page in a real headless Chromium, against the real server with a small bundle."""

import base64
import csv
import http.client
import io
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
import requests
import soundfile
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from prediction_helpers import make_bundle
from selenium import webdriver
from selenium.common.exceptions import TimeoutException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait
from selenium_axe_python import Axe

from spoken_cefr.arithmetic import PINS
from spoken_cefr.paths import ROOT
from spoken_cefr.prediction.choice import STARTER
from spoken_cefr.processing.alignment.textgrid import read_intervals
from spoken_cefr.processing.decoding import load_audio
from spoken_cefr.scraping.browser import FLAGS, _debian_pair, _service
from spoken_cefr.store import replacing

pytest.importorskip("gradio")

from test_page import EVIL

from spoken_cefr.page.uploads import MAX_FILES, MAX_UPLOAD_MB

pytestmark = [pytest.mark.browser, pytest.mark.slow]
AUDIO = ROOT / "data" / "replica" / "audio"
WAIT_S = 120
PRESS_S = 20
BEGUN = ".progress-level-inner, #table tbody tr, #results [role=alert]"
COMMAND = "import sys; from spoken_cefr.cli import main; sys.exit(main(sys.argv[1:]))"
STOP = "#recording .stop-button"
# Every piece of text that can be seen, with its colour and the colour under it, mixed of all
# backgrounds down to the first that hides the rest.
TEXT_COLOURS = """
const rgba = (text) => { const c = (text.match(/[\\d.]+/g) || []).map(Number);
                         return c.length === 4 ? c : [...c, 1]; };
const found = [];
for (const node of document.querySelectorAll("body *")) {
  const own = [...node.childNodes].some((c) => c.nodeType === 3 && c.textContent.trim());
  const box = node.getBoundingClientRect();
  if (!own || node.closest("svg") || box.width < 2 || box.height < 2) continue;
  if (!node.checkVisibility({checkOpacity: true, checkVisibilityCSS: true})) continue;
  const layers = [];
  for (let under = node; under; under = under.parentElement) {
    layers.unshift(rgba(getComputedStyle(under).backgroundColor));
    if (layers[0][3] === 1) break;
  }
  const paper = layers.reduce((below, [r, g, b, a]) =>
    [r, g, b].map((c, i) => a * c + (1 - a) * below[i]), [255, 255, 255]);
  const ink = rgba(getComputedStyle(node).color);
  found.push([node.textContent.trim().slice(0, 40), ink.slice(0, 3), paper]);
}
return found;
"""
# Faults of Gradio's own parts, whose markup no option of theirs reaches.
NOT_OURS = {
    # The player's button that hides the words has no name.
    ("button-name", ".cc-button"),
    # The sound's drawing scrolls in a box of the player's shadow; its arrow keys move the sound.
    ("scrollable-region-focusable", "['#waveform > div', '.scroll']"),
    # The button that adds files holds a second one; both do the same.
    ("nested-interactive", 'button[aria-label="common.upload"]'),
}
# What is wider than the window: selector or markup, and its right edge.
TOO_WIDE = """
return [...document.querySelectorAll("body *")]
  .filter((n) => n.checkVisibility({checkOpacity: true, checkVisibilityCSS: true}))
  .map((n) => [n.outerHTML.slice(0, 150), n.getBoundingClientRect()])
  .filter(([, box]) => box.width > 1 && (box.right > innerWidth + 1 || box.left < -1))
  .map(([html, box]) => [html, box.left, box.right]);
"""
# The picture ends below the sixth measure: those that every result shows, and two more.
LAST_ROW = 'document.querySelector("#measures tbody tr:nth-child(6)").getBoundingClientRect()'
PICTURE_END = f"return {LAST_ROW}.bottom + scrollY;"
# What the page's parts down to there are called, without what a recording says.
HEADINGS = (
    f"const end = {LAST_ROW}.bottom;"
    + """
const called = "h1, h2, [role=tab], [data-testid=block-label], [data-testid=block-info], th, "
  + "button.primary";
return [...document.querySelectorAll(called)]
  .filter((node) => node.checkVisibility() && node.getBoundingClientRect().top < end)
  .map((node) => node.textContent.trim());
"""
)
# A page whose every answer is that of `test_page`: at once, and with markup in it.
STAGED = """
import shutil, sys
from pathlib import Path
from types import SimpleNamespace
import test_page
from spoken_cefr.cli import main
from spoken_cefr.page import analysis

class Staged:
    card = SimpleNamespace(classes=test_page.result()["model"]["classes"], language="fr")
    def __init__(self, **options): pass
    def analyse(self, paths, language, progress):
        for path in paths:
            shutil.rmtree(Path(path).parent)
            yield test_page.answer()

analysis.Analyst = Staged
sys.exit(main(["app", "--port", sys.argv[1]]))
"""


@pytest.fixture(scope="module")
def uploads(tmp_path_factory):
    """The folder below which the server keeps whatever it keeps."""
    return tmp_path_factory.mktemp("uploads")


@pytest.fixture(scope="module")
def url(tmp_path_factory, uploads):
    """`spoken-cefr app` as a user starts it; when it is stopped it leaves nothing behind."""
    bundle = make_bundle(tmp_path_factory.mktemp("bundle") / "bundle")
    with serve(COMMAND, "app", "--model", bundle, "--port", uploads=uploads) as url:
        yield url
    assert kept(uploads) == []


@pytest.fixture(scope="module")
def url_of_starter(tmp_path_factory):
    """The page as it is without a model of one's own."""
    folder = tmp_path_factory.mktemp("starter")
    with serve(COMMAND, "app", "--model", STARTER, "--port", uploads=folder) as url:
        yield url


@pytest.fixture(scope="module")
def staged(tmp_path_factory):
    """The page with `STAGED` answers."""
    with serve(STAGED, uploads=tmp_path_factory.mktemp("staged")) as url:
        yield url


@contextmanager
def serve(command, *arguments, uploads):
    """A server in a process of its own, on a free port: the last argument."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    pins = {pin.variable: pin.value for pin in PINS}  # on every processor the same page
    environment = {**os.environ, **pins, "TMPDIR": str(uploads), "PYTHONPATH": path}
    command = [sys.executable, "-c", command, *map(str, arguments), str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as server:
        try:
            told = [server.stdout.readline() for _ in range(2)]
            assert f"open http://127.0.0.1:{port}/" in told[1], told
            yield f"http://127.0.0.1:{port}/"
        finally:
            # Not SIGINT: whoever runs the tests in the background has it ignored here.
            server.terminate()
            try:
                assert server.wait(30) == 0
            finally:
                server.kill()  # or a server that does not stop would be waited for without end


@pytest.fixture(scope="module")
def downloads(tmp_path_factory):
    return tmp_path_factory.mktemp("downloads")


@pytest.fixture(scope="module")
def browser(downloads):
    """One browser for all tests that need none of their own: its start takes seconds."""
    with open_browser(downloads=downloads) as driver:
        yield driver


@contextmanager
def open_browser(*, flags=(), downloads=None):
    options = webdriver.ChromeOptions()
    for flag in flags:
        options.add_argument(flag)
    if downloads is not None:
        options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    for flag in (*FLAGS, "--window-size=1100,1400", "--accept-lang=fr"):
        if "imagesEnabled" not in flag:
            options.add_argument(flag)
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options.add_argument("--no-sandbox")
    options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
    if _debian_pair():
        options.binary_location = _debian_pair()[0]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        service = _service(folder)
        # In the language C a browser finds no file whose name is not ASCII, whoever asks for it.
        service.env["LC_ALL"] = "C.UTF-8"
        driver = webdriver.Chrome(options, service)
        try:
            yield driver
        finally:
            driver.quit()


def wait_for(driver, selector):
    return WebDriverWait(driver, WAIT_S).until(lambda d: d.find_element(By.CSS_SELECTOR, selector))


def open_page(driver, url, *, language="fr", scheme="light"):
    driver.execute_cdp_cmd("Network.enable", {})
    wish = {"headers": {"Accept-Language": language}}
    driver.execute_cdp_cmd("Network.setExtraHTTPHeaders", wish)
    wish = [{"name": "prefers-color-scheme", "value": scheme}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": wish})
    driver.get(url)
    wait_for(driver, "#recording input[type=file]")
    WebDriverWait(driver, WAIT_S).until(
        lambda d: d.execute_script("return document.documentElement.lang") == language
    )
    return driver


def upload(driver, path):
    """Choose a file; return when it is there."""
    wait_for(driver, "#recording input[type=file]").send_keys(str(path))
    wait_for(driver, "#recording .top-panel button")  # takes the file away again


def start_recording(driver):
    """Choose the microphone; return when it listens.

    Gradio loses a press on its button while its recorder is being made: press until it listens.
    """
    wait_for(driver, "#recording button[aria-label='Record audio']").click()
    wait_for(driver, "#recording .record-button")

    def listens(driver):
        if any(b.is_displayed() for b in driver.find_elements(By.CSS_SELECTOR, STOP)):
            return True
        for button in driver.find_elements(By.CSS_SELECTOR, "#recording .record-button"):
            if button.is_displayed() and button.is_enabled():
                button.click()
        return False

    WebDriverWait(driver, WAIT_S, poll_frequency=2).until(listens)


def answer(driver):
    """Press the button and read the answer."""
    wait_for(driver, "#run").click()
    return read_answer(driver)


def read_answer(driver):
    wait_for(driver, "#result [role=status], #result [role=alert]")
    return driver.find_element(By.ID, "result").text


def choose_several(driver, *paths):
    """Go to the second tab and choose files; return when they are there."""
    driver.find_elements(By.CSS_SELECTOR, "[role=tab]")[-1].click()
    wait_for(driver, "#files input[type=file]").send_keys("\n".join(map(str, paths)))
    WebDriverWait(driver, WAIT_S).until(
        lambda d: len(d.find_elements(By.CSS_SELECTOR, "#files tr.file")) == len(paths)
    )


def press_for_several(driver):
    """Press the button until something comes of it: Gradio may lose a press while it draws."""
    for _ in range(WAIT_S // PRESS_S):
        wait_for(driver, "#run_all").click()
        with suppress(TimeoutException):
            WebDriverWait(driver, PRESS_S, poll_frequency=0.02).until(
                lambda d: d.find_elements(By.CSS_SELECTOR, BEGUN)
            )
            return


def answer_several(driver, n):
    """Press the button and read the cells of each row when all are there."""
    press_for_several(driver)
    wait_for(driver, f"#table tbody tr:nth-child({n})")
    return answered_rows(driver)


def answered_rows(driver):
    return driver.execute_script(
        "return [...document.querySelectorAll('#table tbody tr')].map("
        "(row) => [...row.cells].map((cell) => cell.textContent));"
    )


def watch_progress(driver, *, until):
    """What the page says of how far it is, in order, until something is there."""
    seen = []

    def arrived(driver):
        told = driver.execute_script(
            "return [...document.querySelectorAll('.progress-level-inner')].map("
            "(node) => node.textContent).join(' ');"
        )
        if told and told not in seen[-1:]:
            seen.append(told)
        return driver.find_elements(By.CSS_SELECTOR, until)

    WebDriverWait(driver, WAIT_S, poll_frequency=0.05).until(arrived)
    return seen


def faults(driver):
    """What axe-core finds that is serious or critical: rule, selector and element."""
    time.sleep(0.7)  # the page fades its progress out, and the button its pressed colour
    axe = Axe(driver)
    axe.inject()
    return [
        (fault["id"], str(node["target"]), node["html"][:200])
        for fault in axe.run()["violations"]
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"]
        if (fault["id"], str(node["target"][0])) not in NOT_OURS
    ]


def requested(driver):
    """Addresses that the page asked for."""
    messages = [json.loads(row["message"])["message"] for row in driver.get_log("performance")]
    return {
        message["params"]["request"]["url"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    }


def choose_first_example(driver):
    box = driver.find_element(By.CSS_SELECTOR, "#example input")
    box.send_keys(Keys.ARROW_DOWN)
    wait_for(driver, "#example [role=option], [role=option]")
    box.send_keys(Keys.ENTER)
    wait_for(driver, "#recording .top-panel button")


def luminance(colour):
    """Relative luminance of red, green and blue (0 to 255), as WCAG 2.2 defines it."""
    channels = [channel / 255 for channel in colour]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def kept(folder):
    """Files with something in them: Gradio's `File` makes an empty one of each, for the sweep."""
    return [path.name for path in folder.rglob("*") if path.is_file() and path.stat().st_size]


def test_a_recording_is_answered_and_nothing_else_is_asked_or_kept(browser, url, uploads):
    requested(browser)  # by earlier tests
    open_page(browser, url)
    upload(browser, AUDIO / "jardins_partages.mp3")
    told = answer(browser)
    assert "jardins_partages.mp3 (0:51) : niveau" in told
    for part in ("probabilities", "transcript", "measures"):
        wait_for(browser, f"#{part}")
    assert "canicules." in browser.find_element(By.ID, "transcript").text
    wait_for(browser, "#result img")
    outside = [row for row in requested(browser) if not row.startswith((url, "data:", "blob:"))]
    assert outside == []
    assert kept(uploads) == []
    # Each word is shown while it is heard, though the server has the file no more.
    browser.find_element(By.CSS_SELECTOR, "#recording .play-pause-button").click()
    WebDriverWait(browser, WAIT_S, poll_frequency=0.05).until(
        lambda d: "quartier," in d.find_element(By.ID, "recording").text
    )


def test_the_result_and_the_words_can_be_downloaded(browser, url, downloads):
    open_page(browser, url)
    choose_first_example(browser)
    answer(browser)
    wait_for(browser, "#result a[download]")
    for link in browser.find_elements(By.CSS_SELECTOR, "#result a[download]"):
        link.click()
    WebDriverWait(browser, WAIT_S).until(
        lambda _: {path.suffix for path in downloads.iterdir()} == {".json", ".TextGrid"}
    )
    result = json.loads(next(downloads.glob("*.json")).read_text(encoding="utf-8"))
    words = read_intervals(next(downloads.glob("*.TextGrid")))
    assert [word.word for word in words] == [word["word"] for word in result[0]["words"]]
    assert " ".join(word.word for word in words) == result[0]["transcript"]


def test_what_the_microphone_hears_is_answered(url, uploads, tmp_path):
    signal = load_audio(AUDIO / "kermesse.mp3", sample_rate=48_000)
    soundfile.write(tmp_path / "voice.wav", signal, 48_000)
    flags = (
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={tmp_path / 'voice.wav'}",
    )
    with open_browser(flags=flags) as driver:
        # A recording that is thrown away leaves the page usable.
        open_page(driver, url)
        button = driver.find_element(By.ID, "run")
        start_recording(driver)
        WebDriverWait(driver, WAIT_S).until(lambda _: not button.is_enabled())
        driver.find_element(By.CSS_SELECTOR, "#recording button[aria-label='Upload file']").click()
        WebDriverWait(driver, WAIT_S).until(lambda _: button.is_enabled())
        start_recording(driver)
        time.sleep(12)  # so long it listens
        WebDriverWait(driver, WAIT_S).until(lambda _: not button.is_enabled())
        # So slow that the recording is on its way until it is let through, whatever else runs here.
        driver.set_network_conditions(
            latency=0, download_throughput=10**6, upload_throughput=10_000
        )
        wait_for(driver, STOP).click()
        WebDriverWait(driver, WAIT_S).until(lambda d: not d.find_elements(By.CSS_SELECTOR, STOP))
        assert not button.is_enabled()
        driver.delete_network_conditions()
        WebDriverWait(driver, WAIT_S).until(lambda _: button.is_enabled())
        answer(driver)
        assert "école" in wait_for(driver, "#transcript").text
    assert kept(uploads) == []


def test_several_files_become_a_table_and_a_bad_one_does_not_stop_the_rest(
    browser, url, uploads, tmp_path, downloads
):
    bad = tmp_path / "mauvais.mp3"
    bad.write_text("Ceci n’est pas un son.\n" * 200, encoding="utf-8")
    paths = [AUDIO / "ma_chambre.mp3", bad, AUDIO / "malo.mp3"]
    open_page(browser, url)
    choose_several(browser, *paths)
    press_for_several(browser)
    seen = watch_progress(browser, until="#table tbody tr:nth-child(3)")
    rows = answered_rows(browser)
    assert [row[0] for row in rows] == [path.name for path in paths]
    assert ["pas un fichier audio" in row[5] for row in rows] == [False, True, False]
    assert re.fullmatch(r"[ABC][12]\.\d", rows[0][1]) or rows[0][5]
    assert any("Fichier 3 sur 3, étape 2 sur 3" in told for told in seen)
    assert kept(uploads) == []
    browser.find_element(By.CSS_SELECTOR, "#results a[download='levels.csv']").click()
    WebDriverWait(browser, WAIT_S).until(lambda _: (downloads / "levels.csv").exists())
    with (downloads / "levels.csv").open(encoding="utf-8-sig", newline="") as file:
        table = list(csv.DictReader(file))
    assert [row["file"] for row in table] == [path.name for path in paths]
    assert table[0]["score_name"] == rows[0][1] or table[0]["abstains"] == "True"
    (downloads / "levels.csv").unlink()


def test_how_far_it_is_is_told_in_seconds_of_audio(browser, url):
    open_page(browser, url)
    upload(browser, AUDIO / "jardins_partages.mp3")
    browser.find_element(By.ID, "run").click()
    seen = watch_progress(browser, until="#result [role=status], #result [role=alert]")
    told = [re.search(r"étape 2 sur 3 : .*, 0:(\d\d) sur 0:51", row) for row in seen]
    reached = [int(match[1]) for match in told if match]
    assert reached == sorted(reached)
    assert 0 < reached[-1] <= 51


def test_more_files_than_are_taken_are_refused_and_deleted(browser, url, uploads, tmp_path):
    paths = []
    for n in range(MAX_FILES + 1):
        paths.append(tmp_path / f"{n}.wav")
        paths[-1].write_bytes(b"RIFF")
    open_page(browser, url)
    choose_several(browser, *paths)
    press_for_several(browser)
    told = wait_for(browser, "#results [role=alert]").text
    assert str(MAX_FILES) in told
    assert kept(uploads) == []


def test_the_picture_in_readme_is_of_today_s_page(url_of_starter, browser):
    """With APP_PNG=1 it is taken anew; the headings that it shows stand in the file."""
    path = ROOT / "doc" / "app.png"
    open_page(browser, url_of_starter)
    upload(browser, AUDIO / "jardins_partages.mp3")
    answer(browser)
    wait_for(browser, "#measures table")
    time.sleep(1)  # the page fades its progress out
    headings = browser.execute_script(HEADINGS)
    if os.environ.get("APP_PNG"):
        take_picture(browser, path, headings)
    with Image.open(path) as image:
        assert image.width >= 1500 and image.height < 2.5 * image.width
        assert json.loads(image.text["headings"]) == headings


def take_picture(driver, path, headings):
    """The page down to its first measures, in a palette: an eighth of the bytes."""
    size = {"width": 1000, "height": 1400, "deviceScaleFactor": 1.6, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    time.sleep(1)
    clip = {"x": 0, "y": 0, "width": size["width"], "scale": 1}
    clip["height"] = driver.execute_script(PICTURE_END)
    wish = {"captureBeyondViewport": True, "clip": clip}
    taken = driver.execute_cdp_cmd("Page.captureScreenshot", wish)
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    note = PngInfo()
    note.add_text("headings", json.dumps(headings))
    with (
        Image.open(io.BytesIO(base64.b64decode(taken["data"]))) as image,
        replacing(path) as temporary,
    ):
        image.convert("RGB").quantize(128).save(temporary, "PNG", optimize=True, pnginfo=note)


@pytest.mark.parametrize(
    ("language", "told"), [("fr", "ce n’est pas un fichier audio lisible"), ("en", "is not audio")]
)
def test_a_bad_file_gives_a_readable_message(browser, url, uploads, tmp_path, language, told):
    path = tmp_path / "un fichier à moi.mp3"
    path.write_text("Ceci n’est pas un son.\n" * 200, encoding="utf-8")
    open_page(browser, url, language=language)
    upload(browser, path)
    message = answer(browser)
    assert told in message
    assert str(tmp_path) not in message
    assert "spoken_cefr_page" not in message
    assert kept(uploads) == []


def test_silence_and_nothing_at_all_are_told(browser, url, tmp_path):
    path = tmp_path / "silence.wav"
    soundfile.write(path, np.zeros(5 * 16_000), 16_000)
    open_page(browser, url)
    assert "Choisissez d’abord" in answer(browser)
    open_page(browser, url)
    upload(browser, path)
    assert "il n’y a que du silence" in answer(browser)


def test_the_page_speaks_the_browser_s_language_and_can_be_switched(browser, staged):
    open_page(browser, staged, language="en")
    upload(browser, AUDIO / "malo.mp3")
    assert "Which level" in browser.find_element(By.TAG_NAME, "body").text
    assert browser.title.startswith("Which level")
    assert "level B1.4" in answer(browser)
    browser.find_element(By.CSS_SELECTOR, "input[type=radio][value=fr]").click()
    # The answer, too, and without another analysis.
    WebDriverWait(browser, WAIT_S).until(
        lambda d: "niveau B1.4" in d.find_element(By.ID, "result").text
    )
    seen = browser.find_element(By.TAG_NAME, "body").text
    assert "À quel niveau" in seen
    assert "Which level" not in seen
    assert browser.find_element(By.ID, "run").text == "Trouver le niveau"
    assert browser.title.startswith("À quel niveau")


def test_an_example_can_be_tried_with_the_keyboard_alone(browser, url, uploads):
    open_page(browser, url)
    choose_first_example(browser)
    button = browser.find_element(By.ID, "run")
    for _ in range(40):
        browser.switch_to.active_element.send_keys(Keys.TAB)
        if browser.switch_to.active_element == button:
            break
    button.send_keys(Keys.ENTER)
    assert "ma_chambre.mp3" in read_answer(browser)
    assert kept(uploads) == []


def test_visitors_at_once_each_get_their_own_answer_the_same_file_or_not(browser, url, uploads):
    before = browser.current_window_handle
    tabs = []
    for choose in (choose_first_example, lambda d: upload(d, AUDIO / "malo.mp3")):
        for _ in range(2):
            browser.switch_to.new_window("tab")
            open_page(browser, url)
            choose(browser)
            tabs.append(browser.current_window_handle)
    for tab in tabs:  # each has chosen before the first has its answer
        browser.switch_to.window(tab)
        wait_for(browser, "#run").click()
    told = []
    for tab in tabs:
        browser.switch_to.window(tab)
        read_answer(browser)
        for part in ("#probabilities", "#result img", "#measures"):  # each comes when it is drawn
            wait_for(browser, part)
        told.append(browser.find_element(By.ID, "result").text)
        browser.close()
    browser.switch_to.window(before)
    assert ["ma_chambre.mp3" in row for row in told] == [True, True, False, False]
    assert ["malo.mp3" in row for row in told] == [False, False, True, True]
    assert [told[0], told[2]] == [told[1], told[3]]
    assert kept(uploads) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault_before_and_after_an_answer(browser, staged, scheme):
    open_page(browser, staged, scheme=scheme)
    assert faults(browser) == []
    upload(browser, AUDIO / "malo.mp3")
    answer(browser)
    wait_for(browser, "#measures table")
    assert faults(browser) == []
    choose_several(browser, AUDIO / "malo.mp3", AUDIO / "kermesse.mp3")
    assert faults(browser) == []
    assert len(answer_several(browser, 2)) == 2
    assert faults(browser) == []


@pytest.mark.parametrize("language", ["fr", "en"])
def test_a_phone_shows_all_of_it_without_scrolling_sideways(browser, staged, language):
    phone = {"width": 360, "height": 780, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
    try:
        open_page(browser, staged, language=language)
        upload(browser, AUDIO / "malo.mp3")
        answer(browser)
        wait_for(browser, "#measures table")
        time.sleep(0.5)
        assert browser.execute_script("return innerWidth") == 360
        assert browser.execute_script(TOO_WIDE) == []
        choose_several(browser, AUDIO / "malo.mp3", AUDIO / "kermesse.mp3")
        assert browser.execute_script(TOO_WIDE) == []
        answer_several(browser, 2)
        assert browser.execute_script(TOO_WIDE) == []
        level, likely = browser.find_elements(By.CSS_SELECTOR, "#table th")[1:3]
        assert level.is_displayed() and not likely.is_displayed()
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_axe_finds_a_fault_where_there_is_one(browser, staged):
    open_page(browser, staged)
    browser.execute_script("document.querySelector('#run').style.color = 'blue';")
    assert [rule for rule, *_ in faults(browser)] == ["color-contrast"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read_and_every_field_is_labelled(browser, staged, scheme):
    open_page(browser, staged, scheme=scheme)
    upload(browser, AUDIO / "malo.mp3")
    answer(browser)
    wait_for(browser, "#measures")
    time.sleep(0.5)  # the page fades its progress out
    seen = browser.execute_script(TEXT_COLOURS)
    assert len(seen) > 50
    assert [row for row in seen if contrast(*row[1:]) < 4.5] == []
    # Gradio keeps a copy of each tab that nobody can reach, to measure its width.
    reached = 'button:not([tabindex="-1"]), input:not([type=hidden]), a[href]'
    fields = browser.find_elements(By.CSS_SELECTOR, reached)
    nameless = [
        field.get_attribute("outerHTML")[:120]
        for field in fields
        if field.is_displayed() and not field.accessible_name
    ]
    assert nameless == []


def test_the_contrast_formula_gives_the_standard_s_own_extremes():
    assert contrast([0] * 3, [255] * 3) == pytest.approx(21)
    assert contrast([0x77] * 3, [255] * 3) == pytest.approx(4.48, abs=0.01)  # fails by a hair


def test_words_that_hold_markup_are_shown_as_words(browser, staged):
    open_page(browser, staged)
    upload(browser, AUDIO / "malo.mp3")
    answer(browser)
    assert EVIL in wait_for(browser, "#transcript").text
    assert f"{EVIL}.mp3" in browser.find_element(By.CSS_SELECTOR, "#result [role=status]").text
    assert browser.find_elements(By.CSS_SELECTOR, "#result script, #recording script") == []


def test_the_server_answers_to_this_machine_s_name_only(url):
    assert requests.get(url, timeout=WAIT_S).status_code == 200
    other = requests.get(
        url, headers={"Host": f"evil.example:{urlsplit(url).port}"}, timeout=WAIT_S
    )
    assert other.status_code == 400
    policy = requests.get(url, timeout=WAIT_S).headers["Content-Security-Policy"]
    assert "http:" not in policy
    assert "https:" not in policy


def test_a_page_of_another_site_cannot_send_a_file(url, uploads):
    def send(**headers):
        files = {"files": ("a.wav", b"sound")}
        return requests.post(
            f"{url}gradio_api/upload", files=files, headers=headers, timeout=WAIT_S
        )

    assert send(Origin="http://evil.example").status_code == 403
    assert send(Origin="null").status_code == 403
    assert kept(uploads) == []
    (path,) = send(Origin=url.rstrip("/")).json()
    (other,) = send().json()
    assert path != other  # though the same was sent
    for sent in (path, other):
        Path(sent).unlink()


def test_an_upload_that_is_too_large_is_refused_before_it_is_sent(url, uploads):
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=WAIT_S)
    with closing(connection):
        connection.putrequest("POST", "/gradio_api/upload")
        connection.putheader("Content-Length", str((MAX_UPLOAD_MB + 2) << 20))
        connection.endheaders()
        assert connection.getresponse().status == 413
    assert kept(uploads) == []


def test_a_visitor_is_told_that_a_file_is_too_large(browser, url, uploads, tmp_path):
    path = tmp_path / "large.wav"
    with path.open("wb") as file:
        file.truncate((MAX_UPLOAD_MB + 1) << 20)  # sparse: takes no room
    open_page(browser, url)
    wait_for(browser, "#recording input[type=file]").send_keys(str(path))
    told = f"maximum allowed size of {MAX_UPLOAD_MB}.0 Mb"
    WebDriverWait(browser, WAIT_S).until(lambda d: told in d.find_element(By.TAG_NAME, "body").text)
    assert kept(uploads) == []


@pytest.mark.parametrize("path", ["../../etc/passwd", "/etc/passwd"])
def test_no_file_of_this_machine_is_given_away(url, path):
    for address in (f"{url}gradio_api/file={path}", f"{url}file={path}"):
        reply = requests.get(address, timeout=WAIT_S)
        assert "root:" not in reply.text
