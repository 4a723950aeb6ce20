"""Every fuzz target holds for its seeds, and for each of them cut short, flipped and doubled."""

import logging
from collections.abc import Iterator

import pytest

from fuzz import mqtt_targets
from fuzz.seeds import SEEDS
from fuzz.targets import TARGETS


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(logging.CRITICAL, "ota_broker")
    yield
    mqtt_targets.close()


def test_every_target_has_seeds_and_no_other():
    assert SEEDS.keys() == TARGETS.keys()


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_holds_for_its_seeds_and_what_is_near_them(name: str):
    target = TARGETS[name]
    for seed in [b"", *SEEDS[name]]:
        target(seed)
        target(seed * 2)
        for at in range(0, len(seed), 3):
            target(seed[:at])
            target(seed[:at] + bytes((seed[at] ^ 0x81,)) + seed[at + 1 :])
