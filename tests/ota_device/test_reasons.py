"""Numeric reasons, there and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ota_device.reasons import WORDS, Code, Form, JobFault, Reason, parse, words


@pytest.mark.parametrize(
    ("reason", "text", "said"),
    [
        (Reason(Code.SIGNATURE), "0x000000e3: 0x00000000", "signature check failed"),
        (Reason(Code.BAD_BLOCK), "0x000000e0: 0x00000000", "a block that does not fit the file"),
        (Reason(Code.CERTIFICATE), "0x000000e7: 0x00000000", "the device does not hold the signer's certificate"),
        (
            Reason(Code.JOB_PARSER, JobFault.NOT_CONFORMING),
            "0x0000000c: 0x00000004",
            "job document not understood: a member is missing or is not what it should be",
        ),
        (Reason(Code.JOB_PARSER, 9), "0x0000000c: 0x00000009", "job document not understood"),
        (
            Reason(Code.FILE_CREATE, 0x15, Form.ABORTED),
            "aborted: 0xe4000015",
            "aborted: the file cannot be created on the device",
        ),
        (
            Reason(Code.NO_PROTOCOL, form=Form.ABORTED),
            "aborted: 0x0000000d",
            "aborted: no data protocol the device speaks",
        ),
        (Reason(Code.NONE, form=Form.ABORTED), "aborted: 0x00000000", "aborted: no answer to the block requests"),
        (
            Reason(Code.LOWER_VERSION, form=Form.REJECTED),
            "rejected: 0x0000000f",
            "rejected: the new image has a lower version than the old one",
        ),
        (
            Reason(Code.SAME_VERSION, form=Form.REJECTED),
            "rejected: 0x00000010",
            "rejected: the new image has the same version as the old one",
        ),
        (
            Reason(Code.SELF_TEST_MISMATCH, form=Form.REJECTED),
            "rejected: 0x00000011",
            "rejected: the job is in self test, the device is not: the new image did not come up",
        ),
    ],
)
def test_a_reason_of_the_fault_matrix_has_its_text_and_its_words(reason, text, said):  # 6.3, 6.4
    assert (str(reason), parse(text), words(text)) == (text, reason, said)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0x000000e3", "signature check failed"),
        ("0x000000E3: 0x0000001A", "signature check failed"),
        ("0x23000000: 0x00000000", "the new image has the same version as the old one"),  # OA-11
        ("aborted: 0x13", "aborted: 0x13"),
        ("0x00000099: 0x00000001", "code 0x00000099"),
        ("accepted  v0.9.3", "accepted v0.9.3"),
        ("accepted  v.9.3", "accepted v0.9.3"),  # the 202211 release, for a zero part
        ("Success 60000bytes", "Success 60000bytes"),
        ("", ""),
    ],
)
def test_what_other_agents_write_is_put_into_words_or_left_as_it_is(text, said):
    assert words(text) == said


@given(
    code=st.sampled_from(Code),
    sub=st.integers(0, 2**24 - 1),
    form=st.sampled_from(Form),
)
def test_every_reason_comes_back_from_its_text(code, sub, form):
    reason = Reason(code, sub if form is Form.FAILED or code >= Code.BAD_BLOCK else 0, form)
    assert parse(str(reason)) == reason


def test_every_code_has_words():
    assert set(WORDS) == set(Code)
