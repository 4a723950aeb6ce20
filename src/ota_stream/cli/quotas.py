"""`ota-stream quotas`: which limits of AWS a running simulator keeps, and how often they were exceeded."""

from ota_stream.cli import tables
from ota_stream.cli.control_client import connect
from ota_stream.cli.endpoints import DataDirOption, EndpointUrlOption
from ota_stream.cli.tables import AsJsonOption
from ota_stream.stores.datadir import DEFAULT


def quotas(
    as_json: AsJsonOption = False, data_dir: DataDirOption = DEFAULT, endpoint_url: EndpointUrlOption = None
) -> None:
    """Show the limits per second that AWS has, and how much was too much since the simulator was started.

    Example: ota-stream quotas
    """
    found = connect(data_dir, endpoint_url).get("quotas")
    if as_json:
        tables.as_json(found)
        return
    rows = [
        (each["name"], each["rule"], each["limit"], each["unit"], each["scope"], each["mode"], each["excess"])
        for each in found["quotas"]
    ]
    tables.rows(("QUOTA", "RULE", "LIMIT", "OF", "FOR EACH", "MODE", "TOO MANY"), rows)
