"""The policy of a thing is what OTA agents need; and the policy suggested for one is enough for it."""

import json

import pytest

from device_world import World, firmware
from ota_device.flavours import FLAVOURS, Flavour
from ota_stream.jobs.executions import Status
from ota_stream.policies import defaults
from ota_stream.policies.actions import Action
from ota_stream.policies.judgement import Asker, judge
from ota_stream.policies.principals import Policy, ThingView
from ota_stream.policies.suggestion import least
from ota_stream.policies.usage import Usage
from policy_cases import ARN, CONNECT, PUBLISH, RECEIVE, SUBSCRIBE

DEFAULT = defaults.thing_policy(ARN)
NAME = "dev1"


class Watched(World):
    """A device and a cloud in memory; `used` is what the device needs rights for."""

    def __init__(self, flavour: Flavour) -> None:
        self.used: set[tuple[Action, str]] = {(CONNECT, NAME)}
        super().__init__(flavour)

    def subscribe(self, topic: str, /, *, qos: int) -> None:
        self.used |= {(SUBSCRIBE, topic), (RECEIVE, topic)}
        super().subscribe(topic, qos=qos)

    def publish(self, topic: str, payload: bytes, /, *, qos: int) -> None:
        self.used.add((PUBLISH, topic))
        super().publish(topic, payload, qos=qos)


def denied(policy: Policy, used: set[tuple[Action, str]], thing: str = NAME) -> set[tuple[Action, str]]:
    asker = Asker(ARN, thing, "127.0.0.1", ThingView(thing))
    return {(action, name) for action, name in used if judge([policy], action, name, asker) is not None}


@pytest.mark.parametrize("flavour", FLAVOURS.values(), ids=FLAVOURS)
def test_every_agent_does_an_update_with_least_rights(flavour: Flavour):  # MP-1
    world = Watched(flavour)
    world.offer(firmware())
    world.run_job()
    assert world.execution()[0] is Status.SUCCEEDED
    assert len(world.used) > 4
    assert denied(DEFAULT, world.used) == set()
    assert denied(DEFAULT, world.used, "dev2") == world.used
    usage = Usage()
    for action, name in world.used:
        usage.note(NAME, action, name)
    suggested = Policy("least", json.dumps(least(usage.of(NAME), ARN)))
    assert denied(suggested, world.used) == set()
    assert denied(suggested, {(SUBSCRIBE, f"$aws/things/{NAME}/jobs/#"), (PUBLISH, "a")}) != set()


def test_an_operator_may_everything():
    used = {(action, name) for action in Action for name in ("#", "a", "$aws/things/x/jobs/get")}
    assert denied(defaults.operator_policy(), used) == set()
