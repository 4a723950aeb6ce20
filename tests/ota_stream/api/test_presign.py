from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ota_stream.api.presign import Forbidden, Presigner

OURS = Presigner("http://127.0.0.1:4566", b"secret")


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="?#"), min_size=1), st.integers(0, 10**10))
def test_a_url_opens_its_object_until_its_end(path: str, end: int):
    url = urlsplit(OURS.url(path, end))
    assert unquote(url.path)[1:] == path
    OURS.check(path, url.query, end - 1)
    with pytest.raises(Forbidden, match="expired"):
        OURS.check(path, url.query, end)
    with pytest.raises(Forbidden, match="not made"):
        OURS.check(path + "x", url.query, end - 1)
    with pytest.raises(Forbidden, match="not made"):
        Presigner("http://127.0.0.1:4566", b"other").check(path, url.query, end - 1)


@given(st.text())
def test_any_query_is_refused_or_opens_nothing(query: str):
    with pytest.raises(Forbidden):
        OURS.check("bucket/key", query, 0.0)


def test_a_longer_life_cannot_be_written_into_a_url():
    query = urlsplit(OURS.url("b/k", 1000)).query
    with pytest.raises(Forbidden, match="not made"):
        OURS.check("b/k", query.replace("1000", "9999", 1), 2000)


def test_a_url_for_a_thing_says_whose_it_is_and_cannot_be_made_another_s():
    query = urlsplit(OURS.url("b/k", 1000, "door-lock-7")).query
    assert OURS.check("b/k", query, 0) == "door-lock-7"
    assert not OURS.check("b/k", urlsplit(OURS.url("b/k", 1000)).query, 0)
    for other in ("door-lock-8", ""):
        with pytest.raises(Forbidden, match="not made"):
            OURS.check("b/k", query.replace("door-lock-7", other), 0)


def test_an_s3_url_becomes_ours():  # JC-24
    for key in ("app 1.bin", "app%201.bin"):  # a document may quote the key
        url = OURS.resolve(f"https://s3.eu-central-1.amazonaws.com/firmware/{key}", 1000)
        assert url.startswith("http://127.0.0.1:4566/firmware/app%201.bin?Expires=1000&Signature=")
