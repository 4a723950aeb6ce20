"""Whatever comes near the shape of a service's model is answered or refused: no operation of ours ends in a fault."""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from botocore.model import OperationModel, Shape
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aws_calls import check, operation
from aws_cloud import forget_moto
from http_cloud import World
from ota_stream.api.aws import model, operations
from ota_stream.errors import ControlError

OURS = sorted(name for name, row in operations.table().items() if row.stream is None)
AROUND = sorted(name for name, row in operations.PASSED.items() if row.follow is not None)
SLOW = {("iot", "CreateKeysAndCertificate")}  # each makes a key
KNOWN = (
    "j1", "t1", "p1", "u1", "s1", "thing/t1", "{}", "$next", "QUEUED", "FAILED", "MQTT", "AmazonFreeRTOS-Default",
    "certname", "arn:aws:iot:us-east-1:123456789012:job/j1", "arn:aws:iam::123456789012:role/ota", "AWSIotLogsV2",
    "DEFAULT", "DEBUG", "a/b",
)  # fmt: skip
TEXT = st.sampled_from(KNOWN) | st.text(max_size=20)
SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "integer": st.integers(-(2**31), 2**31 - 1) | st.integers(0, 3),
    "long": st.integers(-(2**63), 2**63 - 1) | st.integers(0, 3),
    "double": st.floats(),
    "float": st.floats(),
    "boolean": st.booleans(),
    "timestamp": st.datetimes(),
    "blob": st.binary(max_size=80),
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT | st.sampled_from(["\ud800", "a\nb", "\x00"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=4,
)
QUICK = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@pytest.fixture(autouse=True)
def moto() -> Iterator[None]:
    yield
    forget_moto()


def _values(shape: Shape, scalars: Callable[[Shape], st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    if shape.type_name == "structure":
        members = {name: _values(member, scalars) for name, member in shape.members.items()}
        needed = {name: members[name] for name in shape.required_members}
        optional = {name: values for name, values in members.items() if name not in needed}
        return st.fixed_dictionaries(needed, optional=optional)
    if shape.type_name == "list":
        return st.lists(_values(shape.member, scalars), max_size=2)
    if shape.type_name == "map":
        return st.dictionaries(TEXT, _values(shape.value, scalars), max_size=2)
    return scalars(shape)


def _fitting(shape: Shape) -> st.SearchStrategy[Any]:
    """Return values of the type."""
    if shape.type_name == "string":
        return TEXT | st.sampled_from(shape.metadata["enum"]) if shape.metadata.get("enum") else TEXT
    return SCALARS[shape.type_name]


def _odd(shape: Shape) -> st.SearchStrategy[Any]:
    """Return values as they are in JSON, now and then of another type."""
    if shape.type_name in {"timestamp", "blob"}:
        return JSON
    return _fitting(shape) | _fitting(shape) | JSON


@pytest.mark.parametrize(("service", "name"), [each for each in OURS if each not in SLOW], ids=lambda value: value)
@pytest.mark.usefixtures("job")
@given(data=st.data())
@settings(max_examples=15, deadline=None, suppress_health_check=QUICK)
def test_every_request_is_answered_or_refused(world: World, service: str, name: str, data: st.DataObject) -> None:
    shapes = operation(service, name)
    request = {} if shapes.input_shape is None else data.draw(_values(shapes.input_shape, _fitting))
    shown = _quiet(lambda: operations.table()[service, name](world.operated, request))
    if shown is not None and shapes.output_shape is not None:
        check(shown, shapes.output_shape, name)


@pytest.mark.parametrize(("service", "name"), AROUND, ids=lambda value: value)
@pytest.mark.usefixtures("job")
@given(data=st.data())
@settings(max_examples=15, deadline=None, suppress_health_check=QUICK)
def test_whatever_moto_has_done_is_followed(world: World, service: str, name: str, data: st.DataObject) -> None:
    request = data.draw(_values(operation(service, name).input_shape, _fitting))
    follow = operations.PASSED[service, name].follow
    assert follow is not None
    _quiet(lambda: world.operated.hand_over(follow(world.operated, request)))


@pytest.mark.parametrize(("service", "name"), OURS, ids=lambda value: value)
@pytest.mark.usefixtures("job")
@given(data=st.data())
@settings(max_examples=15, deadline=None, suppress_health_check=QUICK)
def test_every_body_near_the_model_is_answered_or_refused(
    world: World, service: str, name: str, data: st.DataObject
) -> None:
    shapes = operation(service, name)
    members = {} if shapes.input_shape is None else data.draw(_values(shapes.input_shape, _odd) | JSON)
    call = model.asked(service, *_request(shapes, members if isinstance(members, dict) else {}))
    if call is None or (service, call.name) not in operations.table():  # a label of the path may lead elsewhere
        return
    row, prepare = operations.table()[service, call.name], operations.ASIDE.get((service, call.name))

    def answer() -> dict[str, Any] | None:
        given_ = model.given(service, call)
        return row(world.operated, given_ if prepare is None else prepare(given_))

    shown = _quiet(answer)
    if shown is not None:
        status, _, body = model.answer(call, shown)
        assert status == 200
        assert b"Traceback" not in body


def _request(shapes: OperationModel, members: dict[str, Any]) -> tuple[str, str, dict[str, str], bytes]:
    """Write a request as an SDK does that looks at nothing: method, target, headers, body."""
    places: dict[str, str] = {}
    if shapes.input_shape is not None:
        places = {name: each.serialization.get("location", "") for name, each in shapes.input_shape.members.items()}
    path = shapes.http["requestUri"]
    for name, value in members.items():
        label = shapes.input_shape.members[name].serialization.get("name", name) if name in places else name
        for place in (f"{{{label}}}", f"{{{label}+}}"):
            path = path.replace(place, quote(str(value).encode("utf-8", "replace"), safe="") or "x")
    query = {
        shapes.input_shape.members[name].serialization.get("name", name): str(value).encode("utf-8", "replace")
        for name, value in members.items()
        if places.get(name) == "querystring"
    }
    prefix = shapes.service_model.metadata.get("targetPrefix", "")
    headers = (
        {"x-amz-target": f"{prefix}.{shapes.name}", "content-type": "application/x-amz-json-1.1"} if prefix else {}
    )
    body = json.dumps({name: value for name, value in members.items() if not places.get(name)}).encode()
    target = f"{path}{'&' if '?' in path else '?'}{urlencode(query)}"
    return shapes.http["method"], target, headers, body


def _quiet(call: Callable[[], Any]) -> Any:
    """Return an answer, None for a refusal; anything else that is raised is a fault."""
    with suppress(ControlError):
        return call()
    return None
