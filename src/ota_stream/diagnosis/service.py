"""Watches each thing's conversation and says what is wrong with it; it never asks, answers or changes anything."""

import itertools
from collections import deque
from collections.abc import Iterable
from typing import Final

from ota_stream.answers import Answer, Refusal, Reply
from ota_stream.diagnosis import jobs, streams
from ota_stream.diagnosis.conversation import Client, Clients, Conversation, Heard, Seen, shown
from ota_stream.diagnosis.kinds import KINDS, Finding
from ota_stream.diagnosis.usual import Usual
from ota_stream.jobs import topics as job_topics
from ota_stream.records import BrokerEvent, BrokerRecord, Record
from ota_stream.streams import topics as stream_topics
from ota_stream.streams.catalog import Catalog

THINGS_MAX: Final = 10_000  # conversations that can be remembered
SILENT: Final = 10.0  # seconds without a request after which a conversation gives way; so long others are ignored
FINDINGS_MAX: Final = 10_000  # findings told; the oldest give way

_DENIED: Final = {
    BrokerEvent.CONNECT: "connect-denied",
    BrokerEvent.PUBLISH_IN: "publish-denied",
    BrokerEvent.SUBSCRIBE: "subscribe-denied",
    BrokerEvent.PUBLISH_OUT: "receive-denied",
}
_NOTIFY_NEXT: Final = "/jobs/notify-next"
_THING: Final = 2  # level of a reserved topic


class Diagnosis:
    """The findings of `things_max` things at a time; of others nothing is heard.

    `clients` tells what a connected client subscribed to.
    """

    def __init__(self, catalog: Catalog, clients: Clients, things_max: int = THINGS_MAX) -> None:
        self.things_max = things_max
        self._catalog = catalog
        self._clients = clients
        self._talks: dict[str, Conversation] = {}
        self._found: dict[tuple[str, str, str], Finding] = {}
        self._order: deque[tuple[str, str, str]] = deque()
        self._numbers = itertools.count(1)
        self._usual = Usual(catalog, clients, self._look)
        self.hear = self._usual.hear
        """Take in a publish to a reserved topic, its client id, what it was answered, and when (epoch seconds)."""

    # What is heard

    def _look(self, topic: str, payload: bytes, client_id: str, outcome: Answer | Refusal | None, now: float) -> None:
        talk = self._talk(_thing(topic) or client_id, now)
        if talk is None:
            self._usual.ignore(topic, now + SILENT)
            return
        talk.hear(topic, payload, client_id, now)
        for seen in self._checked(Heard(now, client_id, topic, payload, outcome), talk):
            self._find(talk.thing, seen, now, topic)
        if isinstance(outcome, Answer):
            self.told(outcome.replies, now)

    def told(self, replies: Iterable[Reply], now: float) -> None:
        """Take in what goes to whoever subscribed."""
        for reply in replies:
            if reply.topic.endswith(_NOTIFY_NEXT):
                job_id, talk = jobs.queued(reply.payload), self._talk(_thing(reply.topic), now)
                if talk is not None:
                    talk.waiting = None if job_id is None else (job_id, now)

    def refused(self, record: Record) -> None:
        """Take in what the front door refused; other records say nothing here."""
        kind = _DENIED.get(record.event) if isinstance(record, BrokerRecord) else None
        if kind is None or not isinstance(record, BrokerRecord):
            return
        about = record.topic or ""
        seen = Seen(kind, f"{shown(about or record.client_id)}: {shown(record.failure)}")
        self._find(record.client_id or _thing(about), seen, record.at, about)

    def on_time(self, now: float) -> None:
        """Look for what should have happened by now."""
        self._usual.tick()
        for talk in self._talks.values():
            if not jobs.waits(talk, now):
                continue
            client = self._clients(talk.client_id or talk.thing)
            if client is None:
                continue
            for seen in jobs.overdue(talk, client, job_topics.notify_next(talk.thing), now):
                self._find(talk.thing, seen, now, seen.what)

    # What is told

    @property
    def unheard(self) -> int:
        """How many messages of things there was no room for were not looked at."""
        return self._usual.unheard

    def heard(self, thing: str | None = None) -> int:
        """How many things have said something that was looked at; of one thing, 1 or 0."""
        return len(self._talks) if thing is None else int(thing in self._talks)

    def findings(self, thing: str | None = None, since: int = 0) -> list[Finding]:
        """Return the findings whose number is above `since`, in the order of their numbers."""
        found = [each for each in self._found.values() if each.number > since and thing in {None, each.thing}]
        return sorted(found, key=lambda each: each.number)

    def _find(self, thing: str, seen: Seen, at: float, about: str) -> None:
        key = (thing, seen.kind, about)
        before = self._found.get(key)
        if before is None:
            if len(self._found) >= FINDINGS_MAX:
                del self._found[self._order.popleft()]
            self._order.append(key)
        kind = KINDS[seen.kind]
        number, times = (next(self._numbers), 1) if before is None else (before.number, before.times + 1)
        self._found[key] = Finding(
            number, at, shown(thing)[1:-1], kind.name, kind.rule, kind.wrong, seen.what, kind.remedy, times
        )

    # How it is heard

    def _checked(self, heard: Heard, talk: Conversation) -> Iterable[Seen]:
        outcome = heard.outcome
        if outcome is None:
            return [Seen("unanswered-topic", shown(heard.topic))]
        if isinstance(outcome, Refusal):
            return [Seen(_refusal(heard.topic), f"{shown(heard.topic)}: {outcome.reason}")]
        client = self._clients(heard.client_id) or Client()
        try:
            stream, job = stream_topics.parse(heard.topic), job_topics.parse(heard.topic)
        except (stream_topics.UnknownTopic, job_topics.UnknownTopic) as unknown:
            return [Seen(_refusal(heard.topic), f"{shown(heard.topic)}: {unknown}")]
        found: list[Seen] = []
        if stream is not None:
            asked = streams.understand(heard, outcome, stream, client, self._catalog)
            found += [seen for check in streams.CHECKS for seen in check(asked, talk)]
            streams.remember(asked, talk)
            if not found:
                self._usual.learn(asked, talk)
        elif job is not None:
            said = jobs.understand(heard, outcome, job, client)
            found += [seen for check in jobs.CHECKS for seen in check(said, talk)]
            jobs.remember(said, talk)
        return found

    def _talk(self, thing: str, now: float) -> Conversation | None:
        """Return a thing's conversation; None when there is no room for one more."""
        talk = self._talks.get(thing)
        if talk is not None:
            return talk
        if len(self._talks) >= self.things_max:
            oldest = self._talks.pop(next(iter(self._talks)))
            if now - oldest.at < SILENT:
                self._talks[oldest.thing] = oldest  # the next newcomer asks the next one
                return None
            for download in oldest.downloads.values():
                download.end()
        talk = self._talks[thing] = Conversation(thing, at=now)
        return talk


def _thing(topic: str) -> str:
    levels = topic.split("/", _THING + 1)
    return levels[_THING] if topic.startswith("$aws/things/") and len(levels) > _THING else ""


def _refusal(topic: str) -> str:
    if "/streams//" in topic:
        return "no-stream-name"
    return "wrong-job-topic" if "/jobs/" in topic else "wrong-topic"
