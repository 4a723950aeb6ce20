import pytest
from moto.core.utils import get_service_model

from ota_stream.api.aws import constraints, scope
from ota_stream.errors import ControlError


def check(service: str, operation: str, **given):
    constraints.check(service, get_service_model(service).operation_model(operation).input_shape, given)


def refusal(service: str, operation: str, **given) -> ControlError:
    with pytest.raises(ControlError) as caught:
        check(service, operation, **given)
    return caught.value


def test_a_request_within_all_constraints_passes():
    check("iot", "ListStreams", maxResults=250, ascendingOrder=True)


@pytest.mark.parametrize(
    ("service", "operation", "given", "name", "text"),
    [
        ("iot", "ListStreams", {"maxResults": 251}, "InvalidRequestException",
         "1 validation error detected: Value '251' at 'maxResults' failed to satisfy constraint: Member must have"),
        ("iot", "ListStreams", {"maxResults": 0}, "InvalidRequestException", "greater than or equal to 1"),
        ("iot", "DescribeStream", {}, "InvalidRequestException", "Value null at 'streamId' failed"),
        ("iot", "DescribeStream", {"streamId": ""}, "InvalidRequestException", "length greater than or equal to 1"),
        ("iot", "ListJobs", {"status": "ODD"}, "InvalidRequestException", "Member must satisfy enum value set: ["),
        ("iot", "CreateThing", {"thingName": "t", "attributePayload": {"attributes": {"a b": "c"}}},
         "InvalidRequestException", "at 'attributePayload.attributes.a b.key'"),
        ("signer", "GetSigningProfile", {"profileName": "a"}, "ValidationException", "at 'profileName'"),
        ("logs", "CreateLogGroup", {"logGroupName": "a b"}, "InvalidParameterException", "regular expression"),
        ("iot", "DescribeStream", {"streamId": 5}, "SerializationException", "'streamId'"),
        ("iot", "ListStreams", {"ascendingOrder": "x"}, "SerializationException", "'ascendingOrder'"),
    ],
)  # fmt: skip
def test_a_constraint_that_fails_is_told_as_aws_tells_it(service, operation, given, name, text):
    error = refusal(service, operation, **given)
    assert (error.name, error.status) == (name, 400)
    assert text in error.message


def test_a_value_told_back_is_short_and_one_line():
    message = refusal("iot", "DescribeStream", streamId="a\n\x1b" + "b" * 100_000).message
    assert len(message) < 1000
    assert message.isprintable()


def test_every_pattern_of_our_services_compiles():
    for service in ("iot", "iot-data", "iot-jobs-data", "signer", "logs"):
        model = get_service_model(service)
        for name in model.shape_names:
            pattern = model.shape_for(name).metadata.get("pattern")
            if pattern is not None:
                constraints._compiled(pattern)


@pytest.mark.parametrize(
    ("authorization", "query", "service"),
    [
        ("AWS4-HMAC-SHA256 Credential=k/20260101/eu-west-1/iotdata/aws4_request, SignedHeaders=host", "", "iot-data"),
        ("AWS k:signature", "", "s3"),
        ("", "X-Amz-Credential=k%2F20260101%2Fus-east-1%2Fs3%2Faws4_request", "s3"),
        ("", "AWSAccessKeyId=k&Signature=x&Expires=1", "s3"),
    ],
)
def test_the_scope_says_the_service(authorization, query, service):
    found = scope.read(authorization, query)
    assert found is not None
    assert found.service == service


@pytest.mark.parametrize("authorization", ["", "Basic eA==", "Bearer x"])
def test_what_is_not_signed_has_no_scope(authorization):
    assert scope.read(authorization, "Expires=1&Signature=x") is None


@pytest.mark.parametrize(
    "credential", ["", "k", "k/1/r/iot/aws4_request", "k/20260101/../iot/aws4_request", "k/20260101/r/iot/x"]
)
def test_a_scope_that_cannot_be_read_is_refused(credential):
    with pytest.raises(ControlError) as caught:
        scope.read(f"AWS4-HMAC-SHA256 Credential={credential}", "")
    assert caught.value.name == "IncompleteSignatureException"


def test_a_value_that_takes_too_long_to_be_held_against_a_pattern_is_refused(monkeypatch):
    monkeypatch.setattr(constraints, "_MATCH_WITHIN", 1e-9)
    error = refusal("iot", "DescribeStream", streamId="a" * 1_000_000)
    assert (error.name, error.status) == ("SerializationException", 400)
    assert error.message == ("The value at 'streamId' cannot be held against the pattern [a-zA-Z0-9_-]+ in time")
