"""What is done over a data directory that no simulator runs over: minting, and asking the policies that are kept."""

from collections.abc import Callable, Generator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from ota_broker.services import Outlets, Place, open_services
from ota_broker.system_clock import SystemClock
from ota_stream.api.aws import provisioning
from ota_stream.api.aws.issuing import Issuer
from ota_stream.api.aws.moto.principals import MotoPrincipals
from ota_stream.api.aws.moto.state import MotoState
from ota_stream.api.aws.provisioning import Order
from ota_stream.jobs.options import JobOptions
from ota_stream.policies.service import PolicyService
from ota_stream.stores.datadir import DataDir
from ota_stream.stores.log_events import StoredEvents
from ota_stream.stores.sqlite import Database
from ota_stream.streams.catalog import Catalog
from ota_stream.updates.options import UpdateOptions

Mint = Callable[[Order], Mapping[str, tuple[str, str]]]
"""From an order to (certificate id, certificate in PEM) by name. Raises ControlError."""


def stored_policies(path: Path) -> PolicyService:
    """Return the judge of the policies, certificates and things as they were kept. It takes moto's second.

    Raises:
        StoreError: the directory cannot be used, or a simulator runs over it.
    """
    with DataDir(path):
        state = MotoState(path)
        state.load()
    return PolicyService(MotoPrincipals(state), UpdateOptions().arn("").removesuffix(":"))


@contextmanager
def minting(path: Path) -> Generator[tuple[str, Mint]]:
    """Give the CA's certificate (PEM), and what mints. At the end everything is on the disk.

    Raises:
        StoreError: the directory cannot be used, or a simulator runs over it.
    """
    data_dir = DataDir(path)
    with data_dir, closing(Database(path / "state.db")) as database, closing(StoredEvents(path)) as events:
        clock = SystemClock()
        place = Place(path, "http://127.0.0.1:4566", JobOptions(), UpdateOptions(), clock)
        outlets = Outlets(lambda _: None, database.flush, lambda _: "")
        services = open_services(database, events, Catalog(), place, outlets)
        cloud = services.cloud
        services.moto.load()
        issuer = Issuer(cloud.keys.ca(), clock.wall())

        def mint(order: Order) -> Mapping[str, tuple[str, str]]:
            provisioning.check(order)
            issued = provisioning.issue(issuer, order)
            services.moto.touch()
            ids = provisioning.register(cloud, order, issued)
            return {name: (ids[name], pem) for name, pem in issued.items()}

        yield cloud.keys.ca().certificate.decode(), mint
        cloud.commit()
        services.moto.save()
