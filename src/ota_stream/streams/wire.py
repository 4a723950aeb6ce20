"""The shapes of the wire, one letter a field (docs/wire.md); both codecs read into them."""

from typing import Any

from msgspec import Struct


class Describe(Struct, frozen=True, gc=False):
    """A DescribeStream request. An explicit null is a field left out."""

    c: str | None = None


class Get(Describe, frozen=True, gc=False):
    """A GetStream request without its bitmap."""

    s: int | None = None
    f: int | None = None
    l: int | None = None  # noqa: E741 - the wire's letter
    o: int | None = None
    n: int | None = None


class TextGet(Get, frozen=True, gc=False):
    """A GetStream request as JSON writes it."""

    b: str | None = None


class BinaryGet(Get, frozen=True, gc=False):
    """A GetStream request as CBOR writes it: `b` is a byte string, or a text some device took for one."""

    b: Any = None


class StrictDescribe(Describe, frozen=True, gc=False, forbid_unknown_fields=True):
    """The same under `unknown_keys: reject` (G-20)."""


class StrictTextGet(TextGet, frozen=True, gc=False, forbid_unknown_fields=True):
    """The same under `unknown_keys: reject` (G-20)."""


class StrictBinaryGet(BinaryGet, frozen=True, gc=False, forbid_unknown_fields=True):
    """The same under `unknown_keys: reject` (G-20)."""


class Block(Struct, frozen=True, gc=False):
    """One block, as a device reads it."""

    f: int
    l: int  # noqa: E741 - the wire's letter
    i: int
    p: bytes
    c: str | None = None


class File(Struct, frozen=True, gc=False):
    """A file in a description: id and size in bytes."""

    f: int
    z: int


class Description(Struct, frozen=True, gc=False):
    """The answer to DescribeStream, as a device reads it."""

    s: int
    r: list[File]
    d: str | None = None
    c: str | None = None


class Rejected(Struct, frozen=True, gc=False):
    """A rejection, as a device reads it: the short keys are the documented ones (EC-1, EC-2)."""

    o: str
    m: str
    c: str | None = None
