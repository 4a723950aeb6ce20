from pathlib import Path

import pytest

from ota_stream.api.aws import coverage, model, operations

PAGE = Path(__file__).parents[5] / "docs" / "aws-coverage.md"


def test_the_page_is_what_the_table_and_the_models_say():
    assert PAGE.read_text(encoding="utf-8") == coverage.page()


@pytest.mark.parametrize("service", sorted({service for service, _ in operations.table()}))
def test_every_row_is_an_operation_of_the_model(service: str):
    rows = {name for of, name in (*operations.table(), *operations.PASSED) if of == service}
    assert rows <= set(model.operation_names(service))
