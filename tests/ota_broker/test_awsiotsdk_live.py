"""The AWS IoT Device SDK for Python, unchanged: its jobs clients v1 and v2 over plain TCP."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future
from queue import Queue
from typing import Any

import pytest
from awscrt import io, mqtt, mqtt_request_response
from awscrt.mqtt_request_response import SubscriptionStatusEventType
from awsiot import ServiceStreamOptions, V2ServiceException, iotjobs

import live
from live import Server

WAIT = live.PATIENCE


@pytest.fixture
def server() -> Iterator[Server]:
    with live.serving() as server:
        yield server


@pytest.fixture
def connection(server: Server) -> Iterator[mqtt.Connection]:
    """An MQTT 3.1.1 connection of the SDK without TLS."""
    elg = io.EventLoopGroup(1)
    bootstrap = io.ClientBootstrap(elg, io.DefaultHostResolver(elg))
    connection = mqtt.Connection(
        client=mqtt.Client(bootstrap),
        host_name=server.host,
        port=server.port,
        client_id="sdk-client",
        clean_session=True,
    )
    connection.connect().result(WAIT)
    yield connection
    connection.disconnect().result(WAIT)


def one(subscribe: Any, request: Any) -> Queue[Any]:
    """Subscribe with a callback that fills a queue."""
    messages: Queue[Any] = Queue()
    future, _ = subscribe(request=request, qos=mqtt.QoS.AT_LEAST_ONCE, callback=messages.put)
    future.result(WAIT)
    return messages


def test_the_v1_client_takes_a_job_to_its_end(server: Server, connection: mqtt.Connection):
    jobs, thing, qos = iotjobs.IotJobsClient(connection), "d", mqtt.QoS.AT_LEAST_ONCE
    changed = one(
        jobs.subscribe_to_next_job_execution_changed_events,
        iotjobs.NextJobExecutionChangedSubscriptionRequest(thing_name=thing),
    )
    pending = one(
        jobs.subscribe_to_get_pending_job_executions_accepted,
        iotjobs.GetPendingJobExecutionsSubscriptionRequest(thing_name=thing),
    )
    started = one(
        jobs.subscribe_to_start_next_pending_job_execution_accepted,
        iotjobs.StartNextPendingJobExecutionSubscriptionRequest(thing_name=thing),
    )
    described = one(
        jobs.subscribe_to_describe_job_execution_accepted,
        iotjobs.DescribeJobExecutionSubscriptionRequest(thing_name=thing, job_id="j"),
    )
    updated = one(
        jobs.subscribe_to_update_job_execution_accepted,
        iotjobs.UpdateJobExecutionSubscriptionRequest(thing_name=thing, job_id="j"),
    )
    refused = one(
        jobs.subscribe_to_update_job_execution_rejected,
        iotjobs.UpdateJobExecutionSubscriptionRequest(thing_name=thing, job_id="j"),
    )

    server.create_job("j", thing, document='{"operation":"x"}')
    notified = changed.get(timeout=WAIT)
    assert (notified.execution.job_id, notified.execution.job_document) == ("j", {"operation": "x"})

    jobs.publish_get_pending_job_executions(
        iotjobs.GetPendingJobExecutionsRequest(thing_name=thing, client_token="tok-1"), qos
    ).result(WAIT)
    answer = pending.get(timeout=WAIT)
    assert ([job.job_id for job in answer.queued_jobs], answer.client_token) == (["j"], "tok-1")

    jobs.publish_start_next_pending_job_execution(
        iotjobs.StartNextPendingJobExecutionRequest(
            thing_name=thing, client_token="s", status_details={"a": "b"}, step_timeout_in_minutes=5
        ),
        qos,
    ).result(WAIT)
    execution = started.get(timeout=WAIT).execution
    assert (execution.status, execution.version_number, execution.status_details) == ("IN_PROGRESS", 2, {"a": "b"})

    jobs.publish_describe_job_execution(
        iotjobs.DescribeJobExecutionRequest(thing_name=thing, job_id="j", client_token="d"), qos
    ).result(WAIT)
    assert described.get(timeout=WAIT).execution.version_number == 2

    def update(version: int) -> None:
        jobs.publish_update_job_execution(
            iotjobs.UpdateJobExecutionRequest(
                thing_name=thing, job_id="j", client_token="u", execution_number=1, expected_version=version,
                include_job_document=True, include_job_execution_state=True, status="SUCCEEDED",
                status_details={"p": "1"},
            ),
            qos,
        ).result(WAIT)  # fmt: skip

    update(9)
    assert refused.get(timeout=WAIT).code == "VersionMismatch"
    update(2)
    state = updated.get(timeout=WAIT)
    assert (state.execution_state.status, state.job_document) == ("SUCCEEDED", {"operation": "x"})
    assert changed.get(timeout=WAIT).execution is None


@pytest.fixture
def v2(connection: mqtt.Connection) -> iotjobs.IotJobsClientV2:
    options = mqtt_request_response.ClientOptions(max_request_response_subscriptions=8, max_streaming_subscriptions=2)
    options.operation_timeout_in_seconds = int(WAIT)
    return iotjobs.IotJobsClientV2(connection, options)


def test_the_v2_client_correlates_by_token_and_takes_a_job_to_its_end(server: Server, v2: iotjobs.IotJobsClientV2):
    thing, changed, ready = "d", Queue[Any](), threading.Event()

    def status(event: Any) -> None:
        if event.type == SubscriptionStatusEventType.SUBSCRIPTION_ESTABLISHED:
            ready.set()

    stream = v2.create_next_job_execution_changed_stream(
        iotjobs.NextJobExecutionChangedSubscriptionRequest(thing_name=thing),
        ServiceStreamOptions(incoming_event_listener=changed.put, subscription_status_listener=status),
    )
    stream.open()
    assert ready.wait(WAIT)
    server.create_job("j", thing)
    assert changed.get(timeout=WAIT).execution.job_id == "j"

    def result(future: Future[Any]) -> Any:
        return future.result(WAIT)

    pending = result(v2.get_pending_job_executions(iotjobs.GetPendingJobExecutionsRequest(thing_name=thing)))
    assert [job.job_id for job in pending.queued_jobs] == ["j"]
    started = result(v2.start_next_pending_job_execution(iotjobs.StartNextPendingJobExecutionRequest(thing_name=thing)))
    assert started.execution.status == "IN_PROGRESS"
    described = result(v2.describe_job_execution(iotjobs.DescribeJobExecutionRequest(thing_name=thing, job_id="j")))
    assert described.execution.version_number == 2
    with pytest.raises(V2ServiceException) as refused:
        result(
            v2.update_job_execution(
                iotjobs.UpdateJobExecutionRequest(thing_name=thing, job_id="j", status="SUCCEEDED", expected_version=7)
            )
        )
    assert refused.value.modeled_error.code == "VersionMismatch"
    result(
        v2.update_job_execution(
            iotjobs.UpdateJobExecutionRequest(thing_name=thing, job_id="j", status="SUCCEEDED", expected_version=2)
        )
    )
    assert changed.get(timeout=WAIT).execution is None
