"""Keys and certificates in a folder: minted on first use, private keys for their owner's eyes only (mode 0600)."""

import os
import re
import secrets
from collections.abc import Callable, Iterable
from hashlib import sha256
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature

from ota_stream.clock import Clock
from ota_stream.errors import ControlError
from ota_stream.signing.keys import (
    KeyPair,
    Validity,
    called,
    certificate,
    mint_ca,
    mint_code_signing,
    mint_server,
    private_key,
)
from ota_stream.signing.platforms import KeyKind
from ota_stream.signing.service import WRONG_KEY
from ota_stream.stores.errors import StoreError

FOLDER: Final = "keys"  # in a data directory
SIGNER: Final = "ota-stream-code-signing-"  # how the names of the simulator's own signing certificates begin
YEARS: Final = 10
_DAY: Final = 86_400.0
_CA: Final = "ota-stream local CA"
_SERVER: Final = "ota-stream server"
SERVER_DAYS: Final = 397  # what TLS stacks that look at it put up with
RENEW_DAYS: Final = 60  # before its end
_NOT_IN_NAME: Final = re.compile(r"[^A-Za-z0-9]+")


class KeyFolder:
    """Key pairs by the name of their certificate (satisfies `signing.keys.KeyStore`).

    `secret` says by this name what a code-signing key follows from, None for nothing but chance.
    """

    def __init__(
        self, folder: Path, clock: Clock, secret: Callable[[str], int | None] = lambda _certificate: None
    ) -> None:
        self._folder = folder
        self._clock = clock
        self._secret = secret

    def get_or_mint(self, certificate: str, kind: KeyKind) -> KeyPair:
        """Return the pair of a certificate's name; the first call mints one, signed by the local CA.

        Raises:
            ControlError: the name is empty.
            StoreError: the folder cannot be read or written.
        """
        if not certificate:
            raise ControlError("ValidationException", 400, "a certificate needs a name or an ARN")
        pair = self._find(certificate)
        if pair is None:
            pair = mint_code_signing(
                _common_name(certificate), kind, self.ca(), self._validity(), self._secret(certificate)
            )
            self._put(certificate, pair)
        return pair

    def ca(self) -> KeyPair:
        """Return the local CA, minted on first use."""
        pair = self._find(_CA)
        if pair is None:
            pair = mint_ca(_CA, KeyKind.ECDSA, self._validity())
            self._put(_CA, pair)
        return pair

    def server(self, names: Iterable[str]) -> tuple[Path, Path]:
        """Return the files of a certificate and its key for a TLS server of these names: host names, IP addresses.

        The pair is minted anew when its end is near, or when it was for other names, or another CA's.

        Raises:
            StoreError: the folder cannot be read or written.
        """
        wanted, ca = frozenset(names), self.ca()
        pair = self._find(_SERVER)
        if pair is None or not self._serves(pair, wanted, ca):
            self._put(_SERVER, mint_server(sorted(wanted), ca, self._validity(SERVER_DAYS)))
        return self._path(_SERVER, "crt"), self._path(_SERVER, "key")

    def _serves(self, pair: KeyPair, names: frozenset[str], ca: KeyPair) -> bool:
        known = certificate(pair.certificate)
        try:
            known.verify_directly_issued_by(certificate(ca.certificate))
        except (InvalidSignature, ValueError):
            return False
        is_pair = known.public_key() == private_key(pair.key).public_key()  # a crash may have parted them
        until = known.not_valid_after_utc.timestamp() - RENEW_DAYS * _DAY
        return is_pair and called(known) == names and self._clock.wall() < until

    def now(self) -> float:
        """Return the time from which a certificate may be good: that of those who will check it."""
        return self._clock.wall()

    def secret(self, name: str) -> bytes:
        """Return 32 random bytes that stay the same over restarts.

        Raises:
            StoreError: the folder cannot be read or written.
        """
        path = self._path(name, "secret")
        try:
            if not path.is_file():
                self._write(path, secrets.token_bytes(32))
            return path.read_bytes()
        except OSError as error:
            raise StoreError(f"{name} cannot be kept in {self._folder}: {error.strerror}") from error

    def show(self, certificate: str, pem: bytes) -> None:
        """Keep a certificate whose key is somebody else's, for devices to hold. Raises StoreError."""
        path = self._path(certificate, "crt")
        try:
            if not path.is_file() or path.read_bytes() != pem:
                self._write(path, pem)
        except OSError as error:
            raise StoreError(f"certificate {certificate!r} cannot be kept in {path}: {error.strerror}") from error

    def certificate_file(self, certificate: str) -> Path:
        """Return where the certificate of this name is, for a device to be given."""
        return self._path(certificate, "crt")

    def _validity(self, days: float = YEARS * 365) -> Validity:
        now = self._clock.wall()
        return Validity(now - _DAY, now + days * _DAY, secrets.randbits(158) + 1)

    def _find(self, name: str) -> KeyPair | None:
        try:
            return KeyPair(self._path(name, "key").read_bytes(), self._path(name, "crt").read_bytes())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"key of {name!r} cannot be read from {self._folder}: {error.strerror}") from error

    def _put(self, name: str, pair: KeyPair) -> None:
        """Write the certificate first: a pair counts only when its key is there too."""
        try:
            for ending, content in (("crt", pair.certificate), ("key", pair.key)):
                self._write(self._path(name, ending), content)
        except OSError as error:
            raise StoreError(f"key of {name!r} cannot be kept in {self._folder}: {error.strerror}") from error

    def _write(self, path: Path, content: bytes) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_secret(path, content)

    def _path(self, name: str, ending: str) -> Path:
        """Name the file so that a person knows it and nothing in the name means anything to the disk (A5)."""
        return (
            self._folder
            / f"{_NOT_IN_NAME.sub('-', name)[-40:].strip('-')}-{sha256(name.encode()).hexdigest()[:8]}.{ending}"
        )


def write_secret(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read, whole or not at all. Raises OSError."""
    aside = path.with_name(f"{path.name}.part")
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
    aside.replace(path)


def signers(data_dir: Path) -> bytes:
    """Return the certificates (PEM) that images are signed for, as far as there are any yet.

    Not the CA's and the server's, which sign no image, nor those of Damage.WRONG_KEY, which no device holds.
    """
    others = tuple(f"{_NOT_IN_NAME.sub('-', name)}-" for name in (_CA, _SERVER, WRONG_KEY))
    found = sorted((data_dir / FOLDER).glob("*.crt"))
    return b"".join(path.read_bytes() for path in found if not path.name.startswith(others))


def _common_name(certificate: str) -> str:
    return certificate.rpartition("/")[2][:64] or certificate[:64]
