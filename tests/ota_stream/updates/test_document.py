"""The job document, byte for byte, and back."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ota_stream.errors import ControlError
from ota_stream.signing.platforms import Algorithm
from ota_stream.updates.document import Document, DocumentFile, decode, encode, placeholder

STREAM = "AFR_OTA-6be2303d-3637-48f0-ace9-0b87b1b9a824"
SIGNED = DocumentFile("/device/fw", 537_600, 0, "cert", None, None, "sig-sha256-ecdsa", "MEQCIA==")


def document(*files, protocols=("MQTT",), stream_id=STREAM):
    return Document(protocols, stream_id, files)


def test_a_signed_file_by_mqtt_reads_as_in_the_logs_of_agents():
    """OD-1..OD-6, OD-10, OD-13."""
    assert encode(document(SIGNED)) == (
        '{"afr_ota":{"protocols":["MQTT"],"streamname":"AFR_OTA-6be2303d-3637-48f0-ace9-0b87b1b9a824","files":[{'
        '"filepath":"/device/fw","filesize":537600,"fileid":0,"certfile":"cert","sig-sha256-ecdsa":"MEQCIA=="}]}}'
    )


def test_a_file_type_stands_last():
    """OD-7, OD-13."""
    typed = DocumentFile("f", 1, 0, "c", 7, None, "sig-sha1-rsa", "AA==")
    assert encode(document(typed)).endswith('"certfile":"c","sig-sha1-rsa":"AA==","fileType":7}]}}')


def test_an_unsigned_file_has_null_where_the_signed_one_has_more():
    """OD-11."""
    assert encode(document(DocumentFile("3.8.4", 537_600, 0))).endswith(
        '"files":[{"filepath":"3.8.4","filesize":537600,"fileid":0,"certfile":null,"fileType":0,'
        '"update_data_url":null,"auth_scheme":null,"sig--":null}]}}'
    )


def test_by_http_there_is_a_url_and_no_stream():
    """OD-2, OD-8, OD-9; the order of the keys is that of live documents."""
    url = placeholder("eu-west-1", "fw", "SignedImages/1 a}.bin")
    assert url == "${aws:iot:s3-presigned-url:https://s3.eu-west-1.amazonaws.com/fw/SignedImages/1%20a%7D.bin}"  # JC-24
    file = DocumentFile("/", 1_230_320, 0, "/", 0, url, "sig-sha256-ecdsa", "MEQCIA==")
    assert encode(document(file, protocols=("HTTP",), stream_id=None)) == (
        '{"afr_ota":{"protocols":["HTTP"],"files":[{"filepath":"/","filesize":1230320,"fileid":0,"certfile":"/",'
        f'"fileType":0,"update_data_url":"{url}","auth_scheme":"aws.s3.presigned","sig-sha256-ecdsa":"MEQCIA=="}}]}}}}'
    )


def test_an_unsigned_file_by_http_has_its_url():
    """OD-11, OD-8."""
    text = encode(document(DocumentFile("f", 1, 0, url="https://x"), protocols=("MQTT", "HTTP")))
    assert text.endswith('"update_data_url":"https://x","auth_scheme":"aws.s3.presigned","sig--":null}]}}')
    assert '"protocols":["MQTT","HTTP"],"streamname":' in text


def test_a_file_without_a_name_has_no_path():
    """Scenario MissingFilename."""
    fields = json.loads(encode(document(DocumentFile(None, 1, 0))))["afr_ota"]["files"][0]
    assert next(iter(fields)) == "filesize"


def test_a_document_over_the_limit_is_refused():
    """OD-15."""
    base = len(encode(document(DocumentFile("", 1, 0))))
    assert len(encode(document(DocumentFile("x" * (32_768 - base), 1, 0)))) == 32_768
    with pytest.raises(ControlError, match="32769 bytes, over the limit of 32768"):
        encode(document(DocumentFile("x" * (32_769 - base), 1, 0)))


@pytest.mark.parametrize(
    "text",
    [
        "",
        '{"afr_ota":{"files":[{"x":' + "[" * 100_000,
        b'{"afr_ota":"\xff"}',
        "{}",
        "[]",
        '{"afr_ota":{}}',
        '{"afr_ota":{"protocols":["MQTT"],"files":[{}]}}',
    ],
)
def test_what_is_no_document_is_refused(text):
    with pytest.raises(ValueError, match=r"\w"):
        decode(text)


texts = st.text(max_size=20)
unsigned = st.builds(
    DocumentFile,
    file_path=st.none() | texts,
    file_size=st.integers(1, 2**32 - 1),
    file_id=st.integers(0, 255),
    file_type=st.integers(0, 255),
    url=st.none() | texts,
)
signed = st.builds(
    DocumentFile,
    file_path=st.none() | texts,
    file_size=st.integers(1, 2**32 - 1),
    file_id=st.integers(0, 255),
    certificate_file=st.none() | texts,
    file_type=st.none() | st.integers(0, 255),
    url=st.none() | texts,
    signature_key=st.sampled_from([algorithm.value for algorithm in Algorithm]),
    signature=texts,
)
documents = st.builds(
    Document,
    protocols=st.sampled_from([("MQTT",), ("HTTP",), ("MQTT", "HTTP")]),
    stream_id=st.none() | texts,
    files=st.lists(signed | unsigned, min_size=1, max_size=4).map(tuple),
)
WITHOUT_URL = ["filepath", "filesize", "fileid", "certfile", "sig", "fileType"]
WITH_URL = ["filepath", "filesize", "fileid", "certfile", "fileType", "update_data_url", "auth_scheme", "sig"]


@given(documents)
def test_what_is_encoded_is_decoded_and_every_key_is_in_its_place(wanted):
    """OD-13."""
    text = encode(wanted)
    assert decode(text) == wanted
    body = json.loads(text)["afr_ota"]
    assert [*body] == [key for key in ("protocols", "streamname", "files") if key in body]
    for fields in body["files"]:
        keys = ["sig" if key.startswith("sig-") else key for key in fields]
        order = WITH_URL if "auth_scheme" in fields else WITHOUT_URL
        assert keys == [key for key in order if key in keys]
