"""There is one job, seen from MQTT, boto3, the command lines of ota-stream and of AWS, and the data plane over HTTP."""

import json
import queue

from paho.mqtt import client as paho

from aws_logs import until
from aws_process import ACCOUNT, AwsProcess
from live import PATIENCE
from processes import cli

ARN = f"arn:aws:iot:us-east-1:{ACCOUNT}:"


def shown_by_cli(cloud: AwsProcess, job_id: str) -> dict[str, str]:
    """What `ota-stream jobs show` says: status by thing."""
    done = cli("jobs", "show", job_id, "--json", "--data-dir", cloud.data_dir)
    return {one["thingName"]: one["status"] for one in json.loads(done.stdout)["executions"]}


def test_one_job_is_seen_from_four_doors(cloud: AwsProcess):
    iot, data = cloud.client("iot"), cloud.client("iot-jobs-data")
    iot.create_thing(thingName="four")
    made = iot.create_job(
        jobId="doors", targets=[ARN + "thing/four"], document='{"do": "it"}', tags=[{"Key": "team", "Value": "blue"}]
    )
    assert iot.list_tags_for_resource(resourceArn=made["jobArn"])["tags"] == [{"Key": "team", "Value": "blue"}]
    with cloud.thing("four") as device:
        topic, answer = device.ask("jobs/$next/get")
        assert (topic, answer["execution"]["jobId"]) == ("jobs/$next/get/accepted", "doors")
        assert answer["execution"]["jobDocument"] == {"do": "it"}
        assert shown_by_cli(cloud, "doors") == {"four": "QUEUED"}
        assert iot.describe_job_execution(jobId="doors", thingName="four")["execution"]["status"] == "QUEUED"
        (pending,) = data.get_pending_job_executions(thingName="four")["queuedJobs"]
        assert (pending["jobId"], pending["versionNumber"]) == ("doors", 1)

        device.ask("jobs/start-next", statusDetails={"step": "one"})
        execution = iot.describe_job_execution(jobId="doors", thingName="four")["execution"]
        assert (execution["status"], execution["statusDetails"]) == ("IN_PROGRESS", {"detailsMap": {"step": "one"}})
        assert shown_by_cli(cloud, "doors") == {"four": "IN_PROGRESS"}
        running = data.describe_job_execution(thingName="four", jobId="$next", includeJobDocument=True)["execution"]
        assert (running["status"], json.loads(running["jobDocument"])) == ("IN_PROGRESS", {"do": "it"})

        data.update_job_execution(thingName="four", jobId="doors", status="IN_PROGRESS", statusDetails={"step": "two"})
        _, answer = device.ask("jobs/doors/get")
        assert (answer["execution"]["statusDetails"], answer["execution"]["versionNumber"]) == ({"step": "two"}, 3)

        topic, _ = device.ask("jobs/doors/update", status="SUCCEEDED", expectedVersion="3")
        assert topic == "jobs/doors/update/accepted"
    assert iot.describe_job(jobId="doors")["job"]["status"] == "COMPLETED"
    assert shown_by_cli(cloud, "doors") == {"four": "SUCCEEDED"}
    assert cloud.aws("iot", "describe-job", "--job-id", "doors")["job"]["jobProcessDetails"] == {
        "numberOfCanceledThings": 0, "numberOfSucceededThings": 1, "numberOfFailedThings": 0,
        "numberOfRejectedThings": 0, "numberOfQueuedThings": 0, "numberOfInProgressThings": 0,
        "numberOfRemovedThings": 0, "numberOfTimedOutThings": 0,
    }  # fmt: skip
    iot.delete_job(jobId="doors")
    until(lambda: "doors" not in {job["jobId"] for job in iot.list_jobs()["jobs"]}, "the job is deleted")
    again = iot.create_job(jobId="doors", targets=[ARN + "thing/nobody"], document="{}")
    assert iot.list_tags_for_resource(resourceArn=again["jobArn"])["tags"] == []


def test_a_thing_that_joins_a_group_is_told_of_its_job_over_mqtt(cloud: AwsProcess):
    iot = cloud.client("iot")
    group = iot.create_thing_group(thingGroupName="workshop")["thingGroupArn"]
    iot.create_job(jobId="for-group", targets=[group], document="{}", targetSelection="CONTINUOUS")
    iot.create_thing(thingName="joiner")
    with cloud.thing("joiner") as device:
        device.subscribe("$aws/things/joiner/jobs/notify-next")
        iot.add_thing_to_thing_group(thingName="joiner", thingGroupName="workshop")
        ((topic, payload),) = device.messages()
        assert topic == "$aws/things/joiner/jobs/notify-next"
        assert json.loads(payload)["execution"]["jobId"] == "for-group"
        iot.remove_thing_from_thing_group(thingName="joiner", thingGroupName="workshop")
        ((_, payload),) = device.messages()
        assert "execution" not in json.loads(payload)
    execution = iot.describe_job_execution(jobId="for-group", thingName="joiner")["execution"]
    assert execution["status"] == "REMOVED"


def test_events_of_jobs_are_published_when_boto3_asks_for_them(cloud: AwsProcess):  # JE-1
    iot = cloud.client("iot")
    with cloud.thing("watcher") as watcher:
        watcher.subscribe("$aws/events/job/eventful/#")
        iot.update_event_configurations(eventConfigurations={"JOB": {"Enabled": True}})
        assert iot.describe_event_configurations()["eventConfigurations"]["JOB"] == {"Enabled": True}
        iot.create_job(jobId="eventful", targets=[ARN + "thing/nobody"], document="{}")
        iot.cancel_job(jobId="eventful")
        iot.update_event_configurations(eventConfigurations={"JOB": {"Enabled": False}})
        events = [(topic, json.loads(payload)) for topic, payload in watcher.messages()]
    assert [topic.rpartition("/")[2] for topic, _ in events] == ["cancellation_in_progress", "canceled"]
    assert {event["jobId"] for _, event in events} == {"eventful"}


def test_a_message_over_http_reaches_a_subscriber_at_the_endpoint_that_is_told(cloud: AwsProcess):
    address = cloud.client("iot").describe_endpoint(endpointType="iot:Data-ATS")["endpointAddress"]
    host, _, port = address.rpartition(":")
    assert (host, int(port)) == cloud.mqtt
    received: queue.Queue[paho.MQTTMessage] = queue.Queue()
    subscribed: queue.Queue[object] = queue.Queue()
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id="subscriber")
    client.on_message = lambda _, __, message: received.put(message)
    client.on_subscribe = lambda *_: subscribed.put(None)
    client.connect(host, int(port))
    client.loop_start()
    try:
        client.subscribe("sensors/+", 1)
        subscribed.get(timeout=PATIENCE)
        cloud.client("iot-data").publish(topic="sensors/one", payload=b"\x00warm", qos=1)
        message = received.get(timeout=PATIENCE)
        assert (message.topic, message.payload, message.qos) == ("sensors/one", b"\x00warm", 1)
    finally:
        client.disconnect()
        client.loop_stop()
