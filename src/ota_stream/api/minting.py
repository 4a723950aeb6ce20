"""The calls of `ota-stream certs`: the CA's certificate, and identities for things and operators."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ota_stream.api.aws import provisioning
from ota_stream.api.aws.clouded import AwsOperated
from ota_stream.api.aws.given import invalid
from ota_stream.api.aws.issuing import Issuer
from ota_stream.api.calls import read

BODY_MAX: Final = 512 * 1024  # bytes: requests with RSA keys are the largest
_JSON: Final = "application/json"


class MotoRegistry(Struct, frozen=True):
    """Where identities are registered: `ready` when it can be asked, `touch` before it changes, `changed` after."""

    ready: Callable[[], Awaitable[None]]
    touch: Callable[[], None]
    changed: Callable[[], None]


def routes(cloud: AwsOperated, registry: MotoRegistry | None) -> list[Route]:
    """Return the routes under `/_ota`. No registry: identities are another endpoint's business."""

    async def ca(_: Request) -> Response:
        return Response(msgspec.json.encode({"certificatePem": cloud.keys.ca().certificate.decode()}), media_type=_JSON)

    async def mint(request: Request) -> Response:
        order = (await read(request, BODY_MAX)).json(provisioning.Order)
        provisioning.check(order)
        if registry is None:
            raise invalid("certificates are registered at the other AWS backend: ask that")
        await registry.ready()
        issuer = Issuer(cloud.keys.ca(), cloud.keys.now())
        issued = await asyncio.to_thread(provisioning.issue, issuer, order)
        registry.touch()
        ids = provisioning.register(cloud, order, issued)
        cloud.commit()
        registry.changed()
        made = {name: {"certificateId": ids[name], "certificatePem": pem} for name, pem in issued.items()}
        return Response(msgspec.json.encode({"certificates": made}), media_type=_JSON)

    return [Route("/ca", ca, methods=["GET"]), Route("/certificates", mint, methods=["POST"])]
