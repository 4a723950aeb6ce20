"""docs/console.md: every page with its path, its bounds, and no other."""

import re

from browser.screenshots import SHOTS
from docs.pages import ROOT, code, table
from ota_broker import taped, taped_calls
from ota_broker.watched import LOOKS_FOR
from ota_stream.console import conversations, fleets, live, logs, requests, site, streams, things, updates
from ota_stream.transfers import pictures, service

PAGE = (ROOT / "docs" / "console.md").read_text(encoding="utf-8")
IMAGE = re.compile(r"!\[[^\]]+\]\((?:docs/)?img/([^)]+)\)")


def test_the_page_has_every_page_of_the_console():
    told = [(row["page"], *code(row["path"])) for row in table(PAGE, "page", "path")]
    assert told == [(each.title, each.path) for each in site.PAGES]


def test_a_page_that_does_something_says_so():
    doing = {row["path"].strip("`") for row in table(PAGE, "page", "does") if row["does"]}
    assert doing == {deed.page for deed in site.DEEDS}


def test_the_limits_are_the_codes():
    text = PAGE.replace("\n", " ")
    for said in (
        f"the newest {updates.ROWS_MAX}",
        f"the newest {logs.SHOWN} entries",
        f"the newest {logs.SCANNED_MAX:,} entries",
        f"the first {things.ROWS_MAX}",
        f"the {streams.MAPS_MAX} downloads",
        f"the last {fleets.FLEETS_MAX} fleets, each with plots of its last {fleets.MOMENTS_MAX} seconds",
        f"more than {pictures.CELLS_MAX} blocks",
        f"The maps of {service.TRANSFERS_MAX:,} downloads in {service.MAPS_MAX // 1024**2} MiB",
        f"At most {live.LOOKERS_MAX} pages",
        f"the newest {requests.ROWS_MAX} conversations",
        f"the first {conversations.REPLIES_MAX} messages",
        f"the first {taped_calls.BODY_MAX // 1024} KiB",
        f"The last {conversations.KEPT_MAX} are kept, {conversations.BYTES_MAX // 1024**2} MiB of them",
        f"more than {conversations.PER_TICK} with devices in a quarter",
        f"with a comment every {site.SIGN_EVERY} s",
        f"until {LOOKS_FOR:.0f} seconds after",
        f"for {site.STILL_FOR / 60:.0f} minutes",
    ):
        assert said in text
    assert taped.LOOKS_FOR == LOOKS_FOR
    assert (live.PUSH_EVERY, live.SHARE_MAX) == (0.5, 0.005)  # twice a second, 0.5 %
    assert service.IDLE == 10


def test_every_picture_is_shown_and_every_one_shown_is_taken_by_the_script():
    shown = {
        name for page in ("README.md", "docs/console.md") for name in IMAGE.findall((ROOT / page).read_text("utf-8"))
    }
    files = {path.name for path in (ROOT / "docs" / "img").iterdir()}
    assert shown == files == {f"{shot.name}.png" for shot in SHOTS}
