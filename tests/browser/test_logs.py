"""The console's settings and logs in a browser: the steps of AWS's guide to the letter, filters, the live tail."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from live import RawClient
from ota_stream.testing import LocalCloud

At = Callable[[str], str]
HOSTILE = "<script>document.title='owned'</script><b>x"


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[LocalCloud]:
    with LocalCloud(tmp_path, logging=False) as made:
        yield made


def ask(cloud: LocalCloud, client_id: str) -> None:
    """Ask for a stream that is not there: one entry of the log."""
    with RawClient(cloud.mqtt) as device:
        device.connect(client_id)
        device.publish("$aws/things/t/streams/none/get/json", b'{"f":0,"l":512,"n":1}')
        device.messages()


def set_up(page: Page, at: At, name: str = "ota-logging") -> None:
    """Do the steps of the guide, word for word."""
    page.goto(at("logs"))
    page.get_by_role("navigation").get_by_role("link", name="Settings").click()
    expect(page.get_by_role("heading", name="Logs")).to_be_visible()
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Level of verbosity").select_option("Debug")
    page.get_by_role("group", name="Set role").get_by_label("Create new").check()
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Update").click()


def test_logging_is_set_up_by_the_steps_of_the_guide_and_the_log_group_is_there(cloud: LocalCloud, page: Page, at: At):
    ask(cloud, "before")
    page.goto(at("settings"))
    expect(page.get_by_text("not set: nothing is logged")).to_be_visible()
    set_up(page, at)
    expect(page).to_have_url(at("settings"))
    expect(page.get_by_text("role/ota-logging")).to_be_visible()
    expect(page.get_by_text("it may write to the log groups")).to_be_visible()
    ask(cloud, "after")
    assert {entry["clientId"] for entry in cloud.records(action="GetStream")} == {"after"}
    page.get_by_role("navigation").get_by_role("link", name="Logs").click()
    page.get_by_role("link", name=re.compile("AWSIo[tT]LogsV2")).click()
    entry = page.locator("details.entry").filter(has_text="GetStream")
    expect(entry).to_have_count(1)
    page.get_by_role("link", name="turn live tail off").click()
    entry.locator("summary").click()
    expect(entry.locator("pre")).to_contain_text('"clientId": "after"')


def test_a_name_that_is_taken_is_an_error_next_to_its_field(page: Page, at: At, cloud: LocalCloud):
    set_up(page, at)
    expect(page).to_have_url(at("settings"))
    set_up(page, at)
    field = page.get_by_label("Name")
    expect(field).to_have_value("ota-logging")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_role("alert")).to_contain_text("there is a role 'ota-logging' already")
    field.fill("")
    page.get_by_role("button", name="Update").click()
    expect(page.get_by_role("alert")).to_contain_text("Name: enter a unique name")
    assert cloud.http


def test_a_filter_shows_what_fits_and_says_where_it_goes_wrong(cloud: LocalCloud, page: Page, at: At):
    set_up(page, at)
    expect(page).to_have_url(at("settings"))
    for client_id in ("one", "two", "two"):
        ask(cloud, client_id)
    page.goto(at("logs/AWSIotLogsV2"))
    entries = page.locator("details.entry")
    expect(entries).to_have_count(3)
    expect(page.get_by_label("Counters")).to_contain_text("GetStream Failure: 3")
    page.get_by_label("Filter pattern").fill('{ $.clientId = "two" }')
    page.get_by_role("button", name="Filter").click()
    expect(entries).to_have_count(2)
    command = page.get_by_label("Copy as aws command")
    expect(command).to_have_value(re.compile("^aws logs tail .*--filter-pattern '.*two"))
    page.get_by_label("Filter pattern").fill("{ $.clientId = }")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_role("alert")).to_contain_text("Invalid filter pattern")
    expect(page.get_by_role("alert").locator("mark")).to_have_text("}")
    expect(page.get_by_label("Filter pattern")).to_have_value("{ $.clientId = }")
    expect(entries).to_have_count(0)


def test_a_live_tail_shows_what_is_written_until_it_is_turned_off(cloud: LocalCloud, page: Page, at: At):
    set_up(page, at)
    expect(page).to_have_url(at("settings"))
    ask(cloud, "first")
    page.goto(at("logs/AWSIotLogsV2?highlight=third"))
    entries = page.locator("details.entry")
    expect(entries).to_have_count(1)
    ask(cloud, "third")
    expect(entries).to_have_count(2)
    expect(page.locator("details.found")).to_have_count(1)
    page.get_by_role("link", name="turn live tail off").click()
    expect(page.get_by_role("link", name="turn live tail on")).to_be_visible()
    ask(cloud, "fourth")
    expect(entries).to_have_count(2)
    page.get_by_role("link", name="turn live tail on").click()
    expect(entries).to_have_count(3)


def test_script_text_in_a_client_id_stays_text(cloud: LocalCloud, page: Page, at: At):
    set_up(page, at)
    expect(page).to_have_url(at("settings"))
    ask(cloud, HOSTILE)
    page.goto(at("logs/AWSIotLogsV2"))
    expect(page.get_by_text(HOSTILE).first).to_be_visible()
    expect(page.locator("details.entry b, details.entry script")).to_have_count(0)
    expect(page).not_to_have_title("owned")
