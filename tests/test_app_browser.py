"""The page in a real headless Chromium, against the real server with a small bundle."""

import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
import requests
import soundfile
from prediction_helpers import make_bundle
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait
from test_page import contrast

from spoken_cefr.page.uploads import MAX_UPLOAD_MB
from spoken_cefr.paths import ROOT
from spoken_cefr.processing.alignment.textgrid import read_intervals
from spoken_cefr.processing.decoding import load_audio
from spoken_cefr.scraping.browser import FLAGS, _debian_pair, _service

pytest.importorskip("gradio")

pytestmark = [pytest.mark.browser, pytest.mark.slow]
AUDIO = ROOT / "data" / "replica" / "audio"
WAIT_S = 120
STOP = "#recording .stop-button"
# Every piece of text that can be seen, with its colour and the first background under it.
TEXT_COLOURS = """
const rgb = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
const found = [];
for (const node of document.querySelectorAll("body *")) {
  const own = [...node.childNodes].some((c) => c.nodeType === 3 && c.textContent.trim());
  const box = node.getBoundingClientRect();
  if (!own || node.closest("svg") || box.width < 2 || box.height < 2) continue;
  if (!node.checkVisibility({checkOpacity: true, checkVisibilityCSS: true})) continue;
  let under = node, paper = [0, 0, 0, 0];
  while (under && (paper.length === 4 && paper[3] === 0)) {
    paper = rgb(getComputedStyle(under).backgroundColor);
    under = under.parentElement;
  }
  if (paper.length === 4 && paper[3] === 0) paper = [255, 255, 255];
  const ink = rgb(getComputedStyle(node).color);
  found.push([node.textContent.trim().slice(0, 40), ink.slice(0, 3), paper.slice(0, 3)]);
}
return found;
"""


@pytest.fixture(scope="module")
def uploads(tmp_path_factory):
    """The folder below which the server keeps whatever it keeps."""
    return tmp_path_factory.mktemp("uploads")


@pytest.fixture(scope="module")
def url(tmp_path_factory, uploads):
    """`spoken-cefr app` as a user starts it; when it is stopped it leaves nothing behind."""
    bundle = make_bundle(tmp_path_factory.mktemp("bundle") / "bundle")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = "import sys; from spoken_cefr.cli import main; sys.exit(main(sys.argv[1:]))"
    arguments = [sys.executable, "-c", command, "app", "--model", bundle, "--port", str(port)]
    environment = {**os.environ, "TMPDIR": str(uploads)}
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, env=environment) as server:
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
    assert kept(uploads) == []


@contextmanager
def open_browser(language="fr", *, flags=(), downloads=None):
    options = webdriver.ChromeOptions()
    for flag in flags:
        options.add_argument(flag)
    if downloads is not None:
        options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    for flag in (*FLAGS, "--window-size=1100,1400", f"--accept-lang={language}"):
        if "imagesEnabled" not in flag:
            options.add_argument(flag)
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options.add_argument("--no-sandbox")
    options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
    if _debian_pair():
        options.binary_location = _debian_pair()[0]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        driver = webdriver.Chrome(options, _service(folder))
        try:
            yield driver
        finally:
            driver.quit()


def wait_for(driver, selector):
    return WebDriverWait(driver, WAIT_S).until(lambda d: d.find_element(By.CSS_SELECTOR, selector))


