"""The page Streams: files, sizes and requests of each stream, and the block map of each thing that downloads it."""

from itertools import islice
from typing import Any, Final

from ota_stream.api import shapes
from ota_stream.api.calls import Call
from ota_stream.console.outlook import Outlook
from ota_stream.errors import ControlError
from ota_stream.transfers import pictures

ROWS_MAX: Final = 50  # streams shown
MAPS_MAX: Final = 20  # block maps shown


def shown(outlook: Outlook, _: Call) -> dict[str, Any]:
    """Return the streams, the newest first, each with how often it is asked about."""
    transfers, now = outlook.look(), outlook.cloud.clock.wall()
    streams = list(islice(reversed(list(outlook.cloud.catalog)), ROWS_MAX + 1))
    rows: list[dict[str, Any]] = []
    for stream in streams[:ROWS_MAX]:
        traffic = transfers.traffic(stream.stream_id)
        rows.append(
            {
                **shapes.stream(outlook.cloud.arn, stream),
                "requests": 0 if traffic is None else traffic.requests,
                "requestsPerSecond": 0.0 if traffic is None else round(traffic.requests_per_second(now), 1),
                "downloads": 0 if traffic is None else len(traffic.transfers),
            }
        )
    return {"streams": rows, "more": len(streams) > ROWS_MAX}


def stream(outlook: Outlook, call: Call) -> dict[str, Any]:
    """Return a stream with the downloads that began last, or those of things whose name has the query's `thing`.

    Raises:
        ControlError: ResourceNotFoundException.
    """
    transfers, now = outlook.look(), outlook.cloud.clock.wall()
    stream_id, thing = call.path["id"], call.query.get("thing", "")
    known = outlook.cloud.catalog.find(stream_id)
    if known is None:
        raise ControlError("ResourceNotFoundException", 404, f"there is no stream {stream_id[:128]!r}")
    traffic = transfers.traffic(stream_id)
    found = [each for each in transfers.newest(stream_id) if thing in each.thing] if thing else None
    newest = islice(transfers.newest(stream_id) if found is None else found, MAPS_MAX)
    return {
        **shapes.stream(outlook.cloud.arn, known),
        "requests": 0 if traffic is None else traffic.requests,
        "requestsPerSecond": 0.0 if traffic is None else round(traffic.requests_per_second(now), 1),
        "downloads": 0 if traffic is None else len(traffic.transfers),
        "newest": [pictures.shown(each, now) for each in newest],
    }
