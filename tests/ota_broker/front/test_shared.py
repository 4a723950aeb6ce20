"""Shared subscriptions: to whom a message goes, and to whom when that one cannot take it (M5-1)."""

import random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from front_desk import Client, shelf
from ota_broker.front.codec.packets import Violation
from ota_broker.front.delivery import shared
from ota_broker.front.delivery.sessions import Session
from ota_broker.front.delivery.shared import SharedFilter, SharedSubscriptions
from ota_broker.front.delivery.topics import matches


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("a/b", None),
        ("$sharething/a", None),
        ("$share/g/a/+/#", SharedFilter("g", "a/+/#")),
        ("$share/g//", SharedFilter("g", "/")),
        (f"$share/{'n' * 128}/{'t' * 256}", SharedFilter("n" * 128, "t" * 256)),
        (f"$share/g/{'/' * 7}", SharedFilter("g", "/" * 7)),
    ],
)
def test_a_filter_is_taken_apart(text: str, parsed: SharedFilter | None):
    assert shared.parse(text) == parsed


@pytest.mark.parametrize(
    "text",
    [
        *("$share/", "$share/g", "$share/g/", "$share//a", "$share/+/a", "$share/g#/a", "$share/g/a#"),
        *(f"$share/{'n' * 129}/a", f"$share/g/{'t' * 257}", f"$share/g/{'/' * 8}"),
    ],
)
def test_what_is_no_shared_subscription_is_refused(text: str):  # MQTT 5, 4.8.2; M5-1, Q-30
    with pytest.raises(Violation):
        shared.parse(text)


def member(name: str, *, online: bool = True, expiry: float = 0) -> Session:
    session = Session(name, shelf(), session_expiry=expiry)
    session.link = Client() if online else None
    return session


def group(*members: Session, chance: int = 0) -> SharedSubscriptions:
    made = SharedSubscriptions(hash_takes_parent=True, chance=lambda count: chance % count)
    for session in members:
        made.put(session, SharedFilter("g", "t"), 1)
    return made


def taker(made: SharedSubscriptions, qos: int = 1) -> str | None:
    return next((session.client_id for session, *_ in made.receivers("t", qos)), None)


def test_the_member_is_picked_by_chance():
    names = [taker(group(member("a"), member("b"), member("c"), chance=chance)) for chance in range(3)]
    assert names == ["a", "b", "c"]


def test_who_is_away_or_slow_or_may_not_is_passed_over():
    class Denied:
        def receive(self, topic: str) -> str | None:
            return f"no {topic}"

    away, slow, denied, able = member("a", online=False, expiry=9), member("s"), member("d"), member("able")
    assert isinstance(slow.link, Client)
    slow.link.congested = True
    denied.access = Denied()  # type: ignore[assignment]
    for chance in range(4):
        assert taker(group(away, slow, denied, able, chance=chance)) == "able"
    assert taker(group(denied)) == "d", "so that it is withheld from somebody, with a line"
    assert taker(group(away, denied)) == "a"


def test_when_nobody_is_there_one_that_comes_back_keeps_qos_1():
    gone, lasting = member("gone", online=False), member("lasting", online=False, expiry=9)
    assert taker(group(gone, lasting)) == "lasting"
    assert taker(group(gone, lasting), qos=0) is None
    assert taker(group(gone)) is None
    slow = member("slow")
    assert isinstance(slow.link, Client)
    slow.link.congested = True
    assert taker(group(slow)) == "slow", "it has a queue"


names = st.lists(st.sampled_from(["a", "b"]), min_size=1, max_size=3).map("/".join)
filters = st.lists(st.sampled_from(["a", "b", "+"]), min_size=1, max_size=3).flatmap(
    lambda levels: st.sampled_from(["/".join(levels), "/".join([*levels, "#"]), "#"])
)


class Groups(RuleBasedStateMachine):
    """Of every group with a matching filter, one member gets a message: no more, no fewer, no stranger."""

    @initialize(seed=st.integers(0, 2**32))
    def begin(self, seed: int):
        self.groups = SharedSubscriptions(hash_takes_parent=True, chance=random.Random(seed).randrange)  # noqa: S311
        self.sessions = [member(name) for name in "xyz"]
        self.model: dict[SharedFilter, set[Session]] = {}
        self.grants: dict[SharedFilter, int] = {}  # one of its own for each, so that an answer tells its group

    @rule(who=st.integers(0, 2), name=st.sampled_from("gh"), topic_filter=filters)
    def put(self, who: int, name: str, topic_filter: str):
        share = SharedFilter(name, topic_filter)
        grant = self.grants.setdefault(share, len(self.grants))
        self.groups.put(self.sessions[who], share, grant)
        self.model.setdefault(share, set()).add(self.sessions[who])

    @rule(data=st.data())
    def delete(self, data: st.DataObject):
        if self.model:
            share = data.draw(st.sampled_from(sorted(self.model, key=str)))
            session = data.draw(st.sampled_from(sorted(self.model[share], key=lambda each: each.client_id)))
            self.groups.delete(session, share)
            self.model[share].remove(session)
            if not self.model[share]:
                del self.model[share]

    @rule(topic=names)
    def ask(self, topic: str):
        picked = {granted: session for session, granted, _ in self.groups.receivers(topic, 1)}
        matching = [s for s in self.model if matches(s.topic_filter, topic, hash_takes_parent=True)]
        assert picked.keys() == {self.grants[share] for share in matching}
        assert all(picked[self.grants[share]] in self.model[share] for share in matching)

    @invariant()
    def nothing_is_left_of_what_is_gone(self):
        assert len(self.groups) == len(self.model)
        if not self.model:
            assert not self.groups._index._exact
            assert not self.groups._index._wildcards.children


Groups.TestCase.settings = settings(max_examples=60)
TestGroups = Groups.TestCase