def open_page(driver, url):
    driver.get(url)
    wait_for(driver, "#recording input[type=file]")
    WebDriverWait(driver, WAIT_S).until(
        lambda d: d.execute_script("return document.documentElement.lang") in ("fr", "en")
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


def in_hex(channels):
    return "#" + "".join(f"{round(channel):02x}" for channel in channels)


def kept(folder):
    """Names of all files below a folder."""
    return [name for _, _, names in os.walk(folder) for name in names]


def test_a_recording_is_answered_and_nothing_else_is_asked_or_kept(url, uploads):
    with open_browser() as driver:
        open_page(driver, url)
        upload(driver, AUDIO / "jardins_partages.mp3")
        told = answer(driver)
        asked = requested(driver)
        assert "jardins_partages.mp3 (0:50)" in told
        assert "Niveau" in told
        assert "Probabilité de chaque niveau" in told
        assert "propositions subordonnées" in told
        marked = [mark.text for mark in driver.find_elements(By.CSS_SELECTOR, "#result mark")]
        assert "canicules." in marked
        assert len(driver.find_elements(By.CSS_SELECTOR, "#result svg")) == 2
        assert len(driver.find_elements(By.CSS_SELECTOR, "#result a[download]")) == 2
    outside = [address for address in asked if not address.startswith((url, "data:", "blob:"))]
    assert outside == []
    assert kept(uploads) == []


def test_the_result_and_the_words_can_be_downloaded(url, tmp_path):
    with open_browser(downloads=tmp_path) as driver:
        open_page(driver, url)
        upload(driver, AUDIO / "kermesse.mp3")
        answer(driver)
        for link in driver.find_elements(By.CSS_SELECTOR, "#result a[download]"):
            link.click()
        WebDriverWait(driver, WAIT_S).until(
            lambda _: {path.suffix for path in tmp_path.iterdir()} == {".json", ".TextGrid"}
        )
    result = json.loads(next(tmp_path.glob("*.json")).read_text(encoding="utf-8"))
    words = read_intervals(next(tmp_path.glob("*.TextGrid")))
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
        open_page(driver, url)
        start_recording(driver)
        time.sleep(12)  # so long it listens
        button = driver.find_element(By.ID, "run")
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
        told = answer(driver)
    assert "école" in told
    assert kept(uploads) == []


def test_a_recording_thrown_away_leaves_the_page_usable(url):
    flags = ("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")
    with open_browser(flags=flags) as driver:
        open_page(driver, url)
        button = driver.find_element(By.ID, "run")
        start_recording(driver)
        WebDriverWait(driver, WAIT_S).until(lambda _: not button.is_enabled())
        driver.find_element(By.CSS_SELECTOR, "#recording button[aria-label='Upload file']").click()
        WebDriverWait(driver, WAIT_S).until(lambda _: button.is_enabled())
        upload(driver, AUDIO / "malo.mp3")
        assert "malo.mp3" in answer(driver)


def test_a_bad_file_gives_a_readable_message_in_both_languages(url, uploads, tmp_path):
    path = tmp_path / "un fichier à moi.mp3"
    path.write_text("Ceci n’est pas un son.\n" * 200, encoding="utf-8")
    for language, told in (("fr", "ce n’est pas un fichier audio lisible"), ("en", "is not audio")):
        with open_browser(language) as driver:
            open_page(driver, url)
            upload(driver, path)
            message = answer(driver)
        assert told in message
        assert str(tmp_path) not in message
        assert "spoken_cefr_page" not in message
    assert kept(uploads) == []


def test_silence_and_nothing_at_all_are_told(url, tmp_path):
    path = tmp_path / "silence.wav"
    soundfile.write(path, np.zeros(5 * 16_000), 16_000)
    with open_browser() as driver:
        open_page(driver, url)
        assert "Choisissez d’abord" in answer(driver)
        open_page(driver, url)
        upload(driver, path)
        assert "il n’y a que du silence" in answer(driver)


def test_the_page_speaks_the_browser_s_language_and_can_be_switched(url):
    with open_browser("en") as driver:
        open_page(driver, url)
        WebDriverWait(driver, WAIT_S).until(lambda d: "Find the level" in d.page_source)
        assert "Which level" in driver.find_element(By.TAG_NAME, "body").text
        assert driver.title.startswith("Which level")
        driver.find_element(By.CSS_SELECTOR, "input[type=radio][value=fr]").click()
        WebDriverWait(driver, WAIT_S).until(
            lambda d: d.find_element(By.ID, "run").text == "Trouver le niveau"
        )
        seen = driver.find_element(By.TAG_NAME, "body").text
        assert "À quel niveau" in seen
        assert "Which level" not in seen
        assert driver.title.startswith("À quel niveau")


def test_an_example_can_be_tried_with_the_keyboard_alone(url, uploads):
    with open_browser() as driver:
        open_page(driver, url)
        choose_first_example(driver)
        button = driver.find_element(By.ID, "run")
        for _ in range(40):
            driver.switch_to.active_element.send_keys(Keys.TAB)
            if driver.switch_to.active_element == button:
                break
        button.send_keys(Keys.ENTER)
        assert "Niveau" in read_answer(driver)
    assert kept(uploads) == []


def test_two_visitors_at_once_each_get_their_own_answer(url, uploads):
    told = {}

    def visit(name):
        with open_browser() as driver:
            open_page(driver, url)
            upload(driver, AUDIO / f"{name}.mp3")
            told[name] = answer(driver)

    visitors = [threading.Thread(target=visit, args=(name,)) for name in ("kermesse", "malo")]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()
    assert "kermesse.mp3" in told["kermesse"]
    assert "fête" in told["kermesse"]
    assert "malo.mp3" in told["malo"]
    assert "fête" not in told["malo"]
    assert kept(uploads) == []


def test_the_same_example_and_the_same_file_are_answered_in_two_tabs(url, uploads):
    with open_browser() as driver:
        tabs = []
        for choose in (choose_first_example, lambda d: upload(d, AUDIO / "malo.mp3")):
            for _ in range(2):
                driver.switch_to.new_window("tab")
                open_page(driver, url)
                choose(driver)
                tabs.append(driver.current_window_handle)
        told = []
        for tab in tabs:  # each has chosen before the first has its answer
            driver.switch_to.window(tab)
            told.append(answer(driver))
    assert [len(row) > 500 and "Niveau" in row for row in told] == [True] * 4
    assert [told[0], told[2]] == [told[1], told[3]]
    assert kept(uploads) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read_and_every_field_is_labelled(url, scheme):
    with open_browser() as driver:
        wish = [{"name": "prefers-color-scheme", "value": scheme}]
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": wish})
        open_page(driver, url)
        upload(driver, AUDIO / "malo.mp3")
        answer(driver)
        time.sleep(0.5)  # the page fades its progress out
        seen = driver.execute_script(TEXT_COLOURS)
        assert len(seen) > 50
        weak = [row for row in seen if contrast(*map(in_hex, row[1:])) < 4.5]
        assert weak == []
        fields = driver.find_elements(By.CSS_SELECTOR, "button, input:not([type=hidden]), a[href]")
        nameless = [
            field.get_attribute("outerHTML")[:120]
            for field in fields
            if field.is_displayed() and not field.accessible_name
        ]
        assert nameless == []


def test_the_server_answers_to_this_machine_s_name_only(url):
    assert requests.get(url, timeout=WAIT_S).status_code == 200
    other = requests.get(
        url, headers={"Host": f"evil.example:{urlsplit(url).port}"}, timeout=WAIT_S
    )
    assert other.status_code == 403
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


def test_a_visitor_is_told_that_a_file_is_too_large(url, uploads, tmp_path):
    path = tmp_path / "large.wav"
    with path.open("wb") as file:
        file.truncate((MAX_UPLOAD_MB + 1) << 20)  # sparse: takes no room
    with open_browser() as driver:
        open_page(driver, url)
        wait_for(driver, "#recording input[type=file]").send_keys(str(path))
        told = f"maximum allowed size of {MAX_UPLOAD_MB}.0 Mb"
        WebDriverWait(driver, WAIT_S).until(
            lambda d: told in d.find_element(By.TAG_NAME, "body").text
        )
    assert kept(uploads) == []


@pytest.mark.parametrize("path", ["../../etc/passwd", "/etc/passwd"])
def test_no_file_of_this_machine_is_given_away(url, path):
    for address in (f"{url}gradio_api/file={path}", f"{url}file={path}"):
        reply = requests.get(address, timeout=WAIT_S)
        assert "root:" not in reply.text
