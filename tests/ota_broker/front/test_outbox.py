"""What leaves in one turn: records first, and no more than a portion waits."""

import asyncio

from ota_broker.front.outbox import AT_ONCE, Outbox


class Sender:
    def __init__(self, happened: list[str]) -> None:
        self._happened = happened

    def write_pending(self) -> None:
        self._happened.append("sent")


async def test_a_turn_s_answers_leave_in_portions_each_after_its_records():
    happened: list[str] = []
    outbox = Outbox(asyncio.get_running_loop(), lambda: happened.append("kept"))
    for _ in range(2 * AT_ONCE + 3):
        outbox.put(Sender(happened))
    portion = ["kept", *["sent"] * AT_ONCE]
    assert happened == portion * 2
    await asyncio.sleep(0)
    assert happened == [*portion * 2, "kept", *["sent"] * 3]


async def test_the_next_turn_begins_anew():
    happened: list[str] = []
    outbox = Outbox(asyncio.get_running_loop(), lambda: happened.append("kept"))
    for _ in range(2):
        outbox.put(Sender(happened))
        await asyncio.sleep(0)
    assert happened == ["kept", "sent"] * 2
