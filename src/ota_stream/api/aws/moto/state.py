"""What moto remembers, kept in a file beside our own state: buckets, roles, things, certificates outlive a restart.

The file holds moto's own objects and is therefore bound to moto's version: of another version nothing is read, and
that is said.
"""

import io
import logging
import os
import pickle
import threading
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from ota_stream.errors import ControlError
from ota_stream.stores.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

logger: Final = logging.getLogger(__name__)

ACCOUNT: Final = "123456789012"
FILE: Final = "moto.state"  # in a data directory
UNSAVED: Final = "moto.unsaved"  # there while moto may have more than the file
_WHAT: Final = "buckets, roles, things and certificates"
KEPT: Final = ("s3", "iam", "acm", "iot", "logs")
_NOT_OURS: Final = frozenset({"aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-eusc"})
_HEAD: Final = b"ota-stream moto state, moto "


class MotoState:
    """Reads the file once, before moto is first asked, and writes it when something was changed.

    `account` is the one account there is, whoever asks. `furnish` gives an account that is new what every one has.
    `seed` is of the ids that moto makes. What moto has is the process's: one simulator after the other may use it, each
    finds its own.
    """

    _used: ClassVar[bool] = False  # by a simulator of this process

    def __init__(self, data_dir: Path, account: str = ACCOUNT, seed: int | None = None) -> None:
        self.path = data_dir / FILE
        self.account = account
        self._seed = seed
        self.furnish: Callable[[], None] = lambda: None
        self.touched = False
        self.loaded = False  # or about to be
        self.ready = False
        self._kept = self.path.is_file()
        self._unsaved = data_dir / UNSAVED
        self._lock = threading.Lock()

    @property
    def is_new(self) -> bool:
        """Whether nothing was ever kept or asked: moto need not be imported to know what it has."""
        return not self.loaded and not self._kept

    def touch(self) -> None:
        """Note that moto may have changed; a file says so too, should this process be killed before it is kept."""
        if not self.touched:
            self.touched = True
            with suppress(OSError):  # a full disk; what is kept will tell
                self._unsaved.touch(mode=0o600)

    def doubt(self) -> str | None:
        """Return a line about what is lost, for the start to say; it imports nothing."""
        if self._kept and self._head() != _wanted():
            return f"{self.path} is of another version of moto: {_WHAT} are gone"
        if self._unsaved.exists():
            return f"it was killed before the last changes of {_WHAT} were kept: those are gone"
        return None

    def load(self) -> None:
        """Give moto back what it had. What cannot be read is moved aside and logged."""
        with self._lock:
            if self.loaded:
                return
            self.loaded = True
            if MotoState._used:
                _forget()
            MotoState._used = True
            _seed(self._seed)
            if self._kept:
                self._kept = self._read()
            if not self._kept:
                self.furnish()
            self.ready = True

    def _read(self) -> bool:
        try:
            self._check()
            _give_back(pickle.loads(self.path.read_bytes()[len(_wanted()) :]))  # noqa: S301 - our own file, mode 0600
        except Exception as error:  # noqa: BLE001 - a damaged pickle raises anything
            aside = self.path.with_suffix(".unreadable")
            self.path.replace(aside)
            logger.warning("%s are gone: %s; the file is %s", _WHAT, error, aside)
            return False
        return True

    def save(self) -> None:
        """Write what moto has, if it may have changed. Call it where moto is called.

        Raises:
            StoreError: it cannot be written; the next call tries again.
        """
        if not self.touched:
            return
        self.load()
        self.touched = False
        aside = self.path.with_suffix(".part")
        try:
            with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(_wanted() + _dump(_take()))
                file.flush()
                os.fsync(file.fileno())
            aside.replace(self.path)
            if not self.touched:  # by another thread, meanwhile
                self._unsaved.unlink(missing_ok=True)
        except RuntimeError:  # another thread has put an object while it was read: the next call tries again
            self.touched = True
        except OSError as error:
            self.touched = True
            raise StoreError(f"moto's state cannot be kept in {self.path}: {error.strerror}") from error

    def _check(self) -> None:
        if self._head() != _wanted():
            raise pickle.UnpicklingError("another version of moto wrote them")

    def _head(self) -> bytes:
        with self.path.open("rb") as file:
            return file.read(len(_wanted()))


class _Pickler(pickle.Pickler):
    """Knows what pickle does not: keys and certificates, as PEM."""

    def reducer_override(self, value: Any) -> Any:  # noqa: ANN401 - anything there is
        if isinstance(value, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
            return _key, (value.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),)
        if isinstance(value, x509.Certificate):
            return _certificate, (value.public_bytes(Encoding.PEM),)
        return NotImplemented


def _key(pem: bytes) -> Any:  # noqa: ANN401 - a key of any kind
    return load_pem_private_key(pem, None)


def _certificate(pem: bytes) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem)


def _dump(value: object) -> bytes:
    buffer = io.BytesIO()
    _Pickler(buffer, pickle.HIGHEST_PROTOCOL).dump(value)
    return buffer.getvalue()


def _take() -> dict[str, Any]:
    """Return what each service has, as bytes by service; one that cannot be kept costs only itself."""
    found: dict[str, Any] = {}
    for service in KEPT:
        backends = backends_of(service)
        rows: dict[tuple[str, str], dict[str, Any]] = {
            (account, region): dict(backend.__dict__)
            for account in list(backends)
            for region, backend in dict(backends[account]).items()
            if region not in _NOT_OURS
        }
        try:
            found[service] = _dump((rows, getattr(backends, "bucket_accounts", None)))
        except (TypeError, AttributeError, pickle.PicklingError) as error:
            logger.warning("what moto has of %s cannot be kept: %s", service, error)
    return found


def _seed(seed: int | None) -> None:
    """Have moto's ids come from a seed, or from the machine's chance."""
    from moto.moto_api._internal import mock_random  # noqa: PLC0415 - a second to import

    mock_random.seed(seed)


def _forget() -> None:
    from moto.moto_api._internal.models import moto_api_backend  # noqa: PLC0415 - a second to import

    backends_of("iam").clear()  # instead of a reset, which would make 1,500 managed policies only to drop them
    moto_api_backend.reset()


def _give_back(found: dict[str, bytes]) -> None:
    for service, content in found.items():
        backends = backends_of(service)
        rows, buckets = pickle.loads(content)  # noqa: S301 - from our own file
        for (account, region), members in rows.items():
            backend = backends[account][region]
            backend.__dict__.update(members)
        if buckets is not None:
            backends.bucket_accounts.update(buckets)


def backends_of(service: str) -> Any:  # noqa: ANN401 - moto's
    """Return what moto has of a service, by account and region."""
    os.environ.setdefault("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")  # AWSIoTLogging, AmazonFreeRTOSOTAUpdate and others
    from moto import backends  # noqa: PLC0415 - a second to import
    from moto.core.config import default_user_config  # noqa: PLC0415 - the same

    default_user_config.setdefault("iot", {})["use_valid_cert"] = True  # ids as AWS's: SHA-256 of the DER form
    get_backend: Any = backends.get_backend  # pyright: ignore[reportUnknownVariableType] - 100 overloads
    return get_backend(service)


def check_region(service: str, account: str, region: str) -> None:
    """Let a region pass that moto has. Raises ControlError."""
    if region not in backends_of(service)[account]:
        raise ControlError("InvalidRequestException", 400, f"There is no region {region!r}")


def _wanted() -> bytes:
    return _HEAD + version("moto").encode() + b"\n"
