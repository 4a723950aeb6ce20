"""What moves is drawn once for all who look, told only when it has changed, and costs nothing while nobody looks."""

import asyncio
import itertools
from contextlib import aclosing

import pytest

from ota_stream.console import live
from ota_stream.console.live import Live
from ota_stream.errors import ControlError


class Easel:
    """What is drawn, and how often it was asked for."""

    def __init__(self) -> None:
        self.picture, self.drawn = b"0", 0
        self.trouble: Exception | None = None

    def __call__(self) -> bytes:
        self.drawn += 1
        if self.trouble is not None:
            raise self.trouble
        return self.picture


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "PUSH_EVERY", 0.005)


async def draws(easel: Easel, more: int) -> None:
    """Wait until it was drawn some more times."""
    until = easel.drawn + more
    async with asyncio.timeout(30):
        while easel.drawn < until:  # noqa: ASYNC110 - it is what is counted that is waited for
            await asyncio.sleep(0.001)


async def test_only_another_picture_is_told():
    easel, shows = Easel(), Live()
    async with aclosing(shows.pictures("a", easel)) as pictures:
        assert await anext(pictures) == b"0"
        await draws(easel, 3)
        easel.picture = b"1"
        assert await anext(pictures) == b"1"


async def test_many_who_look_at_the_same_have_it_drawn_once():
    easel, shows = Easel(), Live()
    looking = [shows.pictures("a", easel) for _ in range(5)]
    assert [await anext(each) for each in looking] == [b"0"] * 5
    assert (shows.lookers, easel.drawn < 5) == (5, True)
    for each in looking:
        await each.aclose()


async def test_who_reads_slowly_gets_the_newest_and_holds_up_nobody():
    easel, shows = Easel(), Live()
    slow, quick = shows.pictures("a", easel), shows.pictures("a", easel)
    assert (await anext(slow), await anext(quick)) == (b"0", b"0")
    for number in range(1, 6):
        easel.picture = b"%d" % number
        assert await anext(quick) == b"%d" % number
    assert await anext(slow) == b"5"
    await slow.aclose()
    await quick.aclose()


async def test_nothing_is_drawn_while_nobody_looks():
    easel, shows = Easel(), Live()
    async with aclosing(shows.pictures("a", easel)) as pictures:
        await anext(pictures)
    assert shows.lookers == 0
    await asyncio.sleep(0)
    drawn = easel.drawn
    other = Easel()
    async with aclosing(shows.pictures("b", other)) as pictures:
        await anext(pictures)
        await draws(other, 3)
    assert easel.drawn == drawn


async def test_all_pictures_together_have_a_share_of_the_time(monkeypatch: pytest.MonkeyPatch):
    spent, waits = itertools.count(0.0, 0.02), list[float]()

    async def wait(seconds: float) -> None:
        waits.append(seconds)
        await asyncio.Event().wait()

    monkeypatch.setattr(live.time, "thread_time", lambda: next(spent))
    monkeypatch.setattr(live.asyncio, "sleep", wait)
    shows = Live()
    async with aclosing(shows.pictures("a", Easel())) as one, aclosing(shows.pictures("b", Easel())) as other:
        assert (await anext(one), await anext(other)) == (b"0", b"0")
    assert waits == pytest.approx([0.02 / live.SHARE_MAX, 2 * 0.02 / live.SHARE_MAX])


@pytest.mark.parametrize("trouble", [ControlError("ResourceNotFoundException", 404, "it is gone"), ValueError("ours")])
async def test_what_is_gone_or_cannot_be_drawn_ends_the_stream(trouble: Exception, caplog: pytest.LogCaptureFixture):
    easel, shows = Easel(), Live()
    async with aclosing(shows.pictures("a", easel)) as pictures:
        await anext(pictures)
        easel.trouble = trouble
        with pytest.raises(StopAsyncIteration):
            await anext(pictures)
    assert ("internal error" in caplog.text) == isinstance(trouble, ValueError)


async def test_closing_ends_all_streams():
    shows = Live()
    async with aclosing(shows.pictures("a", Easel())) as one, aclosing(shows.pictures("b", Easel())) as other:
        assert (await anext(one), await anext(other)) == (b"0", b"0")
        shows.close()
        for pictures in (one, other):
            with pytest.raises(StopAsyncIteration):
                await anext(pictures)


async def test_so_many_may_look_and_no_more(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(live, "LOOKERS_MAX", 1)
    shows = Live()
    shows.make_room()
    async with aclosing(shows.pictures("a", Easel())) as pictures:
        await anext(pictures)
        with pytest.raises(ControlError, match="close some"):
            shows.make_room()
    shows.make_room()
