from hypothesis import given
from hypothesis import strategies as st

from ota_broker.front.wheel import Wheel


class Alarm:
    def __init__(self) -> None:
        self.rang: list[float] = []

    def on_deadline(self, now: float) -> None:
        self.rang.append(now)


moments = st.floats(0, 5000)


@given(st.lists(moments, max_size=20), st.lists(moments, max_size=20).map(sorted))
def test_every_deadline_rings_once_never_early_and_at_most_a_second_late(dues: list[float], turns: list[float]):
    wheel, alarms = Wheel(0.0), [Alarm() for _ in dues]
    for alarm, due in zip(alarms, dues, strict=True):
        wheel.put(alarm, due)
    for now in turns:
        wheel.turn(now)
    for alarm, due in zip(alarms, dues, strict=True):
        late_enough = [now for now in turns if now >= due + 1]
        assert len(alarm.rang) <= 1
        assert all(now >= due for now in alarm.rang)
        if late_enough:
            assert alarm.rang
            assert alarm.rang[0] <= late_enough[0]


def test_a_deleted_deadline_does_not_ring():
    wheel, alarm, other = Wheel(0.0), Alarm(), Alarm()
    second = wheel.put(alarm, 5.0)
    wheel.put(other, 5.0)
    wheel.delete(alarm, second)
    wheel.delete(alarm, second)  # a second time is nothing
    wheel.delete(alarm, 77)
    wheel.turn(10.0)
    assert (alarm.rang, other.rang) == ([], [10.0])


def test_time_that_goes_back_does_not_ring_twice():
    wheel, alarm = Wheel(100.0), Alarm()
    wheel.put(alarm, 50.0)  # already past: the next second
    wheel.turn(101.0)
    wheel.turn(90.0)
    wheel.turn(101.0)
    assert alarm.rang == [101.0]
