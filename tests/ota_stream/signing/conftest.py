"""Key pairs made once for all tests, and a key store in memory."""

from functools import cache

import pytest

from ota_stream.signing.keys import KeyPair, Validity, mint_ca, mint_code_signing
from ota_stream.signing.platforms import KeyKind
from ota_stream.signing.service import SigningBook, SigningService

NOW = 1_700_000_000.0
VALIDITY = Validity(NOW - 86_400, NOW + 86_400, 4711)


@cache
def ca(kind):
    return mint_ca("ota-stream test CA", kind, VALIDITY)


@cache
def pair(name, kind):
    return mint_code_signing(name, kind, ca(KeyKind.ECDSA), VALIDITY)


class MemoryKeys:
    """A key store that mints on first use; `kept` are pairs somebody has imported."""

    def __init__(self):
        self.kept: dict[str, KeyPair] = {}

    def get_or_mint(self, certificate, kind):
        return self.kept.get(certificate) or pair(certificate, kind)


@pytest.fixture
def keys():
    return MemoryKeys()


@pytest.fixture
def book():
    return SigningBook({}, {}, {})


@pytest.fixture
def service(book, keys):
    numbers = iter(range(1, 1000))
    return SigningService(book, keys, lambda: f"job-{next(numbers)}")


@pytest.fixture(scope="session")
def pairs():
    return {kind: pair(f"signer {kind.value}", kind) for kind in KeyKind}


@pytest.fixture(scope="session")
def cas():
    return {kind: ca(kind) for kind in KeyKind}
