"""What goes wrong with a simulated device itself, on purpose: its power, its flash, its clock (docs/faults.md)."""

from typing import Annotated, Any, Final, Literal, get_args

import msgspec
from msgspec import Meta, Struct

from ota_device.errors import DeviceError

Count = Annotated[int, Meta(ge=1)]


class Mishap(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="fault"):
    """One of them."""

    @classmethod
    def kind(cls) -> str:
        """Return what it is called."""
        return str(cls.__struct_config__.tag)


class PowerCut(Mishap, frozen=True, kw_only=True, tag="power-cut"):
    """The power is cut once: at the `write`-th write to the flash, at `block`, or at the `reboot`-th reboot.

    What was not made durable survives by chance, as `seed` has it. Raises ValueError unless one of the three is given.
    """

    write: Count | None = None
    block: Annotated[int, Meta(ge=0)] | None = None
    reboot: Count | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Check that it has a moment. Raises ValueError."""
        if sum(each is not None for each in (self.write, self.block, self.reboot)) != 1:
            raise ValueError("say when, by one of write=K, block=N and reboot=N")

    def __str__(self) -> str:
        """Say when."""
        moment = {"flash write": self.write, "block": self.block, "reboot": self.reboot}
        return " ".join(f"{what} {number}" for what, number in moment.items() if number is not None)


class BadFlash(Mishap, frozen=True, kw_only=True, tag="bad-flash"):
    """From the `write`-th write on each one fails with an `error`, or has a wrong `bit`."""

    how: Literal["error", "bit"] = "error"
    write: Count = 1


class WrongClock(Mishap, frozen=True, kw_only=True, tag="wrong-clock"):
    """The device's clock is `days` off, below zero behind: to TLS the server's certificate is not valid then."""

    days: float = -20_000.0


AnyMishap = PowerCut | BadFlash | WrongClock
KINDS: Final[dict[str, type[Mishap]]] = {kind.kind(): kind for kind in get_args(AnyMishap)}


def read(text: str) -> AnyMishap:
    """Read one as it is written on a command line: `power-cut:write=7`, `bad-flash:how=bit,write=3`.

    Raises:
        DeviceError: one line that says what is wrong.
    """
    kind, _, rest = text.partition(":")
    members: dict[str, Any] = {"fault": kind}
    for part in filter(None, rest.split(",")):
        name, equals, value = part.partition("=")
        if not equals:
            raise DeviceError(f"fault {text!r}: write KIND:NAME=VALUE, as in power-cut:write=7 (docs/faults.md)")
        members[name] = value
    try:
        made: AnyMishap = msgspec.convert(members, AnyMishap, strict=False)
    except msgspec.ValidationError as error:
        raise DeviceError(f"fault {text!r}: {error} (docs/faults.md)") from None
    return made
