"""What visitors send and never ask about: it is gone when they break off, or ten minutes later."""

import asyncio
import os
import time

import pytest

pytest.importorskip("gradio")

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect

from spoken_cefr.page import uploads

FORM = (
    b'--b\r\nContent-Disposition: form-data; name="files"; filename="voix.mp3"\r\n'
    b"Content-Type: audio/mpeg\r\n\r\n" + b"v" * 5000
)
END = b"\r\n--b--\r\n"


def send(folder, *, whole, max_bytes=1 << 20):
    """Upload a form that ends, or one whose sender goes away in the middle."""

    async def stream():
        yield FORM
        if not whole:
            raise ClientDisconnect
        yield END

    parser = uploads.route_utils.GradioMultiPartParser(
        Headers({"content-type": "multipart/form-data; boundary=b"}),
        stream(),
        max_files=10,
        max_fields=10,
        max_file_size=max_bytes,
        upload_dir=folder,
    )
    return asyncio.run(parser.parse())


def test_a_whole_upload_is_kept_for_its_request(tmp_path):
    send(tmp_path, whole=True)
    [path] = tmp_path.iterdir()
    assert path.read_bytes() == b"v" * 5000


def test_an_upload_that_is_broken_off_leaves_nothing(tmp_path):
    with pytest.raises(ClientDisconnect):
        send(tmp_path, whole=False)
    assert list(tmp_path.iterdir()) == []


def test_an_upload_that_is_too_large_leaves_nothing(tmp_path):
    with pytest.raises(uploads.route_utils.MultiPartException):
        send(tmp_path, whole=True, max_bytes=1000)
    assert list(tmp_path.iterdir()) == []


def aged(path, age_s):
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"v")
    os.utime(path, (time.time() - age_s,) * 2)
    return path


def test_the_sweep_takes_what_is_old_whole_or_not_and_leaves_what_is_written_to(tmp_path):
    old, part = aged(tmp_path / "a" / "voix.mp3", 700), aged(tmp_path / "tmp1", 700)
    young, growing = aged(tmp_path / "b" / "voix.mp3", 100), aged(tmp_path / "tmp2", 1)
    uploads.sweep(tmp_path, older_than_s=600)
    assert young.exists() and growing.exists()
    assert not part.exists() and not old.parent.exists()


def test_while_the_page_is_served_nothing_abandoned_is_kept_longer_than_promised(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(uploads, "SWEEP_S", 0.05)
    monkeypatch.setattr(uploads, "ABANDONED_S", 0.5)
    path = aged(tmp_path / "a" / "voix.mp3", 0)
    with uploads.sweeping(tmp_path):
        time.sleep(0.1)
        assert path.exists()
        deadline = time.monotonic() + 20
        while path.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
    assert not path.parent.exists()


def test_the_files_of_a_request_are_out_of_the_sweep_s_way_and_gone_when_it_ends(tmp_path):
    folder = tmp_path / "uploads"
    folder.mkdir()
    (tmp_path / "other.mp3").write_bytes(b"o")
    sent = [aged(folder / name / "voix.mp3", 0) for name in ("a", "b")]
    with uploads.taken([*map(str, sent), str(tmp_path / "other.mp3"), "gone"], folder) as files:
        assert list(folder.iterdir()) == []
        assert [file and file.name for file in files] == ["voix.mp3", "voix.mp3", None, None]
        assert [file.read_bytes() for file in files[:2]] == [b"v", b"v"]
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["other.mp3"]
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["uploads"]
