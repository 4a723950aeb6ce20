"""Images against signatures and certificates."""

import base64
import subprocess

import pytest
from cryptography.hazmat.primitives import hashes

from device_world import CERTIFICATE, ecdsa, rsa_signer
from images import image_bytes
from ota_device.document import Job, Signature
from ota_device.reasons import Code
from ota_device.verify import Certificates, certificates_of, check
from processes import tool

IMAGE = image_bytes(5000)


def job(algorithm: str | None, text: str = "", **changes) -> Job:
    signature = None if algorithm is None else Signature(algorithm, base64.b64decode(text))
    fields = {"size": len(IMAGE), "certificate": CERTIFICATE, **changes}
    return Job("j", "s", 0, fields["size"], "f", fields["certificate"], signature)


def held(*pems: bytes) -> Certificates:
    return Certificates({CERTIFICATE: b"".join(pems)})


@pytest.mark.parametrize(
    ("algorithm", "signer", "digest"),
    [
        ("sig-sha256-ecdsa", ecdsa, hashes.SHA256()),
        ("sig-sha1-ecdsa", ecdsa, hashes.SHA1()),  # noqa: S303
        ("sig-sha256-rsa", rsa_signer, hashes.SHA256()),
        ("sig-sha1-rsa", rsa_signer, hashes.SHA1()),  # noqa: S303
    ],
)
class TestEveryAlgorithm:
    def test_a_good_signature_is_good(self, algorithm, signer, digest):  # OD-10
        assert check(job(algorithm, signer().sign(IMAGE, digest)), IMAGE, held(signer().pem)) is None

    def test_one_bit_of_the_image_spoils_it(self, algorithm, signer, digest):  # CorruptImageAfterSigning
        spoilt = IMAGE[:-1] + bytes((IMAGE[-1] ^ 1,))
        assert check(job(algorithm, signer().sign(IMAGE, digest)), spoilt, held(signer().pem)) is Code.SIGNATURE

    def test_one_bit_of_the_signature_spoils_it(self, algorithm, signer, digest):  # CorruptSignature
        signature = bytearray(base64.b64decode(signer().sign(IMAGE, digest)))
        signature[-1] ^= 1
        spoilt = base64.b64encode(signature).decode()
        assert check(job(algorithm, spoilt), IMAGE, held(signer().pem)) is Code.SIGNATURE


@pytest.mark.parametrize("algorithm", ["sig-sha256-rsa", "sig-sha1-ecdsa"])
def test_a_signature_under_another_algorithms_key_is_none(algorithm):  # IncorrectSigningAlgorithm
    assert check(job(algorithm, ecdsa().sign(IMAGE)), IMAGE, held(ecdsa().pem)) is Code.SIGNATURE


def test_an_unsigned_image_is_refused():  # UnsignedImage
    assert check(job(None), IMAGE, held(ecdsa().pem)) is Code.SIGNATURE


def test_a_signature_of_another_key_is_refused():  # UntrustedCertificate
    other = ecdsa("other")
    assert check(job("sig-sha256-ecdsa", other.sign(IMAGE)), IMAGE, held(ecdsa().pem)) is Code.SIGNATURE


def test_one_certificate_of_a_bundle_is_enough():
    signed = job("sig-sha256-ecdsa", ecdsa().sign(IMAGE))
    assert check(signed, IMAGE, held(rsa_signer().pem, ecdsa("other").pem, ecdsa().pem)) is None


@pytest.mark.parametrize("size", [len(IMAGE) - 1, len(IMAGE) + 1])
def test_an_image_of_another_size_is_refused(size):
    signed = job("sig-sha256-ecdsa", ecdsa().sign(IMAGE), size=size)
    assert check(signed, IMAGE, held(ecdsa().pem)) is Code.BAD_BLOCK


@pytest.mark.parametrize("name", [None, "", "elsewhere.pem"])
def test_a_certificate_that_is_not_held_is_said_before_the_signature(name):  # 6.4
    assert check(job(None, certificate=name), IMAGE, held(ecdsa().pem)) is Code.CERTIFICATE


@pytest.mark.parametrize("pem", [b"", b"hello", ecdsa().pem[:-80]])
def test_what_is_no_certificate_is_not_held(pem):
    assert certificates_of(pem) == []
    assert check(job(None), IMAGE, held(pem)) is Code.CERTIFICATE


def test_a_name_counts_with_and_without_the_slash_before_it():
    signed = job("sig-sha256-ecdsa", ecdsa().sign(IMAGE), certificate=f"/{CERTIFICATE}")
    assert check(signed, IMAGE, held(ecdsa().pem)) is None


def test_a_certificate_for_anything_answers_to_every_name_but_those_that_are_held():
    certificates = Certificates({"other": ecdsa("other").pem}, anything=ecdsa().pem)
    signature = ecdsa().sign(IMAGE)
    assert check(job("sig-sha256-ecdsa", signature, certificate="any.pem"), IMAGE, certificates) is None
    assert check(job("sig-sha256-ecdsa", signature, certificate="other"), IMAGE, certificates) is Code.SIGNATURE
    assert check(job("sig-sha256-ecdsa", signature, certificate=None), IMAGE, certificates) is Code.CERTIFICATE


def test_what_openssl_signs_is_good(tmp_path):
    openssl, key, pem = tool("openssl"), tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    subprocess.run([*made, "-subj", "/CN=signer", "-keyout", key, "-out", pem], check=True, capture_output=True)
    signing = [openssl, "dgst", "-sha256", "-sign", key]
    signature = subprocess.run(signing, input=IMAGE, check=True, capture_output=True).stdout
    signed = job("sig-sha256-ecdsa", base64.b64encode(signature).decode())
    assert check(signed, IMAGE, held(pem.read_bytes())) is None
