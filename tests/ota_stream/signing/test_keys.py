"""Key pairs: what is minted can sign code, and openssl agrees."""

import subprocess
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from ota_stream.errors import ControlError
from ota_stream.signing import keys
from ota_stream.signing.keys import KeyPair, Validity, mint_code_signing
from ota_stream.signing.platforms import KeyKind
from processes import tool

NOW = 1_700_000_000.0


def pem_of(key):
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def self_signed(key, *extensions, algorithm=None):
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "other")])
    start, end = datetime.fromtimestamp(NOW, UTC), datetime.fromtimestamp(NOW + 60, UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, start, end)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(key, algorithm).public_bytes(serialization.Encoding.PEM)


@pytest.mark.parametrize("kind", KeyKind)
def test_a_minted_pair_belongs_together_and_may_sign_code(pairs, kind):
    pair = pairs[kind]
    key = keys.private_key(pair.key)
    assert keys.kind_of(key) is kind
    assert keys.kind_of(keys.public_key(pair.certificate)) is kind
    assert key.public_key() == keys.public_key(pair.certificate)
    keys.check_code_signing(pair.certificate)


@pytest.mark.parametrize("kind", KeyKind)
def test_validity_and_serial_are_those_given(pairs, cas, kind):
    for pair in (pairs[kind], cas[kind]):
        certificate = keys.certificate(pair.certificate)
        assert certificate.serial_number == 4711
        assert certificate.not_valid_before_utc == datetime.fromtimestamp(NOW - 86_400, UTC)
        assert certificate.not_valid_after_utc == datetime.fromtimestamp(NOW + 86_400, UTC)


@pytest.mark.parametrize("kind", KeyKind)
def test_openssl_follows_the_chain_of_a_minted_certificate(cas, kind, tmp_path):
    leaf = mint_code_signing("signer", kind, cas[kind], Validity(NOW - 60, NOW + 60, 7))
    (tmp_path / "ca.pem").write_bytes(cas[kind].certificate)
    (tmp_path / "leaf.pem").write_bytes(leaf.certificate)
    command = [tool("openssl"), "verify", "-attime", str(int(NOW)), "-CAfile", "ca.pem", "leaf.pem"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "leaf.pem: OK", done.stderr


def test_the_secret_is_not_shown():
    assert "hush" not in repr(KeyPair(b"hush", b"certificate"))


@pytest.mark.parametrize(
    "pem", [b"", b"no key", pem_of(ed25519.Ed25519PrivateKey.generate())[:-40]], ids=["empty", "text", "cut"]
)
def test_what_is_no_key_is_refused(pem):
    with pytest.raises(ControlError, match="not an unencrypted PEM key"):
        keys.private_key(pem)


@pytest.mark.parametrize("key", [ed25519.Ed25519PrivateKey.generate(), ec.generate_private_key(ec.SECP384R1())])
def test_a_key_of_another_kind_is_refused(key):
    with pytest.raises(ControlError, match="neither RSA nor ECDSA on the curve P-256"):
        keys.private_key(pem_of(key))


def test_what_is_no_certificate_is_refused():
    with pytest.raises(ControlError, match="not a PEM certificate"):
        keys.certificate(b"no certificate")


def test_a_certificate_with_a_key_of_another_kind_is_refused():
    with pytest.raises(ControlError, match="neither RSA nor ECDSA"):
        keys.public_key(self_signed(ed25519.Ed25519PrivateKey.generate()))


def test_a_certificate_that_may_not_sign_code_is_refused(cas):
    key = ec.generate_private_key(ec.SECP256R1())
    usage = keys.certificate(cas[KeyKind.ECDSA].certificate).extensions.get_extension_for_class(x509.KeyUsage).value
    server = x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.SERVER_AUTH])
    for extensions in ((), (usage,), (usage, server)):
        with pytest.raises(ControlError, match="may not sign code"):
            keys.check_code_signing(self_signed(key, *extensions, algorithm=hashes.SHA256()))
