"""The tree of errors is as its drawing says: every error of the project stands in it, where it says."""

import importlib
import pkgutil
import re
from collections.abc import Iterator

import pytest

import ota_broker
import ota_device
import ota_stream
import ota_stream.errors
from ota_stream.errors import OtaStreamError

DRAWING = ota_stream.errors.__doc__ or ""
DRAWN = {
    (name, module)
    for name, modules in re.findall(r"[├└]── (\w+)\s+\((ota_[\w. ]+)\)", DRAWING)
    for module in modules.split(" and ")
}
BY_NAME_ALONE = set(re.findall(r"[├└]── (\w+)$", DRAWING, re.MULTILINE)) | {"ControlError"}


def load_everything() -> None:
    for package in (ota_stream, ota_broker, ota_device):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)


def grown(error: type[OtaStreamError]) -> Iterator[type[OtaStreamError]]:
    for child in error.__subclasses__():
        yield child
        yield from grown(child)


@pytest.mark.parametrize(("name", "module"), sorted(DRAWN))
def test_an_error_is_where_it_is_drawn_and_grows_from_the_root(name, module):
    assert issubclass(getattr(importlib.import_module(module), name), OtaStreamError)


def test_no_error_is_missing_from_the_drawing():
    load_everything()
    public = {
        error
        for error in grown(OtaStreamError)
        if error.__module__.split(".")[0] in {"ota_stream", "ota_broker", "ota_device"}
        and not error.__name__.startswith("_")
    }
    missing = {
        (error.__name__, error.__module__)
        for error in public
        if (error.__name__, error.__module__) not in DRAWN and error.__name__ not in BY_NAME_ALONE
    }
    assert missing == set()
