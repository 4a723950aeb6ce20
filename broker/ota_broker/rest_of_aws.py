"""Who is the rest of AWS: moto in this process, or another endpoint."""

from functools import partial

from msgspec import Struct

from ota_stream.api.aws.backend import Backend, Elsewhere, InProcess
from ota_stream.api.aws.elsewhere_objects import ElsewhereObjects
from ota_stream.api.aws.moto import acm_keys
from ota_stream.api.aws.moto.acm_keys import AcmKeys
from ota_stream.api.aws.moto.logs import MotoEvents
from ota_stream.api.aws.moto.objects import MotoObjects
from ota_stream.api.aws.moto.roles import MotoRoles, RolesElsewhere
from ota_stream.api.aws.moto.state import MotoState
from ota_stream.signing.keys import KeyStore
from ota_stream.stores.keys import KeyFolder
from ota_stream.stores.objects import ObjectStore
from ota_stream.updates.objects import Objects


class RestOfAws(Struct, frozen=True):
    """What ota-stream does not answer itself, and what its own services take from there; `state` is moto's."""

    backend: Backend
    state: MotoState | None
    objects: Objects
    roles: MotoRoles | RolesElsewhere
    keys: KeyStore
    log_events: MotoEvents | None


def in_process(state: MotoState, region: str, objects: ObjectStore, keys: KeyFolder) -> RestOfAws:
    """Return moto, whose state outlives a restart."""
    return RestOfAws(
        InProcess(state.account),
        state,
        MotoObjects(objects, state),
        MotoRoles(state, region),
        AcmKeys(keys, partial(acm_keys.imported, state)),
        MotoEvents(state),
    )


def elsewhere(url: str, objects: ObjectStore, keys: KeyStore) -> RestOfAws:
    """Return another endpoint: its roles are not looked at, and it gives away no private key of ACM."""
    return RestOfAws(Elsewhere(url), None, ElsewhereObjects(objects, url), RolesElsewhere(), keys, None)
