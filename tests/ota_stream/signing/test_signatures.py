"""Signatures: what we sign openssl verifies, one wrong bit does not pass, and a custom one has one form."""

import base64
import subprocess

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from images import image_bytes
from ota_stream.errors import ControlError
from ota_stream.signing.platforms import Algorithm, KeyKind
from ota_stream.signing.signatures import custom, sign, text, unwrap, verify
from processes import tool

IMAGE = image_bytes(100_000)


@pytest.mark.parametrize("algorithm", Algorithm)
def test_openssl_verifies_what_we_sign(pairs, algorithm, tmp_path):
    """device-agents 8: the device's check is openssl's."""
    pair = pairs[algorithm.kind]
    (tmp_path / "image").write_bytes(IMAGE)
    (tmp_path / "signature").write_bytes(base64.b64decode(text(sign(IMAGE, pair.key, algorithm))))
    (tmp_path / "certificate.pem").write_bytes(pair.certificate)
    openssl = tool("openssl")
    extract = [openssl, "x509", "-in", "certificate.pem", "-pubkey", "-noout", "-out", "key.pem"]
    subprocess.run(extract, cwd=tmp_path, check=True)
    check = [
        openssl,
        "dgst",
        f"-{algorithm.hash_name.lower()}",
        "-verify",
        "key.pem",
        "-signature",
        "signature",
        "image",
    ]
    done = subprocess.run(check, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "Verified OK", done.stderr
    (tmp_path / "image").write_bytes(IMAGE[:-1] + bytes([IMAGE[-1] ^ 1]))
    assert subprocess.run(check, cwd=tmp_path, capture_output=True, check=False).returncode == 1


@given(image=st.binary(min_size=1, max_size=300), algorithm=st.sampled_from(Algorithm), bit=st.integers(0, 2399))
def test_a_signature_is_good_for_its_image_and_for_no_image_with_one_bit_changed(pairs, image, algorithm, bit):
    pair = pairs[algorithm.kind]
    signature = sign(image, pair.key, algorithm)
    assert verify(image, signature, pair.certificate, algorithm)
    bit %= len(image) * 8
    changed = bytearray(image)
    changed[bit // 8] ^= 1 << bit % 8
    assert not verify(bytes(changed), signature, pair.certificate, algorithm)


@given(image=st.binary(max_size=40), algorithm=st.sampled_from(Algorithm), bit=st.integers(0, 4095))
def test_a_signature_with_one_bit_changed_is_good_for_nothing(pairs, image, algorithm, bit):
    pair = pairs[algorithm.kind]
    signature = bytearray(sign(image, pair.key, algorithm))
    bit %= len(signature) * 8
    signature[bit // 8] ^= 1 << bit % 8
    assert not verify(image, bytes(signature), pair.certificate, algorithm)


@given(image=st.binary(max_size=40), algorithm=st.sampled_from(Algorithm), layers=st.integers(0, 3), ends=st.booleans())
def test_a_custom_signature_has_one_form_however_it_comes(pairs, image, algorithm, layers, ends):
    """control-plane 5: `inlineDocument` reaches the service as DER or as base64 text, once or twice."""
    signature = sign(image, pairs[algorithm.kind].key, algorithm)
    blob = signature
    for _ in range(layers):
        blob = base64.encodebytes(blob) if ends else base64.b64encode(blob)
    assert unwrap(blob) == (signature, layers)
    assert custom(blob) == base64.b64encode(signature).decode()


@pytest.mark.parametrize(
    "blob",
    [
        b"",
        b"TEST",
        b"This is my signature!",
        base64.b64encode(b"neither DER nor RSA"),
        bytes.fromhex("30060201010202"),  # ends in the second INTEGER's head
        bytes.fromhex("3006020101040101"),  # an OCTET STRING
        bytes.fromhex("3006040101020101"),  # first an OCTET STRING
        bytes.fromhex("3007020101020101"),  # another length than it has
        bytes.fromhex("3006020601010101"),  # the first INTEGER is all
        b"\x30" * 145,  # too long for DER
        b"x" * 257,  # no length an RSA signature has
        b"!" * 256,  # text of the length of an RSA signature, and no base64
    ],
)
def test_what_is_no_signature_is_refused(blob):
    assert unwrap(blob) == (blob, None)
    with pytest.raises(ControlError, match="neither DER nor RSA bytes, nor base64"):
        custom(blob)


def test_base64_in_more_than_three_layers_is_refused(pairs):
    blob = sign(IMAGE, pairs[KeyKind.ECDSA].key, Algorithm.SHA256_ECDSA)
    for _ in range(4):
        blob = base64.b64encode(blob)
    assert unwrap(blob)[1] is None


def test_a_long_der_length_is_read():
    """A P-521 signature: its length takes a byte of its own."""
    integer = bytes([0x02, 66, 1]) + b"\xff" * 65
    der = bytes([0x30, 0x81, 2 * len(integer)]) + integer + integer
    assert unwrap(der) == (der, 0)


def test_base64_of_an_rsa_signature_is_not_taken_for_one():
    """Base64 of the signature of a 3072-bit key is as long as one of a 4096-bit key."""
    signature = bytes(range(128, 256)) * 3
    blob = base64.b64encode(signature)
    assert (len(signature), len(blob)) == (384, 512)
    assert unwrap(blob) == (signature, 1)


@pytest.mark.parametrize("algorithm", Algorithm)
def test_a_key_that_does_not_fit_is_refused(pairs, algorithm):
    other = next(kind for kind in KeyKind if kind is not algorithm.kind)
    with pytest.raises(ControlError, match=f"the key is {other.value}, but {algorithm.value} needs"):
        sign(IMAGE, pairs[other].key, algorithm)
    with pytest.raises(ControlError, match=f"the key is {other.value}"):
        verify(IMAGE, b"", pairs[other].certificate, algorithm)


def test_an_image_has_one_signature_and_an_older_openssl_signs_too(pairs, monkeypatch):
    image, pair, algorithm = image_bytes(1000), pairs[KeyKind.ECDSA], Algorithm.SHA256_ECDSA
    assert sign(image, pair.key, algorithm) == sign(image, pair.key, algorithm)
    real = ec.ECDSA

    def older(digest, deterministic_signing=False):
        if deterministic_signing:
            raise UnsupportedAlgorithm("ECDSA with deterministic signing is not supported by this OpenSSL")
        return real(digest)

    monkeypatch.setattr(ec, "ECDSA", older)
    signatures = {sign(image, pair.key, algorithm) for _ in range(2)}
    assert len(signatures) == 2
    assert all(verify(image, each, pair.certificate, algorithm) for each in signatures)
