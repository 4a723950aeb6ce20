"""Certificates of devices: made off the loop, and known where the request asks for them."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from aws_cloud import AwsCloud, forget_moto, serving_aws
from live import PATIENCE
from ota_stream.api.aws.handlers import certificates


def in_region(cloud: AwsCloud, region: str) -> Any:
    return boto3.Session("test", "test", region_name=region).client("iot", endpoint_url=cloud.base)


def test_a_key_is_made_in_a_thread_of_its_own(client, cloud: AwsCloud, monkeypatch):
    threads = []
    generate = rsa.generate_private_key

    def noted(**given: int) -> rsa.RSAPrivateKey:
        threads.append(threading.current_thread())
        return generate(**given)

    monkeypatch.setattr(certificates.rsa, "generate_private_key", noted)
    made = client("iot").create_keys_and_certificate()
    assert len(threads) == 1
    assert threads[0] is not cloud._thread
    key = load_pem_private_key(made["keyPair"]["PrivateKey"].encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    assert key.key_size == 2048
    assert x509.load_pem_x509_certificate(made["certificatePem"].encode()).public_key() == key.public_key()


def test_what_moto_has_may_be_written_while_a_key_is_made(client, cloud: AwsCloud, monkeypatch):
    begun, go_on = threading.Event(), threading.Event()
    generate = rsa.generate_private_key

    def slow(**given: int) -> rsa.RSAPrivateKey:
        begun.set()
        assert go_on.wait(PATIENCE)
        return generate(**given)

    client("iot").create_thing(thingName="t1")
    monkeypatch.setattr(certificates.rsa, "generate_private_key", slow)
    with ThreadPoolExecutor(1) as aside:
        making = aside.submit(client("iot").create_keys_and_certificate)
        assert begun.wait(PATIENCE)
        asyncio.run_coroutine_threadsafe(cloud.gateway.keep(), cloud._loop).result(PATIENCE)
        assert cloud.ask("GET", "/_ota/streams").status == 200  # the loop is free
        go_on.set()
        made = making.result(PATIENCE)
    cloud.stop()  # which writes once more, if there is news
    forget_moto()
    with serving_aws(cloud.folder) as again:
        assert in_region(again, "us-east-1").describe_certificate(certificateId=made["certificateId"])


def test_a_certificate_is_known_in_the_region_of_the_request(cloud: AwsCloud):
    iot = in_region(cloud, "eu-west-1")
    made = iot.create_keys_and_certificate(setAsActive=True)
    assert made["certificateArn"].startswith("arn:aws:iot:eu-west-1:123456789012:cert/")
    assert iot.describe_certificate(certificateId=made["certificateId"])["certificateDescription"]["status"] == "ACTIVE"
    iot.create_thing(thingName="t1")
    iot.attach_thing_principal(thingName="t1", principal=made["certificateArn"])
    with pytest.raises(ClientError) as caught:
        in_region(cloud, "us-east-1").describe_certificate(certificateId=made["certificateId"])
    assert caught.value.response["Error"]["Code"] == "ResourceNotFoundException"


@pytest.mark.parametrize("call", ["create_keys_and_certificate", "list_things"])
def test_a_region_that_is_none_is_told(cloud: AwsCloud, caplog, call: str):
    with pytest.raises(ClientError) as caught:
        getattr(in_region(cloud, "mars-1"), call)()
    assert caught.value.response["Error"] == {
        "Code": "InvalidRequestException",
        "Message": "There is no region 'mars-1'",
    }
    assert "Traceback" not in caplog.text
