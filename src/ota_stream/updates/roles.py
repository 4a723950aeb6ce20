"""The roles that streams and OTA updates act in: what is asked of one, and an image that is read in its name."""

from typing import Final, Protocol

from ota_stream.streams.catalog import Image, ImageForbidden

PASSING: Final = "iam:PassRole"  # OL-7, OL-13

Right = tuple[str, str]
"""An action and the resource it is for."""


class Roles(Protocol):
    """What the roles of the account may do."""

    def may_assume(self, role_arn: str) -> str | None:
        """Return None when AWS IoT can act as the role, else why not, in one clause for a person."""
        ...

    def may(self, role_arn: str, action: str, resource: str) -> str | None:
        """Return None when AWS IoT can act as the role and it may do this, else why not."""
        ...


class AnyRole:
    """Every role there could be may everything: nobody looks (satisfies Roles)."""

    def may_assume(self, role_arn: str) -> str | None:  # noqa: ARG002 - of the protocol
        """Return None."""
        return None

    def may(self, role_arn: str, action: str, resource: str) -> str | None:  # noqa: ARG002 - of the protocol
        """Return None."""
        return None


def reading(bucket: str, key: str, version: str | None) -> Right:
    """Return what it takes to read an object; a version has an action of its own (OL-13)."""
    return ("s3:GetObject" if version is None else "s3:GetObjectVersion"), _object(bucket, key)


def writing(bucket: str, key: str) -> Right:
    """Return what it takes to put an object (OL-13)."""
    return "s3:PutObject", _object(bucket, key)


class RoleImage:
    """An image that is there as long as a role may read it (satisfies `streams.catalog.Image`)."""

    def __init__(self, image: Image, roles: Roles, role_arn: str, right: Right) -> None:
        self._image = image
        self._roles = roles
        self._asked = (role_arn, *right)

    @property
    def size(self) -> int:
        """Bytes."""
        return self._image.size

    def etag(self) -> str:
        """Return the tag of the content as it is now. Raises ImageError: ImageForbidden when the role may not."""
        reason = self._roles.may(*self._asked)
        if reason is not None:
            raise ImageForbidden(reason)
        return self._image.etag()

    def read(self, start: int, end: int) -> bytes:
        """Return the bytes from `start` to before `end`; whoever reads has asked for the tag before."""
        return self._image.read(start, end)


def _object(bucket: str, key: str) -> str:
    return f"arn:aws:s3:::{bucket}/{key}"
