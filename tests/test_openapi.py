"""schemathesis makes requests from the OpenAPI document and compares the answers with it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks
from serving import api

from rag.pipeline import Pipeline

# A question may fit the schema and still be none ("?"): that well-formed requests succeed is not
# asked here but in tests/test_serve.py.
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
    checks.unsupported_method,
]
OPERATIONS = [
    ("POST", "/v1/chat/completions"),
    ("GET", "/v1/models"),
    ("GET", "/v1/models/{model}"),
    ("GET", "/search"),
    ("GET", "/health"),
]
HAS_INPUT = [("POST", "/v1/chat/completions"), ("GET", "/search")]  # that can be wrong


@pytest.fixture(scope="module")
def document(small_pipeline: Pipeline) -> Iterator[schemathesis.BaseSchema]:
    with api(small_pipeline) as address:
        yield schemathesis.openapi.from_url(f"{address}/openapi.json")


def test_every_operation_is_tried(document: schemathesis.BaseSchema) -> None:
    found = [one.ok() for one in document.get_all_operations()]
    assert {(one.method.upper(), one.path) for one in found} == set(OPERATIONS)


@pytest.mark.parametrize(
    ("operation", "mode"),
    [
        *((operation, GenerationMode.POSITIVE) for operation in OPERATIONS),
        *((operation, GenerationMode.NEGATIVE) for operation in HAS_INPUT),
    ],
)
def test_the_server_does_what_its_description_says(
    document: schemathesis.BaseSchema, operation: tuple[str, str], mode: GenerationMode
) -> None:
    method, path = operation

    @given(case=document[path][method].as_strategy(generation_mode=mode))
    @settings(
        max_examples=30, deadline=None, derandomize=True, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    def conforms(case: schemathesis.Case) -> None:
        case.call_and_validate(checks=CHECKS, timeout=30)

    conforms()
