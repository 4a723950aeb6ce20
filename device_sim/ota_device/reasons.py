"""The numeric reasons a FreeRTOS OTA agent reports, both ways: a code to its text on the wire, the text to words.

Source of the numbers: device-agents.md 6.1, 6.3 and 6.4; of the forms: OA-5, OA-6, OA-7.
"""

import re
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import Final

from msgspec import Struct


class Code(IntEnum):
    """What went wrong. From 0xe0 on it is the platform (flash, certificate, boot) that says so."""

    NONE = 0x00
    JOB_PARSER = 0x0C
    NO_PROTOCOL = 0x0D
    UNANSWERED = 0x0E
    LOWER_VERSION = 0x0F
    SAME_VERSION = 0x10
    SELF_TEST_MISMATCH = 0x11
    USER_ABORT = 0x13
    CBOR_ENCODE = 0x14
    CBOR_DECODE = 0x15
    SIZE_OVERFLOW = 0x17
    BAD_BLOCK = 0xE0  # "not initialised" in the source; also what a bad block ends with
    MEMORY = 0xE1
    SIGNATURE = 0xE3
    FILE_CREATE = 0xE4
    FILE_TOO_LARGE = 0xE5
    BOOT_INFO = 0xE6
    CERTIFICATE = 0xE7
    IMAGE_STATE = 0xE8
    ABORT = 0xE9
    REJECT = 0xEA
    COMMIT = 0xEB
    ACTIVATE = 0xEC
    FILE_ABORT = 0xED
    FILE_CLOSE = 0xEE


class JobFault(IntEnum):
    """The sub-code of JOB_PARSER."""

    NO_JOB = 1
    SAME_JOB = 2
    SIZE_ZERO = 3
    NOT_CONFORMING = 4
    TOO_BIG = 5


class Form(StrEnum):
    """How a reason begins on the wire."""

    FAILED = ""  # OA-6: code and sub-code
    REJECTED = "rejected"  # OA-7: the self test refused the new image
    ABORTED = "aborted"  # OA-7: the agent gave up


WORDS: Final = MappingProxyType(
    {
        Code.NONE: "no answer to the block requests",  # the code of "aborted" after too many of them
        Code.JOB_PARSER: "job document not understood",
        Code.NO_PROTOCOL: "no data protocol the device speaks",
        Code.UNANSWERED: "too many block requests without an answer",
        Code.LOWER_VERSION: "the new image has a lower version than the old one",
        Code.SAME_VERSION: "the new image has the same version as the old one",
        Code.SELF_TEST_MISMATCH: "the job is in self test, the device is not: the new image did not come up",
        Code.USER_ABORT: "aborted by the user",
        Code.CBOR_ENCODE: "CBOR not encoded",
        Code.CBOR_DECODE: "CBOR not decoded",
        Code.SIZE_OVERFLOW: "a size is out of range",
        Code.BAD_BLOCK: "a block that does not fit the file",
        Code.MEMORY: "out of memory",
        Code.SIGNATURE: "signature check failed",
        Code.FILE_CREATE: "the file cannot be created on the device",
        Code.FILE_TOO_LARGE: "the file is too large for the device",
        Code.BOOT_INFO: "the boot information cannot be written",
        Code.CERTIFICATE: "the device does not hold the signer's certificate",
        Code.IMAGE_STATE: "the image state is wrong",
        Code.ABORT: "the platform cannot abort",
        Code.REJECT: "the platform cannot reject the image",
        Code.COMMIT: "the platform cannot commit the image",
        Code.ACTIVATE: "the platform cannot activate the image",
        Code.FILE_ABORT: "the file cannot be given up",
        Code.FILE_CLOSE: "the file cannot be closed",
    }
)
_OLDER: Final = MappingProxyType({0x23: WORDS[Code.SAME_VERSION]})  # OA-11: agents before v3
JOB_FAULTS: Final = MappingProxyType(
    {
        JobFault.NO_JOB: "there is no job",
        JobFault.SAME_JOB: "it is the same job",
        JobFault.SIZE_ZERO: "the file size is zero",
        JobFault.NOT_CONFORMING: "a member is missing or is not what it should be",
        JobFault.TOO_BIG: "the file is too big",
    }
)
_PLATFORM: Final = 0xE0  # codes from here on stand in the top byte of a single number
_TOP: Final = 24  # bits below the top byte
_FAILED: Final = re.compile(r"0x([0-9a-f]{8})(?:: 0x([0-9a-f]{8}))?", re.IGNORECASE)
_SINGLE: Final = re.compile(r"(rejected|aborted): 0x([0-9a-f]{8})", re.IGNORECASE)
_ACCEPTED: Final = re.compile(r"accepted +v(\d*)\.(\d*)\.(\d*)")


class Reason(Struct, frozen=True):
    """Why a job failed: `code` one of Code where known, `sub` what the platform or parser adds."""

    code: int
    sub: int = 0
    form: Form = Form.FAILED

    def __str__(self) -> str:
        if self.form is Form.FAILED:
            return f"0x{self.code:08x}: 0x{self.sub:08x}"
        number = self.code << _TOP | self.sub if self.code >= _PLATFORM else self.code
        return f"{self.form}: 0x{number:08x}"

    @property
    def words(self) -> str:
        """What a person reads."""
        known = WORDS.get(Code(self.code)) if self.code in set(Code) else _OLDER.get(self.code)
        said = known or f"code 0x{self.code:08x}"
        if self.code == Code.JOB_PARSER and self.sub in set(JobFault):
            said = f"{said}: {JOB_FAULTS[JobFault(self.sub)]}"
        return f"{self.form}: {said}" if self.form else said


def parse(text: str) -> Reason | None:
    """Return the reason a text is, or None when it is none of the agents' numeric ones."""
    if found := _FAILED.fullmatch(text):
        return _split(int(found[1], 16), int(found[2] or "0", 16), Form.FAILED)
    if found := _SINGLE.fullmatch(text):
        return _split(int(found[2], 16), 0, Form(found[1].lower()))
    return None


def _split(number: int, sub: int, form: Form) -> Reason:
    """Take a platform code out of the top byte, where single numbers carry it."""
    if top := number >> _TOP:
        return Reason(top, sub or number & (1 << _TOP) - 1, form)
    return Reason(number, sub, form)


def words(text: str) -> str:
    """Return what a reason of an execution means to a person; a text of no known form is returned as it is."""
    if reason := parse(text):
        return reason.words
    if found := _ACCEPTED.match(text):  # the 202211 release prints nothing for a zero part: v.9.3
        return "accepted v" + ".".join(part or "0" for part in found.groups())
    return text
