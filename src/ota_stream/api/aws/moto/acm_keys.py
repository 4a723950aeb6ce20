"""Code-signing keys that somebody imported into ACM: they come first, the simulator's own after them."""

from collections.abc import Callable
from typing import Final

from ota_stream.api.aws.moto.state import MotoState
from ota_stream.signing.keys import KeyPair
from ota_stream.signing.platforms import KeyKind
from ota_stream.stores.keys import KeyFolder

Find = Callable[[str], KeyPair | None]
"""From the name of a certificate to its imported pair, if there is one."""

_PARTS: Final = 6  # arn : partition : acm : region : account : certificate/id


class AcmKeys:
    """A key store (satisfies `signing.keys.KeyStore`) that looks among imported certificates, then in `below`."""

    def __init__(self, below: KeyFolder, find: Find) -> None:
        self._below = below
        self._find = find

    def get_or_mint(self, certificate: str, kind: KeyKind) -> KeyPair:
        """Return the imported pair of this ARN, or what `below` has under the name. Devices may hold either."""
        pair = self._find(certificate)
        if pair is None:
            return self._below.get_or_mint(certificate, kind)
        self._below.show(certificate, pair.certificate)
        return pair


def imported(state: MotoState, arn: str) -> KeyPair | None:
    """Return the pair that was imported into ACM under this ARN, None when none was."""
    parts = arn.split(":")
    if len(parts) != _PARTS or parts[2] != "acm":
        return None
    state.load()
    from moto.acm.models import acm_backends  # noqa: PLC0415 - a second to import, and few need it
    from moto.core.exceptions import JsonRESTError  # noqa: PLC0415 - as above

    try:
        bundle = acm_backends[parts[4]][parts[3]].get_certificate(arn)
    except (JsonRESTError, KeyError):
        return None
    return KeyPair(bundle.key, bundle.cert) if bundle.key else None
