"""Certificates of devices: signed by the simulator's own CA, so that a listener can verify them, and known to moto."""

from typing import Final

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from ota_stream.answers import Effect
from ota_stream.api.aws.clouded import AwsOperated
from ota_stream.api.aws.given import Given, Shown
from ota_stream.api.aws.issuing import NAME, Issuer
from ota_stream.api.aws.moto.state import backends_of, check_region

_KEY: Final = "ota-stream key"  # no member of the model: callers cannot send it


def new_key(given: Given) -> Given:
    """Return the request of CreateKeysAndCertificate with a key: RSA, as AWS's is. That takes 0.1 s of a thread."""
    return {**given, _KEY: rsa.generate_private_key(public_exponent=65_537, key_size=2048)}


def create_keys(cloud: AwsOperated, given: Given) -> tuple[Shown, Effect]:
    """CreateKeysAndCertificate, of a request that `new_key` has prepared (JC-20)."""
    key: rsa.RSAPrivateKey = given[_KEY]
    shown = _register(cloud, _issuer(cloud).sign(NAME, key.public_key()), active=bool(given.get("setAsActive")))
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    pair = {"PublicKey": public.decode(), "PrivateKey": private.decode()}
    return {**shown, "keyPair": pair}, Effect()


def create_from_csr(cloud: AwsOperated, given: Given) -> tuple[Shown, Effect]:
    """CreateCertificateFromCsr."""
    pem = _issuer(cloud).answer(given["certificateSigningRequest"])
    return _register(cloud, pem, active=bool(given.get("setAsActive"))), Effect()


def _issuer(cloud: AwsOperated) -> Issuer:
    return Issuer(cloud.keys.ca(), cloud.keys.now())


def _register(cloud: AwsOperated, pem: str, *, active: bool) -> Shown:
    """Have moto know the certificate, for policies and things to be attached to it."""
    check_region("iot", cloud.account, cloud.region)
    registry = backends_of("iot")[cloud.account][cloud.region]
    known = registry.register_certificate_without_ca(pem, "ACTIVE" if active else "INACTIVE")
    return {"certificateArn": known.arn, "certificateId": known.certificate_id, "certificatePem": pem}


CHANGES: Final = {"CreateKeysAndCertificate": create_keys, "CreateCertificateFromCsr": create_from_csr}
ASIDE: Final = {"CreateKeysAndCertificate": new_key}
"""What takes long and changes nothing: done in a thread, before the operation itself."""
