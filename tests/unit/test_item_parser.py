"""Items are read out of DynamoDB's answers as botocore reads them."""

from __future__ import annotations

import json
from typing import Any

import botocore.session
import pytest
from botocore import parsers

from tests.support.item_parser import ItemParser, ItemParserFactory

ITEM = {
    "pk": {"S": "S#1"},
    "text": {"S": ""},
    "count": {"N": "-12.50"},
    "bytes": {"B": "AAEC/w=="},
    "yes": {"BOOL": True},
    "no": {"BOOL": False},
    "nothing": {"NULL": True},
    "names": {"SS": ["a", "b"]},
    "numbers": {"NS": ["1", "2"]},
    "files": {"BS": ["AA==", ""]},
    "map": {"M": {"list": {"L": [{"M": {}}, {"L": []}, {"N": "0"}]}}},
}

REASONS = {
    "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
    "CancellationReasons": [{"Code": "None"}, {"Code": "Failed", "Item": ITEM}],
}


@pytest.mark.parametrize(
    ("service", "operation", "status", "body"),
    [
        ("dynamodb", "GetItem", 200, {"Item": ITEM}),
        ("dynamodb", "GetItem", 200, {}),
        ("dynamodb", "Query", 200, {"Items": [ITEM, ITEM], "LastEvaluatedKey": ITEM}),
        ("dynamodb", "BatchGetItem", 200, {"Responses": {"table": [ITEM]}}),
        ("dynamodb", "PutItem", 200, {"ConsumedCapacity": {"CapacityUnits": 1.5}}),
        ("dynamodb", "TransactWriteItems", 400, REASONS),
        (
            "dynamodbstreams",
            "GetRecords",
            200,
            {"Records": [{"dynamodb": {"NewImage": ITEM, "OldImage": ITEM}}]},
        ),
    ],
)
def test_an_answer_reads_as_botocore_reads_it(
    service: str, operation: str, status: int, body: Any
) -> None:
    model = botocore.session.Session().get_service_model(service)
    shape = model.operation_model(operation).output_shape
    assert shape
    answer = {
        "status_code": status,
        "headers": {"x-amzn-requestid": "1"},
        "body": json.dumps(body).encode(),
        "context": {"operation_name": operation},
    }

    seen = ItemParser().parse(answer, shape)

    assert seen == parsers.JSONParser().parse(answer, shape)


def test_a_value_of_two_types_is_refused() -> None:
    model = botocore.session.Session().get_service_model("dynamodb")
    shape = model.operation_model("GetItem").output_shape
    assert shape
    odd = json.dumps({"Item": {"a": {"S": "1", "N": "1"}}}).encode()
    answer = {"status_code": 200, "headers": {}, "body": odd, "context": {}}

    with pytest.raises(ValueError, match="too many values"):
        ItemParser().parse(answer, shape)


@pytest.mark.parametrize("protocol", ["query", "rest-xml", "rest-json"])
def test_other_protocols_are_botocores(protocol: str) -> None:
    made = ItemParserFactory().create_parser(protocol)

    usual: Any = parsers.PROTOCOL_PARSERS[protocol]
    assert type(made) is usual
