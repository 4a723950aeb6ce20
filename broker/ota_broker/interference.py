"""The faults of one simulator, and everything they stand in the way of: answers, packets, downloads, notifications."""

from collections.abc import Callable
from typing import Final

from ota_broker.deeds import Deeds
from ota_broker.disturbance import Disturbance
from ota_broker.faults import FaultyCloud
from ota_broker.front.exchange import Answering
from ota_broker.front.listener import Listener
from ota_broker.front.notices import Notices
from ota_stream.answers import Reply
from ota_stream.api.operated import Operated
from ota_stream.clock import Clock
from ota_stream.faults.desk import FaultDesk, Moment
from ota_stream.faults.fault import Way
from ota_stream.faults.happening import Act
from ota_stream.faults.served import Served
from ota_stream.faults.subject import Subject
from ota_stream.records import Record

_OF_REQUESTS: Final[tuple[Way, ...]] = ("request", "arrival", "answer")


class Interference:
    """While no fault is set, nobody is asked anything: devices have the plain cloud and their connections plain tables.

    `renew_cloud` is called when there are faults and were none, or the other way round; `keep` takes their records.
    """

    def __init__(
        self, seed: int, clock: Clock, renew_cloud: Callable[[], None], keep: Callable[[Record], None]
    ) -> None:
        self.desk = FaultDesk(self._changed, seed)
        self._clock = clock
        self._renew_cloud = renew_cloud
        self._keep = keep
        self._packets = Disturbance(self.desk, clock, keep)
        self._faulty: FaultyCloud  # these three from `stand_between` on
        self._deeds: Deeds
        self._listener: Listener

    def stand_between(self, plain: Answering, operated: Operated, listener: Listener, notices: Notices) -> None:
        """Be told what there is to stand between."""
        self._faulty = FaultyCloud(plain, self.desk, self._clock, self._keep, self._begin)
        self._deeds = Deeds(operated, listener.exchange.connections, notices)
        self._listener = listener

    def over(self, plain: Answering) -> Answering:
        """Return the cloud as devices have it now."""
        return self._faulty if any(map(self.desk.any_of, _OF_REQUESTS)) else plain

    def notifications(self, replies: tuple[Reply, ...]) -> tuple[Reply, ...]:
        """Return what no device asked for, as devices get it."""
        return self._faulty.notifications(replies, self._clock.wall()) if self.desk.any_of("answer") else replies

    def serve(self, download: Subject, served: Served) -> Served:
        """Return what a download over HTTP is answered."""
        if not self.desk.any_of("download"):
            return served
        spoilt, records = self.desk.serve(download, served, Moment(self._clock.wall(), self._clock.monotonic()))
        for record in records:
            self._keep(record)
        return spoilt

    def _begin(self, act: Act) -> None:
        self._deeds.begin(act)

    def _changed(self) -> None:
        self._renew_cloud()
        self._listener.be_disturbed(self._packets if self.desk.any_of("packet") else None)
