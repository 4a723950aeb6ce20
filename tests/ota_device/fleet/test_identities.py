"""TLS with a certificate for each thing: against a server that demands one."""

import asyncio
import ssl
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from fleet_world import fleet, jobs, traits, until
from ota_device.errors import DeviceError
from ota_device.fleet import identities, thing
from ota_device.fleet.engine import STOPPED


class Authority:
    """A CA that writes certificates and keys into a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"CA {folder.name}")])
        builder = self._builder(self._name, self._key).add_extension(x509.BasicConstraints(True, 0), True)
        (folder / identities.CA).write_bytes(builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM))

    def issue(self, name: str, *, server: bool = False) -> tuple[Path, Path]:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = self._builder(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), key)
        if server:
            names = [x509.DNSName(name), x509.IPAddress(ip_address("127.0.0.1"))]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), False)
        certificate = self._folder / identities.CERTIFICATE.format(thing=name)
        secret = self._folder / identities.KEY.format(thing=name)
        certificate.write_bytes(builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM))
        secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return certificate, secret

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        builder = x509.CertificateBuilder(self._name, subject, key.public_key(), x509.random_serial_number())
        return builder.not_valid_before(datetime(2020, 1, 1, tzinfo=UTC)).not_valid_after(
            datetime(2040, 1, 1, tzinfo=UTC)
        )


async def greeted(folder: Path, names: list[str], ca: Path | None = None, server_name: str | None = None):
    """Run two things against a TLS server that demands certificates; return the fleet and who came.

    Those with `names` have one. With another `ca` they have none, and trust it.
    """
    authority = Authority(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("broker.test", server=True))
    context.load_verify_locations(folder / identities.CA)
    context.verify_mode = ssl.CERT_REQUIRED
    for name in names:
        authority.issue(name)
    made_by = identities.contexts(folder if ca is None else None, ca)
    target = {"context": made_by, "server_name": server_name}
    came: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("peercert")
        came.append(peer["subject"][0][0][1])
        await reader.read(1000)
        writer.write(b"\x20\x02\x00\x00")
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        made = fleet(server.sockets[0].getsockname(), traits(2), give=jobs(), target=target)
        running = asyncio.create_task(made.run())
        await until(lambda: made.tally.connected + sum(made.tally.reasons.values()) == 2)
        made.stop()
        await running
    return made, came


NAMES = ["thing-1", "thing-2"]


@pytest.mark.parametrize("name", [None, "broker.test"])
async def test_each_thing_shows_its_own_certificate(tmp_path: Path, name: str | None):
    made, came = await greeted(tmp_path, NAMES, server_name=name)
    assert dict(made.tally.reasons) == {STOPPED: 2}
    assert sorted(came) == NAMES


async def test_a_thing_without_a_certificate_and_a_broker_of_another_ca_are_told(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(thing, "PATIENCE", 0.3)
    made, came = await greeted(tmp_path, NAMES[:1])
    assert came == NAMES[:1] or not came
    assert "no connection: no usable certificate of the thing in the folder" in made.tally.reasons
    (tmp_path / "other").mkdir()
    Authority(tmp_path / "other")
    made, came = await greeted(tmp_path, [], tmp_path / "other" / identities.CA)
    assert came == []
    assert dict(made.tally.reasons) == {"no connection: TLS: CERTIFICATE_VERIFY_FAILED": 2}


async def test_a_name_that_the_broker_does_not_have_is_refused(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(thing, "PATIENCE", 0.3)
    made, _ = await greeted(tmp_path, NAMES, server_name="evil.test")
    assert dict(made.tally.reasons) == {"no connection: TLS: CERTIFICATE_VERIFY_FAILED": 2}


def test_what_is_missing_is_told_before_the_run(tmp_path: Path):
    with pytest.raises(DeviceError, match=r"^TLS needs the CA"):
        identities.contexts(None, None)
    with pytest.raises(DeviceError, match=r"ca\.pem cannot be used: No such file or directory$"):
        identities.contexts(tmp_path, None)
    Authority(tmp_path).issue("a")
    with pytest.raises(DeviceError, match=r"^1 of 2 things have no certificate in .*, the first is b\.cert\.pem"):
        identities.check(["a", "b"], tmp_path)
    identities.check(["a"], tmp_path)
