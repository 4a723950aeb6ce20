"""Conversations are kept while somebody looks; a fleet at full speed is listened to a little, and then not at all."""

from ota_broker.taped import LOOKS_FOR, Tape
from ota_stream.console.conversations import PER_TICK


class Silent:
    """A cloud that answers nothing."""

    def answer(self, topic: str, payload: bytes, client_id: str, now: float) -> None:
        del topic, payload, client_id, now


class Door:
    """A front door: asks whatever cloud there is at that moment."""

    def __init__(self) -> None:
        self.now = 0.0
        self.plain = Silent()
        self.tape = Tape(lambda: self.now, self.renew)
        self.renew()

    def renew(self) -> None:
        self.cloud = self.tape.over(self.plain)

    def ask(self, many: int) -> None:
        for _ in range(many):
            self.cloud.answer("$aws/x", b"", "c", self.now)


def test_nobody_is_in_the_way_before_the_first_look_and_soon_after_the_last():
    door = Door()
    assert door.cloud is door.plain
    door.tape.look()
    assert door.cloud is not door.plain
    door.now = 10 * LOOKS_FOR
    door.tape.tick(looked_at=True)
    door.now += LOOKS_FOR
    door.tape.tick(looked_at=False)
    assert door.cloud is not door.plain
    door.now += 1
    door.tape.tick(looked_at=False)
    assert door.cloud is door.plain
    assert list(door.tape.look().newest()) == []


def test_nobody_is_in_the_way_when_a_tick_has_had_enough():
    door = Door()
    heard = door.tape.look()
    door.ask(PER_TICK - 1)
    assert door.cloud is not door.plain
    door.ask(5)
    assert door.cloud is door.plain
    assert len(list(heard.newest())) == PER_TICK
    door.tape.tick(looked_at=True)
    door.ask(2)
    assert len(list(heard.newest())) == PER_TICK + 2
