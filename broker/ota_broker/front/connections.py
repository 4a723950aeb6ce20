"""The connections of clients, as those see them who have to do with devices by other ways than MQTT."""

from ota_broker.front.access import Identity
from ota_broker.front.codec.packets import Cause
from ota_broker.front.delivery.link import Link
from ota_broker.front.delivery.sessions import Sessions
from ota_stream.diagnosis.conversation import Client


class Connections:
    """Each by the client id of who is connected."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def end(self, client_id: str, *, clean_session: bool, prevent_will: bool) -> bool:
        """End a client's connection, and its session too if that is wanted. False when it is not connected (M5-5)."""
        session = self._sessions.find(client_id)
        if session is None or session.link is None:
            return False
        if prevent_will:
            session.link.will = None
        if clean_session:
            session.session_expiry = 0
        session.link.close(Cause.API_INITIATED, "DeleteConnection was called")
        return True

    def hang_up(self, client_id: str, cause: Cause, reason: str) -> bool:
        """Close a client's connection. False when it is not connected."""
        link = self._link_of(client_id)
        if link is not None:
            link.close(cause, reason)
        return link is not None

    def fall_silent(self, client_id: str) -> bool:
        """Leave a client's connection half open. False when it is not connected."""
        link = self._link_of(client_id)
        if link is not None:
            link.fall_silent()
        return link is not None

    def peer_of(self, client_id: str) -> str | None:
        """Return where a client is connected from, as `host:port`, or None when it is not connected."""
        link = self._link_of(client_id)
        return None if link is None else link.peer

    def identity_of(self, client_id: str) -> Identity | None:
        """Return who a connected client has shown to be, or None when it is not connected."""
        link = self._link_of(client_id)
        return None if link is None else link.identity

    def _link_of(self, client_id: str) -> Link | None:
        session = self._sessions.find(client_id)
        return None if session is None else session.link

    def client_of(self, client_id: str) -> Client | None:
        """Return what a connected client subscribed to and takes, or None when it is not connected."""
        session = self._sessions.find(client_id)
        if session is None or session.link is None:
            return None
        return Client(tuple(session.filters), session.link.packet_max)
