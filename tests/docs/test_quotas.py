"""docs/quotas.md: its table of limits is the code's, its YAML can be read, its commands can be given."""

from pathlib import Path

import pytest

from docs.pages import ROOT, code, fenced, table
from ota_broker.config import Settings
from ota_broker.front.metering import quotas
from ota_broker.front.metering.quotas import Mode, Setting
from ota_broker.front.metering.usage import SAY_AGAIN, Usage

PAGE = (ROOT / "docs" / "quotas.md").read_text(encoding="utf-8")


def test_the_page_has_every_quota_with_its_limit_and_its_consequence():
    said = [
        (code(row["quota"])[0], row["rule"], int(row["limit"]), row["of"], row["for each"], row["too many are"])
        for row in table(PAGE, "quota", "limit")
    ]
    assert said == [
        (quota.name, quota.rule, quota.limit, quota.unit, quota.scope.value, quota.excess) for quota in quotas.TABLE
    ]


def test_the_yaml_on_the_page_can_be_read(tmp_path: Path):
    (yaml,) = fenced(PAGE, "yaml")
    file = tmp_path / "quotas.yaml"
    file.write_text(yaml)
    assert quotas.read(str(file)) == {
        "publishes_per_connection": Setting(Mode.ENFORCE),
        "bytes_per_connection": Setting(Mode.ENFORCE, 1_048_576),
        "connects_per_client": Setting(Mode.OFF),
    }


def test_the_page_has_every_way_to_keep_them_and_the_default():
    said = {
        code(row["`--quotas`"])[0]: row["what happens"] for row in table(PAGE, "`--quotas`") if code(row["`--quotas`"])
    }
    assert said.keys() == quotas.PRESETS.keys()
    assert "the default" in said[Settings().quotas]


def test_the_line_on_the_page_is_the_one_that_is_said():
    lines: list[str] = []
    usage = Usage(quotas.PUBLISHES, Setting(), lambda cause, text: lines.append(f"{cause}: {text}"))
    usage.over(57, "door-lock-7 at 127.0.0.1:51234", 0.0)
    assert lines[0] in PAGE
    assert pytest.approx(10.0) == SAY_AGAIN
