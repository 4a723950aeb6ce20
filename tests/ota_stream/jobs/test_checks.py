"""What a job may be: the ranges of JC-1 and section 3.7, at their edges."""

import json

import pytest

from job_desk import Desk
from ota_stream.errors import ControlError
from ota_stream.jobs import documents
from ota_stream.jobs.configs import (
    AbortConfig,
    AbortCriterion,
    ExponentialRate,
    PresignedUrlConfig,
    RateIncreaseCriteria,
    RetryConfig,
    RetryCriterion,
    RolloutConfig,
    TimeoutConfig,
)
from ota_stream.jobs.jobs import JobSpec

PLACE = "${aws:iot:s3-presigned-url:https://s3.amazonaws.com/b/k}"


def exponential(base: int = 50, factor: float = 2.0, notified: int | None = 10, succeeded: int | None = None):
    return RolloutConfig(None, ExponentialRate(base, factor, RateIncreaseCriteria(notified, succeeded)))


def retry(number: int) -> RetryConfig:
    return RetryConfig((RetryCriterion("ALL", number),))


def abort(percentage: float = 10.0, least: int = 1) -> AbortConfig:
    return AbortConfig((AbortCriterion("ALL", percentage, least),))


def document_of(length: int) -> str:
    return json.dumps({"k": "v" * (length - len('{"k": ""}'))})


GOOD = [
    {"job_id": "j" * 64},
    {"job_id": "notify-next"},
    {"targets": ("thing/" + "t" * 128,)},
    {"document": document_of(32_768)},
    {"document": json.dumps([PLACE] * 10).join(('{"u": ', "}"))},
    {"document_source": "s" * 1350},
    {"description": "d" * 2028},
    {"presigned_url_config": PresignedUrlConfig(None, 60)},
    {"timeout_config": TimeoutConfig(10_080)},
    {"timeout_config": TimeoutConfig()},
    {"job_executions_rollout_config": RolloutConfig(1000)},
    {"job_executions_rollout_config": exponential(1000, 5.0)},
    {"job_executions_rollout_config": exponential(1, 1.1, None, 1)},
    {"abort_config": abort(100.0)},
    {"job_executions_retry_config": retry(10)},
]

BAD = [
    {"job_id": "j" * 65},
    {"job_id": "j" * 200},
    {"job_id": ""},
    {"job_id": "$next"},
    {"job_id": "a/b"},
    {"targets": ()},
    {"targets": ("thing/" + "t" * 200,)},
    {"targets": ("thing/",)},
    {"targets": ("thinggroup/a b",)},
    {"targets": ("arn:aws:iot:r:a:cert/x",)},
    {"targets": ("t",)},
    {"target_selection": "SOMETIMES"},
    {"document": document_of(32_769)},
    {"document": ""},
    {"document": "[]"},
    {"document": "no"},
    {"document": '{"a": NaN}'},
    {"document": '{"a": 1e999}'},
    {"document": '{"a": "\\ud800"}'},
    {"document": '{"a":' * 6000},
    {"document": json.dumps([PLACE] * 11).join(('{"u": ', "}"))},
    {"document_source": "s" * 1351},
    {"description": "d" * 2029},
    {"presigned_url_config": PresignedUrlConfig(None, 59)},
    {"presigned_url_config": PresignedUrlConfig(None, 3601)},
    {"timeout_config": TimeoutConfig(0)},
    {"timeout_config": TimeoutConfig(10_081)},
    {"job_executions_rollout_config": RolloutConfig(0)},
    {"job_executions_rollout_config": RolloutConfig(1001)},
    {"job_executions_rollout_config": exponential(base=0)},
    {"job_executions_rollout_config": exponential(factor=1.0)},
    {"job_executions_rollout_config": exponential(factor=5.1)},
    {"job_executions_rollout_config": exponential(factor=1.25)},
    {"job_executions_rollout_config": exponential(factor=float("nan"))},
    {"job_executions_rollout_config": exponential(notified=0)},
    {"job_executions_rollout_config": exponential(notified=None)},
    {"job_executions_rollout_config": exponential(succeeded=10)},
    {"abort_config": AbortConfig(())},
    {"abort_config": abort(100.1)},
    {"abort_config": abort(-1.0)},
    {"abort_config": abort(least=0)},
    {"job_executions_retry_config": RetryConfig(())},
    {"job_executions_retry_config": retry(11)},
    {"job_executions_retry_config": retry(-1)},
    {"job_executions_retry_config": RetryConfig((RetryCriterion("ALL", 1),) * 3)},
]


def spec(fields: dict) -> JobSpec:
    return JobSpec(**{"job_id": "j", "targets": ("thing/t",), "document": "{}", **fields})


@pytest.mark.parametrize("fields", GOOD, ids=lambda fields: str(fields)[:60])
def test_a_job_at_the_edge_is_taken(fields):
    """JC-1, JC-22, JTM-1, JTM-5..JTM-7."""
    desk = Desk()
    desk.control.create_job(spec(fields), 1.0)
    assert len(desk.book.executions) == 1


@pytest.mark.parametrize("fields", BAD, ids=lambda fields: str(fields)[:60])
def test_a_job_beyond_the_edge_is_refused_and_nothing_is_kept(fields):
    desk = Desk()
    with pytest.raises(ControlError) as refused:
        desk.control.create_job(spec(fields), 1.0)
    assert (refused.value.name, refused.value.status) == ("InvalidRequestException", 400)
    assert "\n" not in refused.value.message
    assert len(refused.value.message) < 400
    assert (desk.book.jobs, desk.book.executions, desk.book.things) == ({}, {}, {})


def test_a_document_keeps_its_numbers_and_letters():
    """JS-5, JS-9."""
    document = '{ "big": 123456789012345678901234567890, "e": "\\u00e9 é", "f": 1.50, "s": "a\\/b" }'
    assert documents.compact(document) == '{"big":123456789012345678901234567890,"e":"é é","f":1.5,"s":"a/b"}'


def test_a_placeholder_without_anybody_to_presign_stays():
    document = f'{{"u": "{PLACE}"}}'
    assert json.loads(documents.resolved(document, None, 60, "t")) == json.loads(document)
    assert documents.resolved('{"a": "$"}', lambda _url, _seconds, _thing: "never", 60, "t") == b'{"a":"$"}'
