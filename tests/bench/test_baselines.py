"""What the simulator is held against answers rightly too, each for a moment; without its tools it is left out."""

import shutil
from pathlib import Path

import pytest

import baselines
from baselines import Missing, compiled
from streams import Case, run

NEEDS = {"C direct": ("cc", "make"), "mosquitto + C": ("cc", "make", "mosquitto"), "plain amqtt": ()}


@pytest.mark.parametrize("target", NEEDS)
@pytest.mark.parametrize("blocks", [1, 8])
async def test_a_baseline_brings_the_right_bytes_and_keeps_a_record_a_request(target: str, blocks: int, capsys):
    if missing := [tool for tool in NEEDS[target] if shutil.which(tool) is None]:
        pytest.skip(f"{' and '.join(missing)} not installed")
    case = Case(3, blocks=blocks, target=target)
    rows = await run([case], rounds=1, seconds=0.05)  # compares every byte and counts every record
    if not rows:
        pytest.skip(capsys.readouterr().err)
    assert rows[case].requests_per_s > 0
    assert rows[case].cpu_per_request > 0


async def test_what_is_missing_is_said_once_and_left_out(monkeypatch: pytest.MonkeyPatch, capsys):
    monkeypatch.setattr(baselines.shutil, "which", lambda *_, **__: None)
    cases = [Case(2, target="C direct"), Case(2, blocks=8, target="C direct"), Case(2, target="mosquitto + C")]
    assert await run(cases, rounds=2, seconds=0.05) == {}
    assert capsys.readouterr().err.splitlines() == [
        "C direct is left out: make is not installed",
        "mosquitto + C is left out: mosquitto is not installed",
    ]


def test_a_program_that_does_not_compile_is_missing(tmp_path: Path):
    if shutil.which("make") is None or shutil.which("cc") is None:
        pytest.skip("make and cc are not installed")
    with pytest.raises(Missing, match="nothing-like-it does not compile"):
        compiled("nothing-like-it", tmp_path)
