"""The catalogue of scenarios: each is green with a right agent, and red with one that does wrong in what it is about.

The agents of somebody's own are examples/own_agent.py and those in examples/misbehaving.
"""

import importlib.util
import json
import logging
import math
import sys
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from msgspec.structs import replace

from docs.pages import ROOT
from ota_stream.cli.certs import write_identity
from ota_stream.scenarios import scenario as scenarios
from ota_stream.scenarios import stage
from ota_stream.scenarios.agents import Program, SimulatedAgent
from ota_stream.scenarios.scenario import Scenario, Simulated
from ota_stream.scenarios.verdict import Verdict
from ota_stream.testing import LocalCloud

EXAMPLES = ROOT / "examples"
PROGRAM = f"{sys.executable} {EXAMPLES}"
PLACES = "{host} {port} {thing} {flash} {signer}"
SHORT = 2.5  # seconds for a device of ours, and for an agent that is never heard of, to show that it hangs
ENOUGH = 1.0  # seconds for a program to show it once it was heard of, in which a right one is done
LONGER = {"connack-missing": 2.0}  # where a right one too waits for a second

RED = {
    "back-to-back": "boasts",
    "bad-then-good": "believes_everything",
    "block-lost-once": "waits_for_ever",
    "block-size-refused": "counts_answers",
    "blocks-in-reverse": "counts_answers",
    "blocks-one-by-one": "boasts",
    "blocks-shuffled": "counts_answers",
    "cancel-then-update": "deaf_to_the_job",
    "connack-missing": "gives_up",
    "connection-refused-twice": "gives_up",
    "corrupt-image-after-signing": "believes_everything",
    "corrupt-image-before-signing": "believes_everything",
    "corrupt-signature": "believes_everything",
    "created-while-offline": "never_asks",
    "default-data-protocol": "boasts",
    "disconnect-cancel-update": "deaf_to_the_job",
    "disconnect-resume": "gives_up",
    "disconnected": "gives_up",
    "disconnected-again-and-again": "waits_for_ever",
    "duplicate-block": "counts_answers",
    "every-block-twice": "asks_once",
    "every-fifth-block-lost": "waits_for_ever",
    "exactly-one-block": "boasts",
    "file-changes": "counts_answers",
    "first-blocks-lost": "waits_for_ever",
    "first-job-answer-lost": "waits_for_ever",
    "greater-version": "never_asks",
    "greater-version-1-block": "boasts",
    "greater-version-128-blocks": "counts_answers",
    "half-open": "waits_for_ever",
    "http-body-cut-short": "takes_any_answer",
    "http-connection-lost": "takes_any_answer",
    "http-object-changes": "believes_everything",
    "http-only": "boasts",
    "http-range-ignored": "takes_any_answer",
    "http-server-busy": "takes_any_answer",
    "http-wrong-byte": "believes_everything",
    "hung-up-at-connect": "gives_up",
    "hung-up-at-subscribe": "waits_for_ever",
    "image-crashed": "believes_everything",
    "incorrect-signing-algorithm": "believes_everything",
    "job-deleted": "deaf_to_the_job",
    "job-times-out": "deaf_to_the_job",
    "jobs-throttled": "keeps_quiet",
    "large-image": "boasts",
    "last-block-lost": "waits_for_ever",
    "last-block-of-one-byte": "boasts",
    "late-block": "asks_once",
    "long-thing-name": "boasts",
    "missing-filename": "believes_everything",
    "notices-lost": "boasts",
    "presigned-url-expired": "keeps_the_url",
    "previous-version": "believes_everything",
    "puback-missing": "keeps_quiet",
    "report-unanswered": "waits_for_ever",
    "request-never-answered": "waits_for_ever",
    "request-refused-once": "counts_answers",
    "same-version": "believes_everything",
    "seven-day-time-out": "gives_up",
    "single-byte-image": "believes_everything",
    "slow-line": "boasts",
    "stream-deleted": "counts_answers",
    "stream-has-another-version": "counts_answers",
    "suback-missing": "boasts",
    "switch-to-http": "believes_everything",
    "switch-to-mqtt": "believes_everything",
    "told-of-its-own-job": "boasts",
    "told-twice": "never_asks",
    "two-updates-cancel-first": "deaf_to_the_job",
    "two-things": "cuts_its_name",
    "unable-to-connect": "believes_everything",
    "unsigned-image": "believes_everything",
    "untrusted-certificate": "believes_everything",
    "update-denied": "keeps_quiet",
    "updated-while-connected": "waits_for_ever",
    "wrong-block-id": "waits_for_ever",
}
"""Which agent of examples/misbehaving each scenario finds out."""

BY_FLAVOUR = {name for name in scenarios.names() if scenarios.find(name).device.own}
"""Those that are about what a simulated device alone can be told: a flavour that does wrong stands for the agent."""

BLIND_TO_TIME = {"wrong-clock"}
"""Those in which a device that never tells the cloud does right, and one that does not look at the time does wrong."""


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "ota_broker")


