"""Files of stores: the numbers of the same file on disk, and every failure one line with the URL."""

import gzip
import sys
from pathlib import Path

import numpy as np
import pytest

import lossctl
from lossctl.data import remote
from lossctl.data.opening import open_source
from lossctl.data.origin import split
from lossctl.errors import DataError, UsageError

fsspec = pytest.importorskip("fsspec")


@pytest.fixture(params=["small", "large, in ranges", "large, in one stream"])
def any_web(request, web, monkeypatch):
    """A server of files that are fetched in one go, read in ranges, or read as they come."""
    web.ranges = request.param.endswith("ranges")
    if request.param != "small":
        monkeypatch.setattr(remote, "_SMALL", 10)
        monkeypatch.setattr(remote, "_AHEAD", 1000)
    monkeypatch.setattr(remote, "_PAUSES", (0.0, 0.0))
    return web


def read(text, rows=100):
    """Return all numbers of a source."""
    return np.concatenate([np.asarray(block.flat) for block in open_source(text, role="pred").blocks(rows)])


ARRAY = np.random.default_rng(3).random((501, 4))


@pytest.mark.parametrize("kind", ["npy", "fortran.npy", "npy.gz", "csv"])
def test_the_same_numbers_as_on_disk(any_web, kind):
    path = any_web.folder / f"a.{kind}"
    if kind == "csv":
        np.savetxt(path, ARRAY, delimiter=",", fmt="%.17g")
    else:
        with gzip.open(path, "wb") if kind.endswith("gz") else path.open("wb") as file:
            np.save(file, np.asfortranarray(ARRAY) if "fortran" in kind else ARRAY)
    assert read(f"{any_web.url}/a.{kind}").tobytes() == ARRAY.tobytes()
    if kind == "csv":
        assert read(f"{any_web.url}/a.csv::1..2").tobytes() == ARRAY[:, 1:3].tobytes()


def test_memory_and_file(samples):
    pred, target = f"{samples}/boxes_pred.npy", f"{samples}/boxes_target.csv"
    fsspec.filesystem("memory").pipe("/there/pred.npy", Path(pred).read_bytes())
    known = lossctl.evaluate("giou", pred, target).value
    assert lossctl.evaluate("giou", "memory://there/pred.npy", target).value == known
    assert lossctl.evaluate("giou", f"file://{pred}", f"file://localhost{target}::1..4").value == known
    with pytest.raises(DataError, match=r"memory://there/gone\.npy: no such file"):
        lossctl.evaluate("giou", "memory://there/gone.npy", target)
    with pytest.raises(DataError, match=r"memory://there: a folder, expected a file"):
        lossctl.evaluate("giou", "memory://there", target)


def test_a_small_file_is_asked_for_once(web):
    np.save(web.folder / "a.npy", ARRAY)
    read(f"{web.url}/a.npy")
    assert [(command, asked) for command, _, asked in web.asked] == [("HEAD", None), ("GET", None)] * 2


@pytest.mark.parametrize(
    ("faults", "message"),
    [
        ([404] * 9, "no such file"),
        ([403] * 9, "no permission to read it"),
        ([500] * 9, "cannot be read: the server answers 500"),
        (["torn"] * 9, "cannot be read: "),
    ],
)
def test_what_a_server_refuses(any_web, faults, message):
    np.save(any_web.folder / "a.npy", ARRAY)
    any_web.faults = faults
    with pytest.raises(DataError) as caught:
        read(f"{any_web.url}/a.npy?sign=secret")
    assert str(caught.value).startswith(f"{any_web.url}/a.npy?…: {message}")


def test_a_server_that_is_busy_is_asked_again(any_web):
    np.save(any_web.folder / "a.npy", ARRAY)
    any_web.faults = [503, 503]
    assert read(f"{any_web.url}/a.npy").tobytes() == ARRAY.tobytes()


def test_a_range_that_breaks_is_asked_for_again(web, monkeypatch):
    monkeypatch.setattr(remote, "_SMALL", 10)
    monkeypatch.setattr(remote, "_AHEAD", 1000)
    monkeypatch.setattr(remote, "_PAUSES", (0.0, 0.0))
    large = np.random.default_rng(4).random((40_000, 4))
    np.save(web.folder / "a.npy", large)
    source = open_source(f"{web.url}/a.npy", role="pred")
    web.faults = [503, None, 503, 429, None, 500]
    assert np.concatenate([block.flat for block in source.blocks(5000)]).tobytes() == large.tobytes()
    assert not web.faults


def test_a_file_that_changes_while_it_is_read(any_web):
    np.save(any_web.folder / "a.npy", ARRAY)
    source = open_source(f"{any_web.url}/a.npy", role="pred")
    np.save(any_web.folder / "a.npy", ARRAY[:400])
    with pytest.raises(DataError, match=r"a\.npy: the file changed while it was read"):
        list(source.blocks(10))


def test_a_file_that_is_shorter_than_it_says(any_web):
    np.save(any_web.folder / "a.npy", ARRAY)
    content = (any_web.folder / "a.npy").read_bytes()
    (any_web.folder / "a.npy").write_bytes(content[:-8])
    with pytest.raises(DataError, match="expected 16032 bytes of data"):
        read(f"{any_web.url}/a.npy")


def test_a_web_page_is_no_table(web):
    (web.folder / "folder").mkdir()
    with pytest.raises(DataError, match="looks like a web page"):
        read(f"{web.url}/folder/")


def test_what_cannot_be_reached(web, monkeypatch):
    web.stop()
    monkeypatch.setattr(remote, "_PAUSES", (0.0,))
    with pytest.raises(DataError, match=r"a\.npy: cannot be read: "):
        read(f"{web.url}/a.npy")


def test_schemes_that_are_not_opened():
    for url in ("zip://a::b", "reference://x", "simplecache://s3://x", "foo://bar"):
        with pytest.raises(UsageError, match="no known scheme"):
            open_source(url, role="pred")


@pytest.mark.parametrize(
    ("missing", "url", "message", "hint"),
    [
        ("fsspec", "memory://a", "memory://a: lossctl[remote] is not installed", "pip install 'lossctl[remote]'"),
        ("aiohttp", "http://h/a", "http://h/a: http:// needs aiohttp, which is not", "pip install 'lossctl[remote]'"),
        ("s3fs", "s3://b/a", "s3://b/a: s3:// needs s3fs, which is not installed", "pip install s3fs"),
    ],
)
def test_libraries_that_are_not_there(monkeypatch, missing, url, message, hint):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(UsageError) as caught:
        open_source(url, role="pred")
    assert str(caught.value).startswith(message)
    assert caught.value.hint == hint


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://h/a.csv::x1..y2", ("https://h/a.csv", "x1..y2")),
        ("http://[::1]:80/a.csv", ("http://[::1]:80/a.csv", None)),
        ("http://[::1]/a.csv::x", ("http://[::1]/a.csv", "x")),
        ("file:///a/b.csv::x", ("/a/b.csv", "x")),
        ("s3://b/a.npy", ("s3://b/a.npy", None)),
    ],
)
def test_selectors_of_urls(text, expected):
    assert split(text) == expected


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://me:secret@h/a?sign=secret", "https://me:…@h/a?…"),
        ("https://h/a@b:c", "https://h/a@b:c"),
        ("s3://b/a?b.npy", "s3://b/a?b.npy"),
        ("http://h/\x1b[0m", "http://h/\\x1b[0m"),
    ],
)
def test_what_is_shown_of_a_url(url, shown):
    assert remote.told(url) == shown
