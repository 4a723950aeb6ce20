"""Job messages: the matrix of device-agents 6.4, and what the parser tolerates (OD-1 to OD-22)."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_world import CERTIFICATE, STREAM, document
from ota_device.document import Ignored, Job, NoJob, Signature, Unfit, read
from ota_device.versions import Version

IMAGE = b"firmware" * 100
MIB = 1024 * 1024
SIG = base64.b64encode(b"signature").decode()
PARSE_ERROR = "0x0000000c: 0x00000004"


def message(doc: object, **execution: object) -> bytes:
    return json.dumps(
        {"clientToken": "t", "timestamp": 1, "execution": {"jobId": "j", "jobDocument": doc, **execution}}
    ).encode()


def verdict(doc: object, needs: frozenset[str] = frozenset(), **execution: object):
    return read(message(doc, **execution), 4 * MIB, needs)


def test_a_whole_document_is_a_job():
    assert verdict(document(IMAGE, **{"sig-sha256-ecdsa": SIG})) == Job(
        "j", STREAM, 0, 800, "firmware.bin", CERTIFICATE, Signature("sig-sha256-ecdsa", b"signature")
    )


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        pytest.param(document(IMAGE, drop=("filepath",)), "aborted: 0xe4000015", id="no filepath"),
        pytest.param(document(IMAGE, filepath=None), "aborted: 0xe4000015", id="filepath null"),
        pytest.param(document(IMAGE, **{"sig-sha256-ecdsa": "no base64!"}), PARSE_ERROR, id="signature not base64"),
        pytest.param(document(IMAGE, **{"sig-sha256-ecdsa": 5}), PARSE_ERROR, id="signature a number"),
        pytest.param(document(IMAGE, drop=("filesize",)), PARSE_ERROR, id="no filesize"),
        pytest.param(document(IMAGE, filesize=-1), PARSE_ERROR, id="filesize negative"),
        pytest.param(document(IMAGE, filesize=2**32), PARSE_ERROR, id="filesize over 32 bits"),
        pytest.param(document(IMAGE, filesize="800"), PARSE_ERROR, id="filesize a text"),
        pytest.param(document(IMAGE, filesize=True), PARSE_ERROR, id="filesize a bool"),
        pytest.param(document(IMAGE, drop=("fileid",)), PARSE_ERROR, id="no fileid"),
        pytest.param({"afr_ota": {"files": [{}]}}, PARSE_ERROR, id="no protocols"),
        pytest.param(document(IMAGE, ota={"files": []}), PARSE_ERROR, id="no file"),
        pytest.param(document(IMAGE, ota={"files": [7]}), PARSE_ERROR, id="a file that is none"),
        pytest.param(document(IMAGE, ota={"streamname": "x" * 45}), PARSE_ERROR, id="stream name too long"),  # OD-22
        pytest.param({"operation": "reboot"}, PARSE_ERROR, id="custom document"),
        pytest.param(None, PARSE_ERROR, id="no document"),
        pytest.param("text", PARSE_ERROR, id="document a text"),
        pytest.param(document(IMAGE, ota={"protocols": ["HTTP"]}), "aborted: 0x0000000d", id="only HTTP"),
    ],
)
def test_a_document_that_does_not_fit_fails_the_job_with_the_number(changed, reason):  # 6.4
    unfit = verdict(changed)
    assert isinstance(unfit, Unfit)
    assert (unfit.job_id, str(unfit.reason)) == ("j", reason)


@pytest.mark.parametrize("size", [0, 4 * MIB + 1])
def test_a_size_of_zero_or_beyond_the_bitmap_is_ignored(size):  # 6.4: nothing; the job stays QUEUED
    ignored = verdict(document(IMAGE, filesize=size))
    assert isinstance(ignored, Ignored)
    assert str(size) in ignored.why


@pytest.mark.parametrize(
    ("changed", "differs"),
    [
        pytest.param(document(IMAGE, drop=("certfile",)), {"certificate": None}, id="no certfile"),
        pytest.param(document(IMAGE, certfile=None), {"certificate": None}, id="certfile null"),
        pytest.param(document(IMAGE, drop=("sig-sha256-ecdsa",)), {"signature": None}, id="no signature"),
        pytest.param(
            document(
                IMAGE, drop=("sig-sha256-ecdsa",), **{"sig--": None, "update_data_url": None, "auth_scheme": None}
            ),
            {"signature": None},
            id="the unsigned document of the service",  # OD-11
        ),
        pytest.param(
            document(IMAGE, drop=("sig-sha256-ecdsa",), **{"sig-sha1-rsa": SIG}),
            {"signature": Signature("sig-sha1-rsa", b"signature")},
            id="another algorithm",
        ),
        pytest.param(
            document(IMAGE, drop=("sig-sha256-ecdsa",), **{"sig-md5-rsa": SIG}), {"signature": None}, id="a key unknown"
        ),
        pytest.param(document(IMAGE, ota={"streamname": None}), {"stream_id": ""}, id="streamname null"),
        pytest.param(document(IMAGE, ota={"protocols": ["HTTP", "MQTT"]}), {}, id="both protocols"),
        pytest.param(document(IMAGE, fileType=202), {"file_type": 202}, id="fileType"),
        pytest.param(document(IMAGE, fileType=None), {"file_type": 0}, id="fileType null"),
        pytest.param(document(IMAGE, attr=3, other={"a": []}), {}, id="members it does not know"),  # OD-12
    ],
)
def test_what_may_be_missing_or_more_is_still_a_job(changed, differs):
    job = verdict(changed)
    assert isinstance(job, Job)
    assert {name: getattr(job, name) for name in differs} == differs
    assert job.size == len(IMAGE)


def test_of_two_files_the_first_counts():  # OD-14, 6.4
    doc = document(IMAGE)
    doc["afr_ota"]["files"].append({"filesize": 5})
    assert verdict(doc) == verdict(
        document(IMAGE, **{"sig-sha256-ecdsa": doc["afr_ota"]["files"][0]["sig-sha256-ecdsa"]})
    )


@pytest.mark.parametrize("missing", ["filepath", "certfile", "sig-sha256-ecdsa"])
def test_the_library_devices_need_more(missing):  # OD-21
    needs = frozenset({"filepath", "certfile", "sig-sha256-ecdsa"})
    assert isinstance(verdict(document(IMAGE), needs), Job)
    unfit = verdict(document(IMAGE, drop=(missing,)), needs)
    assert isinstance(unfit, Unfit)
    assert str(unfit.reason) == PARSE_ERROR


@pytest.mark.parametrize(
    ("details", "in_test", "updated_by"),
    [
        (None, False, None),
        ({}, False, None),
        ({"receive": "1/15"}, False, None),
        ({"self_test": "ready", "updatedBy": "0x00090002"}, True, Version(0, 9, 2)),
        ({"self_test": "active", "updatedBy": "0x00090003"}, True, Version(0, 9, 3)),
        ({"self_test": "receiving"}, False, None),  # rustot, OA-9
        ({"updatedBy": "589826"}, True, Version(0, 9, 2)),  # Corstone: a decimal string, no self_test
        ({"self_test": "ready", "updatedBy": "0x0009000z"}, True, None),  # 6.1: a C integer from end to end
    ],
)
def test_the_self_test_is_read_from_the_details(details, in_test, updated_by):  # OA-8
    job = verdict(document(IMAGE), statusDetails=details)
    assert isinstance(job, Job)
    assert (job.in_test, job.updated_by) == (in_test, updated_by)


@pytest.mark.parametrize("payload", [b'{"clientToken":"t","timestamp":1}', b"{}", b'{"timestamp":1,"execution":{}}'])
def test_a_message_without_an_execution_is_no_job(payload):  # JS-2, JNF-5
    assert read(payload, MIB) == NoJob()


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xff",
        b"[1]",
        b'{"execution":[1]}',
        b'{"execution":{"jobDocument":{}}}',
        b'{"execution":{"jobId":"","jobDocument":{}}}',
        b'{"a":' + b"[" * 100_000,
    ],
)
def test_a_message_that_names_no_job_is_ignored(payload):
    assert isinstance(read(payload, MIB), Ignored)


@given(st.binary(max_size=200))
def test_any_bytes_give_a_verdict(payload):
    assert isinstance(read(payload, MIB), Ignored | NoJob)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["afr_ota", "protocols", "files", "filesize", "fileid", "filepath", "streamname"]),
                inner,
            )
        ),
        max_leaves=12,
    )
)
def test_any_document_gives_a_verdict_on_its_job(doc):
    assert isinstance(verdict(doc), Job | Unfit | Ignored)
