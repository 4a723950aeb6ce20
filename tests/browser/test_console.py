"""The console as a person has it: in a browser, with real devices at the other end."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, expect

from images import image_bytes
from live import RawClient
from ota_stream.cli.control_client import ControlClient
from ota_stream.cli.endpoints import Endpoint
from ota_stream.testing import LocalCloud, Outcome

At = Callable[[str], str]
SERIOUS = {"serious", "critical"}
BLOCK = 1000
BLOCKS = 40


def test_a_download_is_seen_as_a_block_map_that_moves(cloud: LocalCloud, page: Page, at: At):
    update = cloud.create_update(image_bytes(BLOCK * BLOCKS), "dev1")
    page.goto(at(f"streams/{update.stream_id}"))
    block_map = page.get_by_role("img", name=re.compile("blocks sent"))
    expect(block_map).to_have_count(0)
    with RawClient(cloud.mqtt) as device:
        device.connect("dev1")

        def ask(first: int, many: int) -> None:
            request = b'{"f":0,"l":%d,"o":%d,"n":%d}' % (BLOCK, first, many)
            device.publish(f"$aws/things/dev1/streams/{update.stream_id}/get/json", request)
            device.messages()

        ask(0, 10)
        expect(block_map).to_have_attribute("aria-label", "10 of 40 blocks sent, 0 more than once")
        ask(5, 10)
        expect(block_map).to_have_attribute("aria-label", "15 of 40 blocks sent, 5 more than once")
        ask(15, 25)
        expect(block_map).to_have_attribute("aria-label", "40 of 40 blocks sent, 5 more than once")
    shapes = block_map.locator("path").evaluate_all("all => all.map(one => one.getAttribute('class'))")
    assert shapes == ["sent", "repeated"]


def test_an_update_is_made_from_an_uploaded_image_and_two_devices_finish(
    cloud: LocalCloud, page: Page, at: At, tmp_path: Path
):
    image = tmp_path / "lock firmware.bin"
    image.write_bytes(image_bytes(100_000))
    page.goto(at("updates"))
    page.get_by_text("Create OTA update").click()
    page.get_by_label("Image").set_input_files(image)
    page.get_by_label("Things or thing groups").fill("dev1 dev2")
    page.get_by_label("Code signing").select_option("ecdsa")
    page.get_by_label("OTA update id").fill("first")
    page.get_by_role("button", name="Create").click()
    expect(page).to_have_url(at("updates/first"))
    expect(page.get_by_role("row", name=re.compile("dev[12]")).filter(has_text="QUEUED")).to_have_count(2)
    with ThreadPoolExecutor(2) as devices:
        ran = [devices.submit(cloud.device(name).run) for name in ("dev1", "dev2")]
        assert [each.result() for each in ran] == [Outcome.SUCCEEDED] * 2
    expect(page.get_by_role("row", name=re.compile("dev[12]")).filter(has_text="SUCCEEDED")).to_have_count(2)
    expect(page.get_by_text("not yet")).to_have_count(0)


def test_what_is_wrong_with_a_form_is_said_and_what_was_entered_stays(
    page: Page, at: At, tmp_path: Path, cloud: LocalCloud
):
    empty = tmp_path / "empty.bin"
    empty.write_bytes(b"")
    page.goto(at("updates"))
    page.get_by_text("Create OTA update").click()
    page.get_by_label("Image").set_input_files(empty)
    page.get_by_label("Things or thing groups").fill("dev1")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("alert")).to_contain_text("choose a file of 1 to")
    expect(page.get_by_label("Things or thing groups")).to_have_value("dev1")
    assert cloud.http


def test_an_update_is_cancelled_and_deleted(cloud: LocalCloud, page: Page, at: At):
    update = cloud.create_update(image_bytes(1000), "dev1")
    page.goto(at(f"updates/{update.ota_update_id}"))
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("alert")).to_contain_text("cancel it first")
    page.get_by_role("button", name="Cancel the job").click()
    expect(page.get_by_role("row", name="dev1")).to_contain_text("CANCELED")
    page.get_by_label("with its stream").check()
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("No OTA update yet.")).to_be_visible()


def test_a_fault_is_set_seen_and_removed(cloud: LocalCloud, page: Page, at: At):
    page.goto(at("faults"))
    page.get_by_role("combobox", name="Fault").select_option("delay")
    page.get_by_label("Attributes").fill("seconds=many")
    page.get_by_role("button", name="Set the fault").click()
    expect(page.get_by_role("alert")).to_contain_text("delay")
    page.get_by_label("Attributes").fill("seconds=2")
    page.get_by_label("Name").fill("slow")
    page.get_by_role("button", name="Set the fault").click()
    expect(page.get_by_role("row", name="slow delay 0")).to_be_visible()
    page.get_by_role("button", name="Remove slow").click()
    expect(page.get_by_text("No fault is set.")).to_be_visible()
    assert cloud.http


def test_time_is_frozen_and_let_pass(cloud: LocalCloud, page: Page, at: At):
    page.goto(at("clock"))
    page.get_by_role("button", name="Freeze").click()
    expect(page.get_by_text("frozen")).to_be_visible()
    before = cloud.clock.now
    page.get_by_label("Seconds").fill("3600")
    page.get_by_role("button", name="Let them pass").click()
    expect(page.get_by_text(re.compile("s of the machine's clock"))).to_be_visible()
    assert cloud.clock.now == before + 3600
    page.get_by_label("Speed").fill("-1")
    page.get_by_role("button", name="Set the speed").click()
    expect(page.get_by_role("alert")).to_contain_text("Speed: use 0 to")


def test_script_text_in_a_client_id_stays_text(cloud: LocalCloud, page: Page, at: At):
    name = "<script>document.title='taken'</script><img src=x onerror=alert(1)>/é"
    with RawClient(cloud.mqtt) as device:
        device.connect(name)
        page.goto(at("things"))
        page.get_by_role("link", name=name).click()
        expect(page.get_by_role("heading", level=1)).to_have_text(f"Thing {name}")
        expect(page.get_by_text("yes, from 127.0.0.1")).to_be_visible()
    assert page.title() == "Thing - ota-stream"


def test_a_running_fleet_is_drawn_as_it_goes(cloud: LocalCloud, page: Page, at: At):
    host, _, port = cloud.http.removeprefix("http://").rpartition(":")
    client = ControlClient(Endpoint(host, int(port)))
    moment = {
        "title": "<b>locks</b>",
        "things": 10,
        "connected": 9,
        "stages": {"downloading": 9, "failed": 1},
        "blocksPerSecond": 5.5,
        "bytesPerSecond": 22_528.0,
        "p50": 0.01,
        "p99": 0.2,
    }
    page.goto(at("fleet"))
    expect(page.get_by_text("No fleet has run.")).to_be_visible()
    for second in (1.0, 2.0):
        client.put("fleets", "f1", body={**moment, "at": second})
    expect(page.get_by_role("heading", name="<b>locks</b>: running, 2 s")).to_be_visible()
    expect(page.get_by_role("img", name="Throughput (blocks/s)")).to_be_visible()


def test_live_is_switched_off(cloud: LocalCloud, page: Page, at: At):
    page.goto(at("updates"))
    page.get_by_role("link", name="turn live off").click()
    expect(page.get_by_text("Live: off")).to_be_visible()
    cloud.create_update(image_bytes(1000), "dev1")
    page.reload()
    expect(page.get_by_role("link", name="update-1")).to_be_visible()
    expect(page.locator("[sse-connect]")).to_have_count(0)


def test_pages_read_without_scripts(cloud: LocalCloud, context: BrowserContext, at: At):
    update = cloud.create_update(image_bytes(1000), "dev1")
    assert context.browser is not None
    plain = context.browser.new_context(java_script_enabled=False).new_page()
    plain.goto(at(f"updates/{update.ota_update_id}"))
    expect(plain.get_by_role("row", name="dev1")).to_contain_text("QUEUED")
    plain.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_has_a_serious_fault_for_those_who_cannot_see_or_point(
    cloud: LocalCloud, page: Page, at: At, scheme: str
):
    update = cloud.create_update(image_bytes(50_000), "dev1")
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.goto(at("streams"))
    cloud.device("dev1").run()
    cloud.faults.add("drop", blocks=1)
    paths = ("updates", f"updates/{update.ota_update_id}", "streams", f"streams/{update.stream_id}", "things")
    for path in (*paths, "things/dev1", "requests", "faults", "clock", "fleet"):
        page.goto(at(path))
        found = Axe().run(page).response["violations"]
        assert [(path, each["id"], each["nodes"]) for each in found if each["impact"] in SERIOUS] == []
