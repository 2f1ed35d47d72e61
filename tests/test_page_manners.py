"""Whom the page's server answers; nothing here needs a browser."""

import asyncio

import pytest

pytest.importorskip("gradio")  # brings Starlette

from spoken_cefr.page.manners import FORM_BYTES, Manners, why_refused

HERE = "127.0.0.1:7860"


def status(**headers):
    """Status of the refusal of a request with such headers, None where it is answered."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    refusal = why_refused({"host": HERE, **named}, max_bytes=1000)
    return refusal and refusal[0]


def test_the_page_itself_may_send():
    assert status(origin=f"http://{HERE}") is None
    assert status() is None


@pytest.mark.parametrize(
    "origin",
    ["null", "http://evil.example", "https://127.0.0.1:7860", "http://127.0.0.1:8080", ""],
)
def test_what_a_page_of_another_origin_sends_is_refused(origin):
    assert status(origin=origin) == 403


def test_the_size_of_a_request_is_known_and_limited():
    assert status(content_length="1000") is None
    assert status(content_length="1001") == 413
    assert status(content_length="many") == 411
    assert status(transfer_encoding="chunked") == 411


def answered(path, headers=()):
    """What is sent for one request; the server below says only "hello"."""
    sent = []

    async def hello(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"hello"})

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "path": path, "query_string": b""}
    scope["headers"] = [(b"host", HERE.encode()), *headers]
    asyncio.run(Manners(hello, max_bytes=1000)(scope, None, send))
    return sent[0]["status"], dict(sent[0]["headers"]), sent[1]["body"]


def test_every_answer_binds_the_browser_to_this_server():
    _, headers, body = answered("/theme.css")
    assert body == b"hello"
    assert b"default-src 'self'" in headers[b"content-security-policy"]


def test_a_form_may_be_a_little_longer_than_the_file_in_it():
    length = [(b"content-length", str(1000 + FORM_BYTES).encode())]
    assert answered("/gradio_api/upload", headers=length)[0] == 200
    length = [(b"content-length", str(1001 + FORM_BYTES).encode())]
    assert answered("/gradio_api/upload", headers=length)[0] == 413
