"""The page Requests in a browser: what devices say stays text, and what is read stands still."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from images import image_bytes
from live import RawClient
from ota_stream.testing import LocalCloud

At = Callable[[str], str]
HOSTILE = "<script>document.title='taken'</script><img src=x onerror=alert(1)>"


def test_script_text_in_a_client_id_a_topic_and_a_payload_stays_text(cloud: LocalCloud, page: Page, at: At):
    page.goto(at("requests"))
    said = b'{"f":0,"l":512,"c":"<img src=x onerror=alert(2)>"}'
    with RawClient(cloud.mqtt) as device:
        device.connect(HOSTILE)
        device.publish("$aws/things/dev1/streams/none/get/json", said)
        device.publish(f"$aws/things/{HOSTILE.replace('/', '')}/streams/none/get/json", said)
        device.messages()
    entry = page.locator("details.entry").filter(has_text="EC-6")
    expect(entry).to_contain_text(HOSTILE)
    entry.locator("summary").click()
    expect(entry.get_by_role("figure", name="JSON").first).to_contain_text("<img src=x onerror=alert(2)>")
    expect(page.locator("main script, main img")).to_have_count(0)
    assert page.title() == "Requests - ota-stream"


def test_the_list_stands_still_while_one_is_read_in_json_and_cbor_side_by_side(cloud: LocalCloud, page: Page, at: At):
    image = image_bytes(1000)
    update = cloud.create_update(image, "dev1")
    page.goto(at("requests"))
    page.evaluate("document.addEventListener('htmx:sseBeforeMessage', e => console.log('held', e.defaultPrevented))")
    topic = f"$aws/things/dev1/streams/{update.stream_id}/get/json"
    entries = page.locator("details.entry")
    with RawClient(cloud.mqtt) as device:
        device.connect("dev1")
        device.publish(topic, b'{"f":0,"l":1000,"n":1}')
        device.messages()
        expect(entries).to_have_count(1)
        entries.locator("summary").click()
        block = entries.locator(".sides").nth(1)
        expect(block.get_by_role("figure", name="JSON")).to_contain_text('"l": 1000')
        expect(block.get_by_role("figure", name="CBOR")).to_contain_text(f"h'{image[:32].hex()}'")
        with page.expect_console_message(lambda said: said.text == "held true"):
            device.publish(topic, b'{"f":0,"l":1}')
            device.messages()
        expect(entries).to_have_count(1)
        entries.locator("summary").click()
        expect(entries).to_have_count(2)
    expect(entries.first).to_contain_text("SG-4: The block size is out of bounds")
