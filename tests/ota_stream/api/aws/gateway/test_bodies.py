"""Bodies are what moto's serializer would have written, for every operation of ours."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from moto.core.serialize import get_serializer_class
from moto.core.utils import get_service_model

from ota_stream.api.aws import bodies, model, operations

OURS = sorted(name for name, row in operations.table().items() if row.stream is None)
SCALARS = {
    "string": "text", "boolean": True, "integer": 7, "long": 1 << 40, "double": 0.5, "float": 0.5,
    "timestamp": 1_700_000_000.1239, "blob": b"\x00\xff",
}  # fmt: skip


def example(shape: Any, depth: int = 0) -> Any:
    """Every member of a shape, to a depth."""
    if shape.type_name == "structure":
        return {name: example(member, depth + 1) for name, member in shape.members.items()} if depth < 9 else {}
    if shape.type_name == "list":
        return [example(shape.member, depth + 1)] * 2
    if shape.type_name == "map":
        return {"key": example(shape.value, depth + 1)}
    return SCALARS[shape.type_name]


@pytest.mark.parametrize(("service", "name"), OURS, ids=lambda each: each)
def test_an_answer_is_written_as_by_moto(service: str, name: str):
    operation = get_service_model(service).operation_model(name)
    shown = example(operation.output_shape) if operation.output_shape is not None else {}
    status, headers, body = model.answer(model.Asked(None, operation, {}), shown)
    wanted = get_serializer_class(service, operation.service_model.protocol)(operation).serialize(shown)
    assert (status, headers, json.loads(body)) == (
        wanted["status_code"], wanted["headers"], json.loads(wanted["body"]),
    )  # fmt: skip


def test_what_is_none_or_unknown_is_left_out_and_times_may_be_datetimes():
    shape = get_service_model("iot").operation_model("DescribeJob").output_shape
    at = datetime(2026, 11, 1, 12, 0, 0, 123_999, tzinfo=UTC)
    shown = {"documentSource": None, "job": {"jobId": "j", "createdAt": at, "nobodys": 1, "description": None}}
    assert json.loads(bodies.encode(shape, shown)) == {"job": {"jobId": "j", "createdAt": 1793534400.123}}
