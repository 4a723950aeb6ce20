"""DeleteConnection of the data plane: an operator ends a client's MQTT connection (M5-5)."""

from typing import Final

from ota_stream.answers import Effect
from ota_stream.api.aws.clouded import AwsOperated
from ota_stream.api.aws.given import Given, Shown
from ota_stream.errors import ControlError


def delete_connection(operated: AwsOperated, given: Given) -> tuple[Shown, Effect]:
    """DeleteConnection. Raises ControlError when the client is not connected."""
    client_id = given["clientId"]
    clean, silent = given.get("cleanSession", False), given.get("preventWillMessage", False)
    if not operated.end_connection(client_id, clean, silent):
        raise ControlError("ResourceNotFoundException", 404, f"Client {client_id} is not connected")
    return {}, Effect()


CHANGES: Final = {"DeleteConnection": delete_connection}
