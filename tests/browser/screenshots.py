"""Takes the pictures of the console in docs/img with real devices and a browser. Run by scripts/screenshots."""

import argparse
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from playwright.sync_api import Browser, Page, sync_playwright

from images import image_bytes
from live import RawClient
from ota_stream.testing import LocalCloud, Update

FOLDER: Final = Path(__file__).parents[2] / "docs" / "img"
WIDTH, HEIGHT = 1180, 620
BLOCK: Final = 4096
BLOCKS: Final = 120


def nothing(_: Page) -> None:
    """Take the page as it comes."""


def read_the_first(page: Page) -> None:
    page.locator("details.entry").first.locator("summary").click()


class Shot(NamedTuple):
    """A picture: its name, the page, what is done on it first, the colours, and whether all of it is shown."""

    name: str
    path: Callable[[Update], str]
    prepare: Callable[[Page], None] = nothing
    dark: bool = False
    whole: bool = True


SHOTS: Final = (
    Shot("update", lambda update: f"updates/{update.ota_update_id}"),
    Shot("stream", lambda update: f"streams/{update.stream_id}", dark=True),
    Shot("requests", lambda _: "requests", read_the_first, whole=False),
    Shot("logs", lambda _: "logs/AWSIotLogsV2", whole=False),
)


def work(cloud: LocalCloud, page: Page) -> Update:
    """Have one thing done, one half way and with blocks sent again, one that waits."""
    update = cloud.create_update(image_bytes(BLOCK * BLOCKS), "door-lock-7", "door-lock-8", "valve-3")
    for path in (f"streams/{update.stream_id}", "requests"):  # from the first look on, maps and conversations are kept
        page.goto(f"{cloud.http}/_ota/console/{path}")
    cloud.device("door-lock-7").run()
    with RawClient(cloud.mqtt) as device:
        device.connect("door-lock-8")
        device.publish("$aws/things/door-lock-8/jobs/start-next", b"{}", qos=1)
        for first, many in ((0, 24), (16, 24), (48, 20), (50, 4), (72, 6)):
            asked = b'{"f":0,"l":%d,"o":%d,"n":%d,"c":"lock-8"}' % (BLOCK, first, many)
            device.publish(f"$aws/things/door-lock-8/streams/{update.stream_id}/get/json", asked)
            device.messages()
    return update


def take(browser: Browser, cloud: LocalCloud, folder: Path) -> None:
    page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
    update = work(cloud, page)
    for shot in SHOTS:
        page.emulate_media(color_scheme="dark" if shot.dark else "light")
        page.goto(f"{cloud.http}/_ota/console/{shot.path(update)}?live=off")
        shot.prepare(page)
        page.screenshot(path=folder / f"{shot.name}.png", full_page=shot.whole)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=FOLDER)
    folder: Path = parser.parse_args().output
    folder.mkdir(parents=True, exist_ok=True)
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        parser.error("no chromium: apt-get install chromium")
    with tempfile.TemporaryDirectory() as data, LocalCloud(Path(data)) as cloud, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        take(browser, cloud, folder)
        browser.close()


if __name__ == "__main__":
    main()
