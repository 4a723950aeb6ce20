"""The bench of fleets, with tiny numbers."""

from fleet import DOWNLOADING, UPDATES, WAITING, run
from ota_device.flavours import FLAVOURS


def test_every_case_is_measured_in_a_process_of_its_own():
    rows = run(things=5, seconds=0.3, updated=2)
    assert [(row.what, row.things, row.window, row.failed) for row in rows] == [
        (WAITING, 5, 0, 0),
        (DOWNLOADING, 5, 1, 0),
        (DOWNLOADING, 5, 8, 0),
        *((f"update of {size // 1024} KiB, {name}", 2, FLAVOURS[name].block_count, 0) for name, size in UPDATES),
    ]
    assert all(row.kib_per_thing >= 0 for row in rows)
    assert [row.cpu_per_block > 0 for row in rows] == [False, *[True] * (2 + len(UPDATES))]
