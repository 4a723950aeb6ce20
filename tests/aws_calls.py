"""Operations of the AWS API called without HTTP: the request and every answer are held against the service's model."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import botocore.session
from botocore.model import OperationModel, Shape
from botocore.validate import ParamValidator

from http_cloud import World
from ota_stream.api.aws.given import Change, Read
from ota_stream.errors import ControlError


@cache
def operation(service: str, name: str) -> OperationModel:
    return botocore.session.get_session().get_service_model(service).operation_model(name)


class Caller:
    """Calls the operations of one service over a world, as the gateway does."""

    def __init__(self, world: World, service: str, reads: Mapping[str, Read], changes: Mapping[str, Change]) -> None:
        self.world = world
        self._service, self._reads, self._changes = service, reads, changes

    def __call__(self, name: str, **given: Any) -> dict[str, Any]:
        model = operation(self._service, name)
        report = ParamValidator().validate(given, model.input_shape)
        assert not report.has_errors(), report.generate_report()
        shown = self.answer(name, given)
        if model.output_shape is None:
            assert shown == {}
        else:
            check(shown, model.output_shape, name)
        return _lists(shown)

    def refused(self, name: str, **given: Any) -> tuple[str, int, str]:
        try:
            self(name, **given)
        except ControlError as error:
            return error.name, error.status, error.message
        message = f"{name} was not refused"
        raise AssertionError(message)

    def answer(self, name: str, given: dict[str, Any]) -> dict[str, Any]:
        cloud = self.world.operated
        if name in self._reads:
            return self._reads[name](cloud, given)
        shown, effect = self._changes[name](cloud, given)
        cloud.hand_over(effect)
        cloud.commit()
        if isinstance(shown, ControlError):
            raise shown
        return shown


def _lists(value: Any) -> Any:
    """Return an answer as it comes off the wire: a tuple is a list there."""
    match value:
        case dict():
            return {name: _lists(member) for name, member in value.items()}
        case list() | tuple():
            return [_lists(member) for member in value]
    return value


def check(value: Any, shape: Shape, place: str) -> None:
    """Fail for a member the model does not know: a serialiser would drop it without a word."""
    match shape.type_name:
        case "structure":
            assert isinstance(value, dict), place
            assert set(value) <= set(shape.members), f"{place}: {set(value) - set(shape.members)} is not in the model"
            assert set(shape.required_members) <= set(value), f"{place}: {shape.required_members} are required"
            for name, member in value.items():
                if member is not None:
                    check(member, shape.members[name], f"{place}.{name}")
        case "list":
            for member in value:
                check(member, shape.member, place)
        case "map":
            for member in value.values():
                check(member, shape.value, place)
        case kind:
            assert isinstance(value, _TYPES[kind]), f"{place} is a {type(value).__name__}, not a {kind}"
            if shape.metadata.get("enum"):
                assert value in shape.metadata["enum"], f"{place}: {value!r}"


_NUMBER = (int, float)
_TYPES: dict[str, Any] = {
    "string": str,
    "integer": int,
    "long": int,
    "double": _NUMBER,
    "boolean": bool,
    "timestamp": _NUMBER,
    "blob": bytes,
}
