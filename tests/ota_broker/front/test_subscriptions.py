"""The subscription index against the plain rule of `topics.matches`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from front_desk import shelf
from ota_broker.front.delivery import subscriptions
from ota_broker.front.delivery.sessions import Session
from ota_broker.front.delivery.subscriptions import Subscriptions
from ota_broker.front.delivery.topics import matches

names = st.lists(st.sampled_from(["a", "b", "$aws", ""]), min_size=1, max_size=4).map("/".join)
filters = st.lists(st.sampled_from(["a", "b", "$aws", "", "+"]), min_size=1, max_size=4).flatmap(
    lambda levels: st.sampled_from(["/".join(levels), "/".join([*levels, "#"]), "#"])
)


class Model(RuleBasedStateMachine):
    """Whatever is subscribed and unsubscribed, receivers are those whose filters match, once, with the highest QoS."""

    @initialize(hash_takes_parent=st.booleans())
    def begin(self, *, hash_takes_parent: bool):
        self.hash_takes_parent = hash_takes_parent
        self.index = Subscriptions(hash_takes_parent=hash_takes_parent)
        self.sessions = [Session(name, shelf()) for name in "xyz"]
        self.model: dict[tuple[Session, str], int] = {}

    @rule(who=st.integers(0, 2), topic_filter=filters, qos=st.integers(0, 1))
    def put(self, who: int, topic_filter: str, qos: int):
        self.index.put(self.sessions[who], topic_filter, qos)
        self.model[self.sessions[who], topic_filter] = qos

    @rule(data=st.data())
    def delete(self, data: st.DataObject):
        if self.model:
            session, topic_filter = key = data.draw(
                st.sampled_from(sorted(self.model, key=lambda key: (key[0].client_id, key[1])))
            )
            self.index.delete(session, topic_filter)
            del self.model[key]

    @rule(topic=names)
    def ask(self, topic: str):
        expected: dict[Session, int] = {}
        for (session, topic_filter), qos in self.model.items():
            if matches(topic_filter, topic, hash_takes_parent=self.hash_takes_parent):
                expected[session] = max(qos, expected.get(session, 0))
        assert dict(self.index.receivers(topic)) == expected

    @invariant()
    def nothing_is_left_of_what_is_gone(self):
        if not self.model:
            assert not self.index._exact
            assert not self.index._wildcards.children


TestSubscriptions = Model.TestCase


@given(st.lists(names, min_size=4, max_size=8, unique=True))
def test_what_is_remembered_is_bounded(topics: list[str]):
    index, session = Subscriptions(hash_takes_parent=True), Session("s", shelf())
    index.put(session, "#", 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subscriptions, "REMEMBERED_MAX", 3)
        for topic in topics:
            index.receivers(topic)
            assert len(index._remembered) <= 3
