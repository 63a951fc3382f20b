"""What each function may do: exactly this, on exactly these resources.

Of the table each sees the partitions that it works with (`dynamodb:LeadingKeys`): none
but the authorizer reads a key of the API, and nobody writes one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest

from masking.core import key_space
from tests.unit.test_template import (
    FUNCTIONS,
    RESOURCES,
    as_list,
    folder_of,
    statements,
)

# Partitions of the table.
SESSIONS = "S#*"
KEYS = "KEY#*"
TENANTS = "TENANT#*"
ENDPOINTS = "ENDPOINT#*"
LABELS = "L#*"
PARTIES = "P#*"
CALLERS = "C#*"
CARRIERS = "CARRIER#*"
RECORDINGS = "RECORDING#*"
ROUNDS = "ROUND#*"
POOL = "POOL#*"
GUESSES = "GUESS#*"
ATTEMPTS = "U#*"
PINS = "PIN#*"
MARKERS = "ERASED#*"
ERASURES = "ERASURE#*"
LINKS = (PARTIES, CALLERS, ATTEMPTS, LABELS, CARRIERS, RECORDINGS)


def of(*partitions: str) -> frozenset[str]:
    """Name partitions of the table."""
    return frozenset(f"Table {partition}" for partition in partitions)


Allowed = Mapping[str, frozenset[str]]

GET, QUERY, PUT, UPDATE, BATCH, DELETE = (
    f"dynamodb:{name}"
    for name in (
        *("GetItem", "Query", "PutItem"),
        *("UpdateItem", "BatchGetItem", "DeleteItem"),
    )
)
SECRET = "secretsmanager:GetSecretValue"
SEND = "sqs:SendMessage"
HIDE = "sqs:ChangeMessageVisibility"
EVENTS = "events:PutEvents"
CARRIER = frozenset({"CarrierSecret"})
SIGNING = frozenset({"SigningSecret"})
BUS = frozenset({"Bus"})
FILES = frozenset({"Bucket/recordings/*"})
BY_TENANT = frozenset({"Table/index/by_tenant"})
DUTIES = frozenset({"Table/index/duties"})

WRITES_SESSIONS: Allowed = {name: of(SESSIONS) for name in (QUERY, PUT, UPDATE)}
TAKES_CALLBACKS: Allowed = {
    GET: of(SESSIONS),
    PUT: of(SESSIONS),
    SECRET: CARRIER | SIGNING,
}
PUBLISHES: Allowed = {
    QUERY: of(SESSIONS),
    GET: of(SESSIONS, *LINKS, TENANTS, MARKERS, PINS),
    BATCH: of(POOL),
    PUT: of(SESSIONS, *LINKS, POOL, PINS),
    UPDATE: of(SESSIONS, GUESSES, TENANTS),
    EVENTS: BUS,
    SECRET: SIGNING,
}

ALLOWED: Mapping[str, Allowed] = {
    "authorize": {GET: of(KEYS), UPDATE: of(KEYS)},
    "create_session": {
        **WRITES_SESSIONS,
        GET: of(CARRIERS, TENANTS, PINS, POOL),
        PUT: of(SESSIONS, PINS),
        UPDATE: of(SESSIONS, TENANTS),
        SECRET: CARRIER | SIGNING,
    },
    "get_health": {},
    "get_session": {QUERY: of(SESSIONS)},
    "update_session": {**WRITES_SESSIONS, GET: of(POOL), SECRET: CARRIER},
    "expire_session": {**WRITES_SESSIONS, SECRET: CARRIER},
    "list_sessions": {
        QUERY: BY_TENANT | of(LABELS, PARTIES),
        BATCH: of(SESSIONS),
        SECRET: SIGNING,
    },
    "search_sessions": {
        QUERY: BY_TENANT | of(PARTIES, CALLERS, LABELS),
        BATCH: of(SESSIONS),
        SECRET: SIGNING,
    },
    "list_events": {QUERY: of(SESSIONS)},
    "list_recordings": {GET: of(SESSIONS), QUERY: of(SESSIONS)},
    "get_recording": {
        GET: of(SESSIONS, RECORDINGS),
        "s3:GetObject": FILES,
        EVENTS: BUS,
    },
    "delete_recording": {
        GET: of(SESSIONS, RECORDINGS),
        PUT: of(SESSIONS),
        "s3:DeleteObjectVersion": FILES,
        "s3:ListBucketVersions": frozenset({"Bucket"}),
        SECRET: CARRIER,
    },
    "list_deliveries": {GET: of(SESSIONS), QUERY: of(SESSIONS)},
    "replay_delivery": {
        GET: of(SESSIONS),
        QUERY: of(SESSIONS),
        PUT: of(SESSIONS),
        SEND: frozenset({"WebhookQueue"}),
    },
    "on_session_event": TAKES_CALLBACKS,
    "on_recording_event": TAKES_CALLBACKS,
    "answer_call": {PUT: of("ANSWERED#*"), SECRET: CARRIER},
    "publish_changes": {
        **PUBLISHES,
        DELETE: of(LABELS),
        SEND: frozenset({"CheckQueue", "ErasureQueue", "ChangeDeadLetters"}),
    },
    "republish_changes": {
        **PUBLISHES,
        DELETE: of(LABELS),
        SEND: frozenset({"CheckQueue", "ErasureQueue", "ChangeDeadLetters"}),
        "sqs:DeleteMessage": frozenset({"ChangeQueue"}),
        "dynamodb:GetRecords": frozenset({"Table/stream"}),
        "dynamodb:GetShardIterator": frozenset({"Table/stream"}),
    },
    "create_erasure": {
        GET: of(MARKERS, ERASURES),
        PUT: of(MARKERS, ERASURES),
        SECRET: SIGNING,
    },
    "get_erasure": {GET: of(ERASURES)},
    "erase_number": {
        GET: of(SESSIONS, CARRIERS, ERASURES),
        PUT: of(SESSIONS, ERASURES),
        BATCH: of(SESSIONS),
        UPDATE: of(SESSIONS),
        QUERY: DUTIES | of(SESSIONS, PARTIES, CALLERS, ATTEMPTS, ERASURES),
        DELETE: of(SESSIONS, PARTIES, CALLERS, ATTEMPTS, LABELS),
        "s3:DeleteObjectVersion": FILES,
        "s3:ListBucketVersions": frozenset({"Bucket"}),
        SEND: frozenset({"ErasureQueue"}),
        HIDE: frozenset({"ErasureQueue"}),
        SECRET: CARRIER | SIGNING,
    },
    "deliver_webhook": {
        BATCH: of(SESSIONS, ERASURES),
        GET: of(TENANTS, ENDPOINTS),
        PUT: of(SESSIONS),
        UPDATE: of(ENDPOINTS),
        HIDE: frozenset({"WebhookQueue"}),
        SEND: frozenset({"WebhookDeadLetters"}),
        SECRET: SIGNING,
    },
    "store_recording": {
        GET: of(SESSIONS),
        PUT: of(SESSIONS),
        "s3:PutObject": FILES,
        "s3:PutObjectTagging": FILES,
        "s3:AbortMultipartUpload": FILES,
        "s3:GetObject": FILES,
        "s3:DeleteObjectVersion": FILES,
        "s3:ListBucketVersions": frozenset({"Bucket"}),
        SEND: frozenset({"RecordingDeadLetters"}),
        SECRET: CARRIER,
        HIDE: frozenset({"RecordingQueue"}),
    },
    "expire_sessions": {
        QUERY: DUTIES,
        GET: of(SESSIONS),
        BATCH: of(SESSIONS),
        PUT: of(SESSIONS),
        SEND: frozenset({"CheckQueue"}),
    },
    "reconcile_sessions": {
        QUERY: DUTIES | of(SESSIONS),
        GET: of(SESSIONS, CARRIERS, RECORDINGS, TENANTS),
        BATCH: of(POOL),
        PUT: of(SESSIONS, RECORDINGS, ROUNDS, POOL),
        UPDATE: of(SESSIONS, ROUNDS),
        DELETE: of(SESSIONS),
        SECRET: CARRIER | SIGNING,
    },
    "check_sessions": {
        **WRITES_SESSIONS,
        GET: of(CARRIERS, SESSIONS),
        EVENTS: BUS,
        SECRET: CARRIER | SIGNING,
    },
}

PLACES = {folder_of(name): properties for name, properties in FUNCTIONS.items()}


def resource_of(value: Any) -> str:
    """Name a resource of a statement as the table above does."""
    match value:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), "Arn"]}:
            return name
        case {"Fn::GetAtt": [str(name), "StreamArn"]}:
            return f"{name}/stream"
        case {"Fn::Sub": str(text)}:
            match = re.fullmatch(r"\$\{(\w+)\.Arn\}(/.*)", text)
            assert match, text
            return match[1] + match[2]
    raise AssertionError(value)


def granted(properties: dict[str, Any]) -> dict[str, frozenset[str]]:
    """Return what a function may do: resources, or partitions, by action."""
    found: dict[str, frozenset[str]] = {}
    for statement in statements(properties):
        assert statement["Effect"] == "Allow"
        resources = {resource_of(each) for each in as_list(statement["Resource"])}
        condition = statement.get("Condition")
        if condition:
            [(operator, wanted)] = condition.items()
            assert (operator, resources) == ("ForAllValues:StringLike", {"Table"})
            [(key, partitions)] = wanted.items()
            assert key == "dynamodb:LeadingKeys"
            resources = set(of(*partitions))
        for action in as_list(statement["Action"]):
            found[action] = found.get(action, frozenset()) | resources
    return found


@pytest.mark.parametrize("function", PLACES)
def test_a_function_may_do_exactly_this(function: str) -> None:
    assert granted(PLACES[function]) == ALLOWED[function]


def test_nothing_is_listed_that_is_not_there() -> None:
    assert ALLOWED.keys() == PLACES.keys()


def test_nobody_but_the_authorizer_touches_a_key_of_the_api() -> None:
    with_keys = {
        (function, action)
        for function, properties in PLACES.items()
        for action, resources in granted(properties).items()
        if resources & {"Table", *of(KEYS)}
    }

    # It notes when a key was used, and can make none: an update finds it or fails.
    assert with_keys == {("authorize", GET), ("authorize", UPDATE)}


def test_the_partitions_are_those_that_items_makes() -> None:
    made = {
        key_space.session_key(""): SESSIONS,
        key_space.party_key("", ""): PARTIES,
        key_space.caller_key("", ""): CALLERS,
        key_space.label_key("", "", ""): LABELS,
        key_space.recording_key(""): RECORDINGS,
        key_space.tenant_key(""): TENANTS,
        key_space.carrier_key(""): CARRIERS,
        key_space.endpoint_key("", ""): ENDPOINTS,
        key_space.guess_key("", ""): GUESSES,
        key_space.attempt_key("", ""): ATTEMPTS,
        key_space.pin_key(""): PINS,
        key_space.tombstone_key("", ""): MARKERS,
        key_space.erasure_key(""): ERASURES,
    }

    for key, partition in made.items():
        assert key.startswith(partition.removesuffix("*")), partition


# What everybody may do, or nobody


def test_the_bucket_answers_over_tls_alone() -> None:
    policy = RESOURCES["BucketPolicy"]["Properties"]
    [statement] = policy["PolicyDocument"]["Statement"]

    assert policy["Bucket"] == {"Ref": "Bucket"}
    assert (statement["Effect"], statement["Principal"]) == ("Deny", "*")
    assert statement["Action"] == "s3:*"
    assert [resource_of(each) for each in statement["Resource"][:1]] == ["Bucket"]
    assert statement["Resource"][1] == {"Fn::Sub": "${Bucket.Arn}/*"}
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_the_bucket_is_nobodys_but_the_accounts() -> None:
    bucket = RESOURCES["Bucket"]["Properties"]

    assert bucket["PublicAccessBlockConfiguration"] == dict.fromkeys(
        (
            *("BlockPublicAcls", "BlockPublicPolicy"),
            *("IgnorePublicAcls", "RestrictPublicBuckets"),
        ),
        True,
    )
    [rule] = bucket["OwnershipControls"]["Rules"]
    assert rule["ObjectOwnership"] == "BucketOwnerEnforced"
    assert "AccessControl" not in bucket


@pytest.mark.parametrize("name", ["QueuePolicy", "AlarmsPolicy"])
def test_a_service_that_may_send_may_do_so_for_a_source_of_ours(name: str) -> None:
    policy = RESOURCES[name]["Properties"]["PolicyDocument"]

    for statement in policy["Statement"]:
        assert list(statement["Principal"]) == ["Service"]
        assert statement["Condition"].keys() <= {"ArnEquals", "StringEquals"}
        assert statement["Action"] in ("sqs:SendMessage", "sns:Publish")


def test_no_policy_of_the_template_is_attached_to_a_function_by_name() -> None:
    for properties in FUNCTIONS.values():
        assert all(list(each) == ["Statement"] for each in properties["Policies"])


# The API's front


def test_the_api_is_throttled() -> None:
    throttle = RESOURCES["Api"]["Properties"]["DefaultRouteSettings"]

    assert 0 < throttle["ThrottlingRateLimit"] <= throttle["ThrottlingBurstLimit"]


def test_an_access_log_holds_nothing_that_a_caller_sent() -> None:
    text = RESOURCES["Api"]["Properties"]["AccessLogSettings"]["Format"]

    assert set(re.findall(r"\$context\.([\w.]+)", text)) == {
        *("requestId", "routeKey", "status", "responseLatency"),
        *("integrationErrorMessage", "responseLength"),
    }
