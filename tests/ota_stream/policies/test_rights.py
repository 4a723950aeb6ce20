"""Rights are judged once for each topic, remembered within a bound, and judged anew when something has changed."""

from collections.abc import Callable

import pytest

from ota_stream.policies import defaults, documents, rights
from ota_stream.policies.actions import Action
from ota_stream.policies.principals import Policy
from ota_stream.policies.service import PolicyService
from policy_cases import ARN, PUBLISH, RECEIVE, RETAIN, SUBSCRIBE, Registry, policy, principal, statement

ALLOW = policy(statement("iot:*", "*"))
DENY = policy(statement("iot:*", "*"), statement("iot:Publish", "topic/a", "Deny"))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Action, str]]:
    """What was really judged."""
    seen: list[tuple[Action, str]] = []
    real = rights.judge

    def counting(policies: tuple[Policy, ...], action: Action, name: str, asker: object) -> str | None:
        seen.append((action, name))
        return real(policies, action, name, asker)  # type: ignore[arg-type]

    monkeypatch.setattr(rights, "judge", counting)
    return seen


def admitted(service: PolicyService, certificate_id: str = "c", client_id: str = "d") -> rights.Rights:
    found = service.admit(certificate_id, client_id, "127.0.0.1")
    assert isinstance(found, rights.Rights), found
    return found


def test_a_topic_is_judged_once(asked: list[tuple[Action, str]]):
    client = admitted(PolicyService(Registry(principal("c", ALLOW)), ARN))
    for _ in range(3):
        assert client.publish("a", retain=False) is None
        assert client.receive("a") is None
    assert asked == [(Action.CONNECT, "d"), (PUBLISH, "a"), (RECEIVE, "a")]
    assert client.publish("a", retain=True) is None
    assert asked[3:] == [(RETAIN, "a")]


def test_what_is_remembered_is_bounded():
    client = admitted(PolicyService(Registry(principal("c", DENY)), ARN))
    for number in range(10 * rights.JUDGED_MAX):
        assert client.publish(str(number), retain=False) is None
        assert client.receive(str(number)) is None
    assert len(client._published) <= rights.JUDGED_MAX
    assert len(client._received) <= rights.JUDGED_MAX
    assert client.publish("a", retain=False) is not None


def test_a_change_is_judged_anew_and_only_what_it_changes(asked: list[tuple[Action, str]]):
    registry = Registry(principal("c", ALLOW), principal("x", ALLOW))
    service = PolicyService(registry, ARN)
    client = admitted(service)
    assert client.publish("a", retain=False) is None
    asked.clear()
    registry.known["x"] = principal("x", DENY)
    service.changed()
    assert client.publish("a", retain=False) is None
    assert asked == [], "nothing about this client has changed"
    registry.known["c"] = principal("c", DENY)
    assert client.publish("a", retain=False) is None, "nobody has said so yet"
    service.changed()
    assert client.publish("a", retain=False) == "explicit deny: statement 2 of policy p"
    assert client.receive("a") is None


@pytest.mark.parametrize(
    "ask",
    [
        lambda client: client.stay(),
        lambda client: client.publish("a", retain=False),
        lambda client: client.subscribe("a"),
        lambda client: client.receive("a"),
    ],
)
def test_who_is_gone_may_nothing(ask: Callable[[rights.Rights], str | None]):  # MS-4
    registry = Registry(principal("c", ALLOW))
    service = PolicyService(registry, ARN)
    client = admitted(service)
    assert ask(client) is None
    registry.known["c"] = principal("c", ALLOW, active=False)
    service.changed()
    assert ask(client) == "the certificate c is not ACTIVE"
    del registry.known["c"]
    service.changed()
    assert ask(client) == "the certificate c is not registered"
    registry.known["c"] = principal("c", ALLOW)
    service.changed()
    assert ask(client) is None


def test_a_document_is_read_once_for_all_who_have_it():
    documents.statements.cache_clear()
    registry = Registry(*(principal(str(n), defaults.thing_policy(ARN), thing=f"d{n}") for n in range(100)))
    service = PolicyService(registry, ARN)
    for n in range(100):
        client = admitted(service, str(n), f"d{n}")
        assert client.publish(f"$aws/things/d{n}/jobs/get", retain=False) is None
        assert client.publish(f"$aws/things/d{n + 1}/jobs/get", retain=False) is not None
    assert documents.statements.cache_info().misses == 1


def test_all_rights_are_all_and_note_what_is_done():
    noted: list[tuple[str, Action, str]] = []
    client = rights.AllRights("d", lambda *use: noted.append(use))
    assert client.stay() is None
    for _ in range(3):
        assert client.publish("a", retain=False) is None
        assert client.receive("b") is None
    assert client.publish("a", retain=True) is None
    assert client.subscribe("#") is None
    assert noted == [("d", PUBLISH, "a"), ("d", RECEIVE, "b"), ("d", RETAIN, "a"), ("d", SUBSCRIBE, "#")]
    for number in range(10 * rights.JUDGED_MAX):
        client.publish(str(number), retain=False)
    assert len(noted) == 3 + rights.JUDGED_MAX
