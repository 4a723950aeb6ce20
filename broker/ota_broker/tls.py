"""TLS as AWS IoT has it: the server shows a certificate of the local CA, and a client must show one that is registered.

The handshake proves that the client holds the key of a certificate that somebody whom we trust has signed, or that was
registered itself; whether that certificate may come in is asked at CONNECT.
"""

import logging
import ssl
from collections.abc import Iterable, Mapping
from typing import Final

from cryptography import x509

from ota_stream.signing.keys import certificate
from ota_stream.stores.keys import KeyFolder

ALPN: Final = ("x-amzn-mqtt-ca", "mqtt")  # MS-1, MS-2; a client that offers none is let in too
WEB_ALPN: Final = ("http/1.1", "x-amzn-http-ca")
LOCAL: Final = ("localhost", "127.0.0.1", "::1")

log: Final = logging.getLogger("ota_broker")


class Tls:
    """The contexts of a simulator: `devices` for MQTT, where a client certificate is a must; `web` for HTTPS.

    `names` are host names and addresses besides this machine's own. `needs_name`: a handshake without SNI is refused.

    Raises:
        StoreError: the folder of keys cannot be read or written.
    """

    def __init__(self, keys: KeyFolder, names: Iterable[str], *, needs_name: bool = False) -> None:
        files = keys.server({*LOCAL, *names})
        self.devices, self.web = _context(), _context()
        for context in (self.devices, self.web):
            context.load_cert_chain(*files)
        self.devices.set_alpn_protocols(list(ALPN))
        self.web.set_alpn_protocols(list(WEB_ALPN))
        self.devices.verify_mode = ssl.CERT_REQUIRED
        self.devices.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # what is registered needs no CA of its own
        self.devices.load_verify_locations(cadata=keys.ca().certificate.decode())
        if needs_name:
            self.devices.sni_callback = _need_name  # MS-3
        self._ca = certificate(keys.ca().certificate)
        self._authority = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(
            self._ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        )
        self._known: set[str] = set()

    def trust(self, anchors: Mapping[str, str]) -> None:
        """Let in who shows, or was signed by, one of these certificates: PEM by id. Those known before cost nothing.

        A context forgets nothing: who was trusted once still needs to be registered (MS-4).
        """
        for each in anchors.keys() - self._known:
            self._known.add(each)
            try:
                if not self._is_ours(x509.load_pem_x509_certificate(anchors[each].encode())):
                    self.devices.load_verify_locations(cadata=anchors[each])
            except (ssl.SSLError, ValueError) as error:
                log.warning("tls: certificate %s cannot be used: %s", each[:64], error)

    def _is_ours(self, known: x509.Certificate) -> bool:
        """Tell whether our CA, which is trusted, says that it has signed this: no need to search among thousands."""
        try:
            authority = known.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
        except x509.ExtensionNotFound:
            return False
        return known.issuer == self._ca.subject and authority.key_identifier == self._authority.key_identifier


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.num_tickets = 0  # every connection proves its certificate anew, and none leaves a session behind
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION
    return context


def _need_name(tls: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> int | None:  # noqa: ARG001 - ssl's signature
    return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME if name is None else None
