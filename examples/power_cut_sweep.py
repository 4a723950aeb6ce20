"""Cuts the power of a simulated device at each write to its flash: `python examples/power_cut_sweep.py`."""

from pathlib import Path
from tempfile import TemporaryDirectory

from ota_stream.testing import LocalCloud

IMAGE = bytes(range(256)) * 160 + b"OTA-VERSION:1.0.1"
OLD = b"the factory image"  # how that of a simulated device begins


def main() -> None:
    """Cut at write 1, 2, 3, .. of an update, one device for each, and see what every device makes of it."""
    with TemporaryDirectory() as folder, LocalCloud(Path(folder)) as cloud:
        untroubled = cloud.device("untroubled")
        cloud.create_update(IMAGE, "untroubled")
        untroubled.run()

        cuts = range(1, untroubled.writes + 1)
        update = cloud.create_update(IMAGE, *(f"cut-at-{write}" for write in cuts))
        recovered = updated = again = 0
        for write in cuts:
            device = cloud.device(f"cut-at-{write}", faults=[f"power-cut:write={write}"])
            device.run()
            status = update.status(device.thing)
            updated += status == "SUCCEEDED"
            recovered += status == "SUCCEEDED" and device.runs == IMAGE
            recovered += status == "FAILED" and device.runs.startswith(OLD)
            again += device.fetched - len(IMAGE)
        print(f"recovered {recovered}/{len(cuts)}: {updated} run the new image, the others the old one and said so")
        print(f"{again} bytes fetched again, {again / len(cuts) / len(IMAGE):.0%} of the image for a cut")


if __name__ == "__main__":
    main()
