"""What clients really used, in a bounded memory: the stuff that least policies are made of."""

from typing import Final

from ota_stream.policies.actions import Action
from ota_stream.policies.generalised import generalised

CLIENTS_MAX: Final = 20_000  # clients remembered; the ones that came first stay
USES_MAX: Final = 64  # uses remembered of each
_SHARED_MAX: Final = 10_000  # sets of uses kept for who uses the same

Use = tuple[Action, str]
"""An action, and the client, topic or filter in the words of a policy of every thing (`generalised`)."""


class Usage:
    """Remembers uses by client id, as long as the process lives. Devices that do the same share one set."""

    def __init__(self) -> None:
        self._uses: dict[str, frozenset[Use]] = {}
        self._shared: dict[frozenset[Use], frozenset[Use]] = {}
        self._overfull: set[str] = set()

    def note(self, client_id: str, action: Action, name: str) -> None:
        """Remember that a client did something it may do."""
        known = self._uses.get(client_id, _NONE)
        use = (action, generalised(name, client_id))
        if use in known or (not known and len(self._uses) >= CLIENTS_MAX):
            return
        if len(known) >= USES_MAX:
            self._overfull.add(client_id)
            return
        if len(self._shared) >= _SHARED_MAX:
            self._shared.clear()
        uses = known | {use}
        self._uses[client_id] = self._shared.setdefault(uses, uses)

    def of(self, client_id: str) -> frozenset[Use]:
        """Return the uses of a client."""
        return self._uses.get(client_id, _NONE)

    def is_whole(self, client_id: str) -> bool:
        """Tell whether all it used is remembered."""
        return client_id not in self._overfull


_NONE: Final[frozenset[Use]] = frozenset()
