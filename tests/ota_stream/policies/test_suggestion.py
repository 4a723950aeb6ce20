"""The least policy allows what was used, by any thing that does the same, and fits into a policy."""

import json
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ota_stream.errors import ControlError
from ota_stream.policies import usage as usages
from ota_stream.policies.actions import Action
from ota_stream.policies.documents import SIZE_MAX, check
from ota_stream.policies.generalised import generalised
from ota_stream.policies.judgement import Asker, judge
from ota_stream.policies.principals import Policy, ThingView
from ota_stream.policies.service import PolicyService
from ota_stream.policies.suggestion import least
from ota_stream.policies.usage import Usage
from policy_cases import ARN, CONNECT, PUBLISH, RECEIVE, RETAIN, SUBSCRIBE, Registry

T = "${iot:Connection.Thing.ThingName}"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("d", T),
        ("a/d/b", f"a/{T}/b"),
        ("a/dd/b", "a/dd/b"),
        ("$aws/things/d/jobs/get", f"$aws/things/{T}/jobs/get"),
        ("$aws/things/d/jobs/get/accepted", f"$aws/things/{T}/jobs/get/accepted"),
        ("$aws/things/d/streams/get/get/json", f"$aws/things/{T}/streams/*/get/json"),
        ("$aws/things/d/jobs/start-next", f"$aws/things/{T}/jobs/start-next"),
        ("$aws/things/d/jobs/j-1/update", f"$aws/things/{T}/jobs/*/update"),
        ("$aws/things/d/jobs/$next/get", f"$aws/things/{T}/jobs/$next/get"),
        ("$aws/things/d/jobs/+/get/accepted", f"$aws/things/{T}/jobs/+/get/accepted"),
        ("$aws/things/d/jobs/notify-next", f"$aws/things/{T}/jobs/notify-next"),
        ("$aws/things/d/streams/s/data/json", f"$aws/things/{T}/streams/*/data/json"),
        ("$aws/things/other/jobs/j-1/update", "$aws/things/other/jobs/j-1/update"),
        ("a/*/?/${x}", "a/${*}/${?}/${$}{x}"),
    ],
)
def test_a_use_is_said_in_the_words_of_every_thing(name: str, expected: str):
    assert generalised(name, "d") == expected


def ota(thing: str, job: str = "j-1") -> list[tuple[Action, str]]:
    """What an agent uses for an update."""
    own = f"$aws/things/{thing}"
    return [
        (CONNECT, thing),
        (SUBSCRIBE, f"{own}/jobs/notify-next"),
        (SUBSCRIBE, f"{own}/streams/{job}/data/cbor"),
        (PUBLISH, f"{own}/jobs/$next/get"),
        (RECEIVE, f"{own}/jobs/$next/get/accepted"),
        (RECEIVE, f"{own}/jobs/notify-next"),
        (PUBLISH, f"{own}/jobs/{job}/update"),
        (RECEIVE, f"{own}/jobs/{job}/update/accepted"),
        (PUBLISH, f"{own}/streams/{job}/get/cbor"),
        (RECEIVE, f"{own}/streams/{job}/data/cbor"),
    ]


def noted(thing: str, uses: Iterable[tuple[Action, str]]) -> Usage:
    usage = Usage()
    for action, name in uses:
        usage.note(thing, action, name)
    return usage


def allows(document: object, thing: str, action: Action, name: str) -> bool:
    text = json.dumps(document, indent=2)
    check(text)
    return judge([Policy("least", text)], action, name, Asker(ARN, thing, "127.0.0.1", ThingView(thing))) is None


def test_the_least_policy_of_an_update_is_that_of_every_thing():
    document = least(noted("lock-7", ota("lock-7")).of("lock-7"), ARN)
    assert all(allows(document, "gate-1", action, name) for action, name in ota("gate-1", "other-job"))
    for action, name in [
        (PUBLISH, "$aws/things/gate-1/jobs/get"),
        (PUBLISH, "$aws/things/lock-7/jobs/$next/get"),
        (SUBSCRIBE, "$aws/things/gate-1/jobs/#"),
        (SUBSCRIBE, "#"),
        (RECEIVE, "a"),
        (RETAIN, "$aws/things/gate-1/jobs/$next/get"),
        (CONNECT, "lock-7"),
    ]:
        assert not allows(document, "gate-1", action, name), (action, name)


LEVELS = st.sampled_from(["d", "a", "$aws", "things", "jobs", "streams", "x" * 40, "*", "?", "${", "}", "get", "é", ""])
NAMES = st.lists(LEVELS, min_size=1, max_size=8).map("/".join)
FILTERS = st.lists(LEVELS | st.sampled_from("+#"), min_size=1, max_size=8).map("/".join)
USES = st.tuples(st.sampled_from([PUBLISH, RECEIVE, RETAIN]), NAMES) | st.tuples(st.just(SUBSCRIBE), FILTERS)


@given(st.lists(USES, max_size=40))
def test_the_least_policy_allows_all_that_was_used(uses: list[tuple[Action, str]]):
    document = least(noted("d", uses).of("d"), ARN)
    if document is None:
        return  # more than fits
    assert len(json.dumps(document, separators=(",", ":"))) <= SIZE_MAX
    for action, name in [*uses, (CONNECT, "d")]:
        assert allows(document, "d", action, name), (action, name)


def test_many_topics_are_said_with_fewer_words():
    document = least(noted("d", [(PUBLISH, f"room/{n}/{'x' * 40}") for n in range(60)]).of("d"), ARN)
    assert document is not None
    assert document["Statement"][1]["Resource"] == [f"{ARN}:topic/room/*"]
    assert least(noted("d", [(PUBLISH, f"{n}{'x' * 60}") for n in range(60)]).of("d"), ARN) is None


def test_usage_is_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(usages, "CLIENTS_MAX", 2)
    usage = Usage()
    for client in ("a", "b", "c"):
        usage.note(client, PUBLISH, "t")
        usage.note(client, PUBLISH, "u")
    assert [len(usage.of(client)) for client in ("a", "b", "c")] == [2, 2, 0]
    assert usage.of("a") is usage.of("b"), "who does the same shares one set"
    for number in range(2 * usages.USES_MAX):
        usage.note("a", PUBLISH, str(number))
    assert len(usage.of("a")) == usages.USES_MAX
    assert (usage.is_whole("a"), usage.is_whole("b")) == (False, True)


def test_a_suggestion_needs_something_to_go_by():
    service = PolicyService(Registry(), ARN)
    with pytest.raises(ControlError, match="Nothing is known of 'd'"):
        service.suggest("d")
    client = service.admit_anybody("d")
    client.publish("a", retain=True)
    assert [each["Action"] for each in service.suggest("d")["Statement"]] == [CONNECT, PUBLISH, RETAIN]
    for number in range(usages.USES_MAX):
        client.publish(str(number), retain=False)
    with pytest.raises(ControlError, match="d uses more topics than one policy can name"):
        service.suggest("d")