class Watched(Program):
    """It counts as over a while after it was heard of first: then it does not matter how long it takes to start."""

    patience = ENOUGH
    _heard: float | None = None

    def start(self, cloud: LocalCloud, thing: str, folder: Path) -> None:
        super().start(cloud, thing, folder)
        self._is_heard = lambda: bool(cloud.records(thing))

    @property
    def is_over(self) -> bool:
        if self._heard is None and self._is_heard():
            self._heard = time.monotonic()
        return super().is_over or (self._heard is not None and time.monotonic() > self._heard + self.patience)


def agent_for(scenario: Scenario, program: str, kind: type[Program] = Program) -> Any:
    """Return an agent of examples/ that has the data protocols a scenario is for."""
    speaks = scenario.speaks or ("MQTT",)
    return kind(f"{PROGRAM}/{program}.py {PLACES} {','.join(speaks)}", speaks)


def wrong_agent(name: str, scenario: Scenario) -> Watched:
    """Return the one that a scenario finds out."""
    agent = agent_for(scenario, f"misbehaving/{RED[name]}", Watched)
    agent.patience = LONGER.get(name, ENOUGH)
    return agent


def broken_flavour() -> Any:
    spec = importlib.util.spec_from_file_location("flavours", EXAMPLES / "misbehaving" / "flavours.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.KEEPS_QUIET


def test_there_are_forty_at_least_and_each_has_an_agent_that_it_finds_out():
    assert len(scenarios.names()) >= 40
    assert RED.keys() | BY_FLAVOUR == set(scenarios.names())
    agents = {path.stem for path in (EXAMPLES / "misbehaving").glob("*.py")} - {"flavours"}
    assert set(RED.values()) == agents


@pytest.mark.parametrize("name", scenarios.names())
def test_a_right_agent_is_as_it_should_be(name: str):
    scenario = scenarios.find(name)
    result = stage.play(name, scenario, lambda: SimulatedAgent(scenario, "freertos"), write_identity)
    assert [check for check in result.checks if not check.is_met] == [], result.lines
    assert len(result.checks) >= 2


@pytest.mark.parametrize("name", RED)
def test_an_agent_that_does_wrong_is_found_out(name: str):
    scenario = scenarios.find(name)
    limit = SHORT if RED[name] == "never_asks" else stage.LIMIT
    result = stage.play(name, scenario, lambda: wrong_agent(name, scenario), write_identity, limit)
    assert result.verdict is Verdict.MISSED, result.checks


def test_an_update_that_ended_as_it_should_not_is_not_waited_for():
    scenario = scenarios.find("same-version")
    agent = agent_for(scenario, "misbehaving/believes_everything")
    result = stage.play("same-version", scenario, agent.again, write_identity, math.inf)
    assert result.verdict is Verdict.MISSED


@pytest.mark.parametrize("name", sorted(BY_FLAVOUR - BLIND_TO_TIME))
def test_a_flavour_that_does_wrong_is_found_out(name: str):
    scenario = scenarios.find(name)
    result = stage.play(name, scenario, lambda: SimulatedAgent(scenario, broken_flavour()), write_identity, SHORT)
    assert result.verdict is Verdict.MISSED, result.checks


@pytest.mark.parametrize("name", sorted(BLIND_TO_TIME))
def test_a_device_that_does_not_look_at_the_dates_of_a_certificate_is_found_out(name: str):
    scenario = scenarios.find(name)
    blind = replace(scenario, device=Simulated())  # whatever the time is: that is what it does
    result = stage.play(name, scenario, lambda: SimulatedAgent(blind, "freertos"), write_identity, SHORT)
    assert result.verdict is Verdict.MISSED, result.checks


@pytest.mark.parametrize("name", RED)
def test_an_agent_of_ones_own_is_put_to_it(name: str):
    scenario = scenarios.find(name)
    agent = agent_for(scenario, "own_agent")
    assert not agent.unfit(scenario)
    result = stage.play(name, scenario, agent.again, write_identity)
    assert [check for check in result.checks if not check.is_met] == [], result.lines


def test_the_published_schema_is_that_of_the_code_and_takes_the_catalogue():
    published = (ROOT / "docs" / "scenario.schema.json").read_text(encoding="utf-8")
    schema = json.loads(json.dumps(scenarios.schema()))
    assert json.loads(published) == schema
    takes = jsonschema.Draft202012Validator(schema)
    takes.check_schema(schema)
    for name in scenarios.names():
        takes.validate(yaml.safe_load(scenarios.text(name)))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title: [", "it is not YAML"),
        ("title: t\nwhy: w\nupdates: []", "length >= 1"),
        ("title: t\nwhy: w\nupdates: [{}]\nruns: 2", "runs: there are 1 updates"),
        ("title: t\nwhy: w\nupdates: [{when: later}]", "later"),
        ("title: t\nwhy: w\nupdates: [{}]\nfaults: [{fault: explode}]", "explode"),
        ("title: t\nwhy: w\nupdates: [{}]\nrequests: {GetStream: many}", "write 7, 3-9 or 3-"),
        ("title: t\nwhy: w\nupdates: [{}]\ncolour: red", "colour"),
    ],
)
def test_what_is_no_scenario_is_one_clear_line(text: str, said: str):
    with pytest.raises(scenarios.ScenarioError) as error:
        scenarios.read(text)
    assert said in str(error.value)
    assert "\n" not in str(error.value)
