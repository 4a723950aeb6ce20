"""The clients of the broker, for a person to look at. Satisfies `ota_stream.console.outlook.Clients`."""

from collections.abc import Iterator

from ota_broker.front.codec import grants
from ota_broker.front.listener import Listener
from ota_stream.console.outlook import Presence


class Attendance:
    """Reads the sessions of a front door when it is asked."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener

    def find(self, client_id: str) -> Presence | None:
        """Return a client, None when it has no session."""
        session = self._listener.exchange.sessions.find(client_id)
        if session is None:
            return None
        link = session.link
        return Presence(
            client_id,
            None if link is None else link.peer,
            None if link is None else link.identity.certificate_id,
            session.session_expiry,
            {topic_filter: granted & grants.QOS for topic_filter, granted in session.filters.items()},
        )

    def names(self) -> Iterator[str]:
        """Give the ids of all clients with a session; ask for all before others have their turn."""
        return (session.client_id for session in self._listener.exchange.sessions)

    @property
    def connected(self) -> int:
        """How many are connected."""
        return self._listener.connected
