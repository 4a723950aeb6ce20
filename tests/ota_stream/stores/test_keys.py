"""Keys are made once, kept for their owner only, and what they sign can be checked with the certificate."""

import stat
from pathlib import Path

import pytest
from cryptography import x509

from live import MovableClock
from ota_stream.errors import ControlError
from ota_stream.signing.keys import called
from ota_stream.signing.platforms import KeyKind
from ota_stream.stores.errors import StoreError
from ota_stream.stores.keys import RENEW_DAYS, SERVER_DAYS, KeyFolder, signers

ARN = "arn:aws:acm:us-east-1:123456789012:certificate/1234"


@pytest.mark.parametrize("kind", list(KeyKind))
def test_a_pair_is_minted_once_and_signed_by_the_local_ca(tmp_path: Path, kind: KeyKind):
    folder = tmp_path / "keys"
    pair = KeyFolder(folder, MovableClock()).get_or_mint(ARN, kind)
    again = KeyFolder(folder, MovableClock())
    assert again.get_or_mint(ARN, kind) == pair
    ca = x509.load_pem_x509_certificate(again.ca().certificate)
    x509.load_pem_x509_certificate(pair.certificate).verify_directly_issued_by(ca)
    assert again.certificate_file(ARN).read_bytes() == pair.certificate


def test_nobody_else_may_read_a_key(tmp_path: Path):  # A22
    folder = tmp_path / "keys"
    KeyFolder(folder, MovableClock()).get_or_mint(ARN, KeyKind.ECDSA)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}
    assert len(list(folder.iterdir())) == 4


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b", "..", "x" * 300, "\0", "A", "a"])
def test_a_name_leads_nowhere(tmp_path: Path, name: str):  # A5
    folder = tmp_path / "keys"
    keys = KeyFolder(folder, MovableClock())
    assert keys.get_or_mint(name, KeyKind.ECDSA) == keys.get_or_mint(name, KeyKind.ECDSA)
    assert keys.certificate_file(name).parent == folder
    assert [path.name for path in tmp_path.iterdir()] == ["keys"]


def test_an_empty_name_and_a_folder_that_is_none_are_refused(tmp_path: Path):
    with pytest.raises(ControlError):
        KeyFolder(tmp_path, MovableClock()).get_or_mint("", KeyKind.ECDSA)
    (tmp_path / "file").touch()
    with pytest.raises(StoreError):
        KeyFolder(tmp_path / "file", MovableClock()).get_or_mint(ARN, KeyKind.ECDSA)


def names_of(cert: Path) -> set[str]:
    return set(called(x509.load_pem_x509_certificate(cert.read_bytes())))


def test_a_server_has_a_certificate_for_its_names_until_they_change(tmp_path: Path):
    keys = KeyFolder(tmp_path / "keys", MovableClock())
    cert, key = keys.server(["localhost", "::1"])
    first = cert.read_bytes()
    assert names_of(cert) == {"localhost", "::1"}
    assert keys.server(["::1", "localhost"])[0].read_bytes() == first
    keys.server(["localhost", "192.168.1.20"])
    assert cert.read_bytes() != first
    assert names_of(cert) == {"localhost", "192.168.1.20"}
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_a_server_certificate_is_renewed_before_its_end(tmp_path: Path):
    clock = MovableClock()
    keys = KeyFolder(tmp_path / "keys", clock)
    first = keys.server(["localhost"])[0].read_bytes()
    clock.move((SERVER_DAYS - RENEW_DAYS - 1) * 86_400)
    assert keys.server(["localhost"])[0].read_bytes() == first
    clock.move(2 * 86_400)
    assert keys.server(["localhost"])[0].read_bytes() != first


def test_a_server_certificate_whose_key_or_ca_was_lost_is_made_anew(tmp_path: Path):
    keys = KeyFolder(tmp_path / "keys", MovableClock())
    cert, key = keys.server(["localhost"])
    first = cert.read_bytes()
    key.write_bytes(keys.get_or_mint("other", KeyKind.ECDSA).key)  # killed between the two
    assert keys.server(["localhost"])[0].read_bytes() != first
    second = cert.read_bytes()
    for path in (tmp_path / "keys").glob("ota-stream-local-CA-*"):
        path.unlink()
    assert keys.server(["localhost"])[0].read_bytes() != second


def test_nothing_of_a_server_signs_images(tmp_path: Path):
    KeyFolder(tmp_path / "keys", MovableClock()).server(["localhost"])
    assert signers(tmp_path) == b""
