"""The tree of errors is as its drawing says."""

import importlib
import re

import pytest

import ota_stream.errors
from ota_stream.errors import OtaStreamError

DRAWN = re.findall(r"[├└]── (\w+)\s+\((ota_stream\.[\w.]+)\)", ota_stream.errors.__doc__ or "")


def test_the_tree_is_drawn():
    assert {"ImageError", "CatalogError", "Rejection", "UnknownTopic"} <= {name for name, _ in DRAWN}


@pytest.mark.parametrize(("name", "module"), DRAWN)
def test_an_error_is_where_it_is_drawn_and_grows_from_the_root(name, module):
    assert issubclass(getattr(importlib.import_module(module), name), OtaStreamError)
