"""The template, the folders, the samples and the README tell the same story."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from masking.api import goodbye
from masking.core.settings import from_outputs
from masking.lifecycle import answer_call
from masking.stream.killed_batches import LAST_RECEIPT
from operate.deployment import NEEDED
from operate.redrive import (
    NOTICE,
    QUEUES,
    QUEUES_OF_RULES,
    ROUTES,
    TOPIC_OF_RULES,
    dead_letters_of,
)
from stack.aws.package import read_template

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = read_template(ROOT / "template.yaml")
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]
README = ROOT / "README.md"

FUNCTIONS = {
    name: resource["Properties"]
    for name, resource in RESOURCES.items()
    if resource["Type"] == "AWS::Serverless::Function"
}


def folder_of(logical_id: str) -> str:
    """Return the folder that a function's logical id stands for."""
    words = re.findall(r"[A-Z][a-z]*", logical_id.removesuffix("Function"))
    return "_".join(words).lower()


def routes() -> dict[str, str]:
    """Return the folder of each route of the template."""
    found = {}
    for logical_id, properties in FUNCTIONS.items():
        for event in properties.get("Events", {}).values():
            if event["Type"] == "HttpApi":
                route = event["Properties"]
                found[f"{route['Method']} {route['Path']}"] = folder_of(logical_id)
    return found


def statements(properties: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what a function's policies allow."""
    return [
        statement
        for policy in properties.get("Policies", [])
        for statement in policy["Statement"]
    ]


def as_list(value: Any) -> list[Any]:
    """Return a list of one or more."""
    return value if isinstance(value, list) else [value]


# Functions and folders


def test_every_function_has_its_folder_and_every_folder_its_function() -> None:
    folders = {path.parent.name for path in (ROOT / "functions").glob("*/app.py")}
    every = {path.name for path in (ROOT / "functions").iterdir() if path.is_dir()}

    assert {folder_of(name) for name in FUNCTIONS} == folders
    assert every - {"__pycache__"} == folders


@pytest.mark.parametrize("logical_id", FUNCTIONS)
def test_a_function_is_made_of_the_folder_that_it_is_named_after(
    logical_id: str,
) -> None:
    properties = FUNCTIONS[logical_id]

    assert properties["CodeUri"] == f"functions/{folder_of(logical_id)}"
    assert properties["Description"]


@pytest.mark.parametrize("logical_id", FUNCTIONS)
def test_a_function_has_a_sample_event(logical_id: str) -> None:
    sample = ROOT / "events" / f"{folder_of(logical_id)}.json"

    assert json.loads(sample.read_text())


def test_every_sample_event_belongs_to_a_function() -> None:
    named = {path.name.split(".")[0] for path in (ROOT / "events").glob("*.json")}

    assert named == {folder_of(name) for name in FUNCTIONS}


def test_one_version_of_python_stands_everywhere() -> None:
    runtime = TEMPLATE["Globals"]["Function"]["Runtime"]
    overridden = [name for name, found in FUNCTIONS.items() if "Runtime" in found]
    versions = set(re.findall(r"python3\.\d+", (ROOT / "template.yaml").read_text()))

    assert overridden == []
    assert versions == {runtime}
    for name in ("Dependencies", "Masking"):
        layer = RESOURCES[name]
        assert layer["Metadata"]["BuildMethod"] == "makefile"
        assert layer["Properties"]["CompatibleRuntimes"] == [runtime]
        assert layer["Metadata"]["BuildArchitecture"] == {"Ref": "Architecture"}


def test_function_and_layers_are_built_for_one_processor() -> None:
    assert TEMPLATE["Globals"]["Function"]["Architectures"] == [{"Ref": "Architecture"}]
    assert TEMPLATE["Parameters"]["Architecture"]["Default"] == "arm64"


# What each may do


@pytest.mark.parametrize("logical_id", FUNCTIONS)
def test_a_function_has_a_policy_of_its_own_and_no_wildcard(logical_id: str) -> None:
    properties = FUNCTIONS[logical_id]
    allowed = statements(properties)

    assert bool(allowed) == (logical_id != "GetHealthFunction")
    assert "Role" not in properties
    for statement in allowed:
        actions, resources = (as_list(statement[k]) for k in ("Action", "Resource"))
        assert not any("*" in action for action in actions)
        assert "*" not in resources
        assert not any(str(r).startswith("arn:") for r in resources)


@pytest.mark.parametrize("logical_id", FUNCTIONS)
def test_nobody_may_scan_or_delete_the_table(logical_id: str) -> None:
    actions = {
        a for s in statements(FUNCTIONS[logical_id]) for a in as_list(s["Action"])
    }

    assert actions.isdisjoint({"dynamodb:Scan", "dynamodb:DeleteTable"})


def test_nobody_deletes_items_but_who_erases_persons_or_replaces_what_is_old() -> None:
    may_delete: dict[str, set[str]] = {}
    for logical_id, properties in FUNCTIONS.items():
        for statement in statements(properties):
            if "dynamodb:DeleteItem" in as_list(statement["Action"]):
                [by_operator] = statement["Condition"].values()
                [keys] = by_operator.values()
                may_delete.setdefault(logical_id, set()).update(as_list(keys))

    may_delete.pop("EraseNumberFunction")
    assert may_delete == {
        "PublishChangesFunction": {"L#*"},
        "RepublishChangesFunction": {"L#*"},
        # Parts of snapshots.
        "ReconcileSessionsFunction": {"S#*"},
    }


def test_an_erasure_begins_when_all_are_gone_who_did_not_know_of_its_marker() -> None:
    from masking.domain import sessions

    delay = RESOURCES["ErasureQueue"]["Properties"]["DelaySeconds"]

    assert delay > sessions.LEASE.total_seconds()
    for name in ("PublishChanges", "RepublishChanges"):
        assert delay > FUNCTIONS[f"{name}Function"]["Timeout"]


def test_the_links_go_when_all_are_gone_who_did_not_know_of_the_erasure() -> None:
    from masking.domain import erasures

    for name in ("OnSessionEvent", "OnRecordingEvent", "DeliverWebhook"):
        timeout = FUNCTIONS[f"{name}Function"].get("Timeout", 10)
        assert erasures.REST.total_seconds() > timeout


@pytest.mark.parametrize("logical_id", FUNCTIONS)
def test_a_function_that_is_told_of_a_secret_may_read_it(logical_id: str) -> None:
    properties = FUNCTIONS[logical_id]
    variables = properties.get("Environment", {}).get("Variables", {})
    readable = {
        resource["Ref"]
        for statement in statements(properties)
        if statement["Action"] == "secretsmanager:GetSecretValue"
        for resource in as_list(statement["Resource"])
    }

    assert ("CARRIER_SECRET_ARN" in variables) == ("CarrierSecret" in readable)


@pytest.mark.parametrize("logical_id", FUNCTIONS)
def test_a_functions_log_has_an_end(logical_id: str) -> None:
    group = RESOURCES[FUNCTIONS[logical_id]["LoggingConfig"]["LogGroup"]["Ref"]]

    assert group["Type"] == "AWS::Logs::LogGroup"
    assert group["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}


@pytest.mark.parametrize("level", TEMPLATE["Parameters"]["LogLevel"]["AllowedValues"])
def test_no_log_level_keeps_metrics_back(level: str) -> None:
    """Lambda takes a line of metrics, which has no level, for one of INFO."""
    logging = TEMPLATE["Globals"]["Function"]["LoggingConfig"]
    let_through = TEMPLATE["Mappings"]["LogLevels"][level]["OfLambda"]

    assert logging["ApplicationLogLevel"]["Fn::FindInMap"][0] == "LogLevels"
    assert let_through == ("DEBUG" if level == "DEBUG" else "INFO")


@pytest.mark.parametrize("logical_id", FUNCTIONS)
def test_a_functions_log_is_there_before_the_function(logical_id: str) -> None:
    """Lambda would make it first, without an end, and then the deployment fails."""
    group = RESOURCES[FUNCTIONS[logical_id]["LoggingConfig"]["LogGroup"]["Ref"]]
    name = f"/aws/lambda/${{AWS::StackName}}/{folder_of(logical_id)}"

    assert group["Properties"]["LogGroupName"] == {"Fn::Sub": name}
    # What was logged under another name is kept for as long as it would have been.
    assert group["UpdateReplacePolicy"] == "Retain"


def test_only_plivos_webhooks_and_the_health_are_open() -> None:
    open_routes = {
        event["Properties"]["Path"]
        for properties in FUNCTIONS.values()
        for event in properties.get("Events", {}).values()
        if event["Type"] == "HttpApi"
        and event["Properties"].get("Auth") == {"Authorizer": "NONE"}
    }

    assert open_routes == {"/v1/health"} | {
        path for _, path in map(str.split, routes()) if "/plivo/" in path
    }
    assert RESOURCES["Api"]["Properties"]["Auth"]["DefaultAuthorizer"]


def test_no_page_of_another_origin_may_read_the_api() -> None:
    api = RESOURCES["Api"]["Properties"]

    assert "CorsConfiguration" not in api
    assert not any(route.startswith("OPTIONS ") for route in routes())


def test_a_caller_is_answered_whatever_else_the_api_is_asked() -> None:
    api = RESOURCES["Api"]["Properties"]
    answering = {route for route, name in routes().items() if name == "answer_call"}

    assert len(answering) == 2
    for route in answering:
        settings = api["RouteSettings"][route]
        assert settings["ThrottlingBurstLimit"] >= 50
        assert settings["ThrottlingRateLimit"] >= 50
        assert settings["DetailedMetricsEnabled"]


def test_callbacks_have_a_throttle_of_their_own_that_is_above_that_of_apps() -> None:
    api = RESOURCES["Api"]["Properties"]
    apps = api["DefaultRouteSettings"]
    taking = {
        route
        for route, name in routes().items()
        if name in ("on_session_event", "on_recording_event")
    }

    assert len(taking) == 4
    for route in taking:
        settings = api["RouteSettings"][route]
        assert settings["ThrottlingRateLimit"] >= 4 * apps["ThrottlingRateLimit"]
        assert settings["ThrottlingBurstLimit"] >= settings["ThrottlingRateLimit"]
        assert settings["DetailedMetricsEnabled"]


def test_no_other_route_has_a_throttle_of_its_own() -> None:
    own = RESOURCES["Api"]["Properties"]["RouteSettings"].keys()
    called = {name for route, name in routes().items() if route in own}

    assert called == {
        *("answer_call", "get_health"),
        *("on_session_event", "on_recording_event"),
    }


def test_who_needs_no_key_can_take_little_of_the_account() -> None:
    settings = RESOURCES["Api"]["Properties"]["RouteSettings"]["GET /v1/health"]

    assert settings["ThrottlingBurstLimit"] <= 20
    assert settings["ThrottlingRateLimit"] <= 10
    assert settings["DetailedMetricsEnabled"]


def test_the_fallback_that_is_registered_is_a_route_of_ours_or_the_operators() -> None:
    elsewhere, own = TEMPLATE["Outputs"]["AnswerFallbackUrl"]["Value"]["Fn::If"][1:]

    assert elsewhere == {"Ref": "GoodbyeFallbackUrl"}
    for address in own["Fn::If"][1:]:
        assert address["Fn::Sub"].endswith(goodbye.FALLBACK_PATH)
    pattern = TEMPLATE["Parameters"]["GoodbyeFallbackUrl"]["AllowedPattern"]
    for refused in ("http://x.example.com/", "https://x.example.com/#rc=1", "x"):
        assert not re.match(pattern, refused)
    assert re.match(pattern, "https://x.example.com/v1/plivo/answer")


def test_a_caller_who_reached_the_fallback_alone_rings_an_alarm() -> None:
    metrics = {
        resource["Properties"].get("MetricName")
        for resource in RESOURCES.values()
        if resource["Type"] == "AWS::CloudWatch::Alarm"
    }

    assert answer_call.FALLBACK in metrics


def test_no_function_knows_the_address_of_the_api() -> None:
    for properties in FUNCTIONS.values():
        assert "Api}" not in json.dumps(properties.get("Environment", {}))
        assert {"Ref": "Api"} not in properties.get("Environment", {}).values()


def test_no_access_log_holds_a_path() -> None:
    written = RESOURCES["Api"]["Properties"]["AccessLogSettings"]["Format"]

    assert "$context.path" not in written
    assert "$context.routeKey" in written


# Where things are kept


def test_every_queue_is_encrypted_and_every_queue_of_work_has_dead_letters() -> None:
    queues = {n: r for n, r in RESOURCES.items() if r["Type"] == "AWS::SQS::Queue"}

    assert queues
    for name, queue in queues.items():
        assert queue["Properties"]["SqsManagedSseEnabled"] is True
        if not name.endswith("DeadLetters"):
            target = queue["Properties"]["RedrivePolicy"]["deadLetterTargetArn"]
            assert target["Fn::GetAtt"][0].endswith("DeadLetters")


def test_a_batch_of_the_stream_that_is_given_up_is_worked_off_at_once() -> None:
    changes = RESOURCES["PublishChangesFunction"]["Properties"]["Events"]["Changes"]
    parked = RESOURCES["RepublishChangesFunction"]["Properties"]["Events"]["Parked"]
    destination = changes["Properties"]["DestinationConfig"]["OnFailure"]
    policy = RESOURCES["ChangeQueue"]["Properties"]["RedrivePolicy"]

    assert destination == {"Type": "SQS", "Destination": parked["Properties"]["Queue"]}
    # What kills again is parked at the last receipt, and not moved away before.
    assert policy["maxReceiveCount"] == LAST_RECEIPT


def test_the_table_and_the_bucket_outlive_the_stack_with_their_protection() -> None:
    kept = ("Table", "Bucket", "BucketPolicy", "CarrierSecret", "SigningSecret")
    for name in kept:
        assert RESOURCES[name]["DeletionPolicy"] == "Retain"
        assert RESOURCES[name]["UpdateReplacePolicy"] == "Retain"


def test_nobody_deletes_the_table_by_mistake() -> None:
    table = RESOURCES["Table"]["Properties"]
    protection = TEMPLATE["Parameters"]["DeletionProtection"]

    assert table["DeletionProtectionEnabled"] == {"Ref": "DeletionProtection"}
    assert protection["Default"] == "true"


def test_what_may_not_wait_has_concurrency_that_nothing_else_can_take() -> None:
    """Creates may hold a function for 28 seconds each while Plivo is slow."""
    reserved = {
        name
        for name, properties in FUNCTIONS.items()
        if properties.get("ReservedConcurrentExecutions", {}).get("Fn::If")
        == [
            "HasReservedConcurrency",
            {"Ref": "ReservedConcurrency"},
            {"Ref": "AWS::NoValue"},
        ]
    }

    assert {folder_of(name) for name in reserved} == {
        *("authorize", "answer_call", "on_session_event", "on_recording_event"),
    }
    # New accounts have nothing to reserve.
    assert TEMPLATE["Parameters"]["ReservedConcurrency"]["Default"] == 0


def test_every_queue_has_a_bound_of_its_own_for_what_it_takes_at_once() -> None:
    bounds = {
        logical_id: event["Properties"]["ScalingConfig"]["MaximumConcurrency"]
        for logical_id, properties in FUNCTIONS.items()
        for event in properties.get("Events", {}).values()
        if event["Type"] == "SQS"
    }

    assert len(bounds) == 5
    # As docs/operations.md says, beside the stream and the schedules.
    assert sum(bounds.values()) == 24
    assert "at most 24" in (ROOT / "docs" / "operations.md").read_text()


def test_nothing_is_of_one_region_or_partition() -> None:
    text = re.sub(r"#.*", "", (ROOT / "template.yaml").read_text())
    hosts = set(re.findall(r"[\w.-]+\.amazonaws\.com(?:\.cn)?", text))
    principals = {
        *("cloudwatch.amazonaws.com", "events.amazonaws.com"),
    }

    assert "arn:aws" not in text
    assert hosts <= principals, "names of services are the same in every partition"
    assert not re.search(r"\b(us|eu|ap|cn)-[a-z]+-\d\b", text)


def test_the_table_is_what_the_design_says() -> None:
    table = RESOURCES["Table"]["Properties"]

    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["StreamSpecification"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"
    assert table["TimeToLiveSpecification"] == {
        "AttributeName": "purge_at",
        "Enabled": True,
    }
    assert table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]
    assert table["SSESpecification"] == {"SSEEnabled": True, "SSEType": "KMS"}
    assert {index["IndexName"] for index in table["GlobalSecondaryIndexes"]} == {
        "duties",
        "by_tenant",
    }


def test_the_bucket_is_private_encrypted_and_versioned() -> None:
    bucket = RESOURCES["Bucket"]["Properties"]
    [rule] = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]

    assert all(bucket["PublicAccessBlockConfiguration"].values())
    assert rule["BucketKeyEnabled"] is True
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    assert bucket["VersioningConfiguration"]["Status"] == "Enabled"
    assert bucket["LifecycleConfiguration"]["Rules"]


def test_a_queues_time_is_longer_than_its_functions() -> None:
    queues = {
        "RecordingQueue": "StoreRecordingFunction",
        "ErasureQueue": "EraseNumberFunction",
    }

    for queue, function in queues.items():
        hidden = RESOURCES[queue]["Properties"]["VisibilityTimeout"]
        assert hidden > FUNCTIONS[function]["Timeout"]


def test_a_recording_whose_storer_was_killed_is_free_when_its_message_comes() -> None:
    from masking.domain import recordings

    hidden = RESOURCES["RecordingQueue"]["Properties"]["VisibilityTimeout"]

    assert hidden >= recordings.LEASE.total_seconds()


def test_the_bucket_has_a_rule_for_each_retention_and_none_for_what_is_held() -> None:
    from masking.core import settings
    from masking.domain import recordings
    from masking.storage.bucket import TAG

    lifecycle = RESOURCES["Bucket"]["Properties"]["LifecycleConfiguration"]
    ages = {
        tag["Value"]: rule["ExpirationInDays"]
        for rule in lifecycle["Rules"]
        for tag in rule.get("TagFilters", [])
        if tag["Key"] == TAG
    }
    untagged = [rule for rule in lifecycle["Rules"] if "TagFilters" not in rule]

    assert ages == {str(days): days for days in settings.RETENTION_DAYS}
    assert recordings.HELD not in ages
    assert not any("ExpirationInDays" in rule for rule in untagged)
    allowed = TEMPLATE["Parameters"]["RecordingRetentionDays"]["AllowedValues"]
    assert allowed == list(settings.RETENTION_DAYS)


def test_whoever_is_told_of_a_failed_recording_is_told_why_and_what_to_do() -> None:
    rule = RESOURCES["RecordingFailedRule"]["Properties"]
    [target] = rule["Targets"]

    template = target["InputTransformer"]["InputTemplate"]["Fn::Sub"]
    assert "<explanation>" in template
    assert "make redrive" in template
    assert target["Arn"] == {"Ref": "Alarms"}
    # That key lets neither CloudWatch nor EventBridge publish.
    assert "KmsMasterKeyId" not in RESOURCES["Alarms"]["Properties"]


def test_the_lease_outlasts_every_function_that_speaks_to_plivo_for_a_caller() -> None:
    from masking.domain import recordings, sessions

    for name in ("CreateSession", "UpdateSession", "ExpireSession"):
        assert FUNCTIONS[f"{name}Function"]["Timeout"] < sessions.LEASE.total_seconds()
    stored = FUNCTIONS["StoreRecordingFunction"]["Timeout"]
    assert stored < recordings.LEASE.total_seconds()


def test_the_queue_gives_a_recording_up_only_if_the_function_could_not() -> None:
    from masking.domain import recordings

    redrive = RESOURCES["RecordingQueue"]["Properties"]["RedrivePolicy"]

    assert redrive["maxReceiveCount"] > recordings.TRIES


def test_api_gateway_would_not_cut_a_function_off() -> None:
    for logical_id, properties in FUNCTIONS.items():
        events = properties.get("Events", {}).values()
        if any(event["Type"] == "HttpApi" for event in events):
            assert properties.get("Timeout", 10) < 30, logical_id


def test_sessions_are_swept_every_minute_and_reconciled_every_quarter_of_an_hour() -> (
    None
):
    rates = {
        folder_of(logical_id): event["Properties"]["Schedule"]
        for logical_id, properties in FUNCTIONS.items()
        for event in properties.get("Events", {}).values()
        if event["Type"] == "Schedule"
    }

    assert rates["expire_sessions"] == "rate(1 minute)"
    assert rates["reconcile_sessions"] == "rate(15 minutes)"


# README


def test_the_readme_lists_the_templates_routes_with_their_functions() -> None:
    listed = {}
    for line in README.read_text().splitlines():
        found = re.match(r"\|\s*`?([A-Z]+) (/v1/[^`|\s]*)`?\s*\|(.*)", line)
        if found:
            method, path, rest = found.groups()
            function = re.search(r"functions/(\w+)|`(\w+)`", rest)
            assert function, f"the README names no function for {method} {path}"
            listed[f"{method} {path}"] = function[1] or function[2]

    assert listed == routes()


def test_the_readme_names_every_functions_event_file() -> None:
    text = README.read_text()

    for logical_id in FUNCTIONS:
        assert f"{folder_of(logical_id)}.json" in text, logical_id


def test_the_table_of_samples_names_each_of_them() -> None:
    text = (ROOT / "events" / "README.md").read_text()
    named = set(re.findall(r"`([\w.]+\.json)`", text))

    assert named == {path.name for path in (ROOT / "events").glob("*.json")}


# The code


@pytest.mark.parametrize("folder", ["functions", "layers/masking"])
def test_the_product_does_not_ask_whether_it_is_local(folder: str) -> None:
    asks = re.compile(
        r"\bif\b[^\n]*\b(local|localhost|is_local|dev|debug|test(ing)?|ministack|"
        r"127\.0\.0\.1)\b|\bstack\.|from stack|import stack|AWS_SAM_LOCAL",
        re.IGNORECASE,
    )
    for path in (ROOT / folder).rglob("*.py"):
        code = re.sub(r'""".*?"""|#.*', "", path.read_text(), flags=re.DOTALL)
        assert asks.findall(code) == [], path


@pytest.mark.parametrize(
    "path", sorted((ROOT / "functions").glob("*/app.py")), ids=lambda p: p.parent.name
)
def test_a_handler_is_short_and_imports_the_shared_code_alone(path: Path) -> None:
    text = path.read_text()

    assert len(text.splitlines()) <= 40
    assert "from functions" not in text
    assert "import boto3" not in text
    assert "os.environ" not in text


def test_only_one_module_speaks_to_plivos_sdk() -> None:
    speaks = [
        path.name
        for path in (ROOT / "layers").rglob("*.py")
        if re.search(r"^\s*(import|from) plivo", path.read_text(), re.MULTILINE)
    ]

    assert sorted(speaks) == ["client.py", "transport.py"]


def test_the_environment_is_read_in_one_place() -> None:
    reads = [
        path.name
        for folder in ("layers", "functions")
        for path in (ROOT / folder).rglob("*.py")
        if re.search(
            r"\benviron\b", re.sub(r'""".*?"""', "", path.read_text(), flags=re.DOTALL)
        )
    ]

    assert reads == ["settings.py"]


def test_numbers_in_samples_are_reserved_ones() -> None:
    for path in (ROOT / "events").glob("*.json"):
        for digits in re.findall(r"(?<!\d)1\d{10}(?!\d)", path.read_text()):
            assert re.fullmatch(r"120255501\d\d", digits), f"{path.name}: {digits}"


def test_the_samconfig_holds_no_account() -> None:
    assert not re.search(r"\d{12}", (ROOT / "samconfig.toml").read_text())


def test_every_setting_of_functions_is_an_output_of_the_same_name() -> None:
    """Commands know of a deployment what its outputs say, as `Settings` reads it."""
    variables = dict(TEMPLATE["Globals"]["Function"]["Environment"]["Variables"])
    for properties in FUNCTIONS.values():
        variables |= properties.get("Environment", {}).get("Variables", {})
    # What only functions say.
    unasked = ("POWERTOOLS_", "GOODBYE_", "BUS_EVENTS")
    asked = {k: v for k, v in variables.items() if not k.startswith(unasked)}

    outputs = {name: each["Value"] for name, each in TEMPLATE["Outputs"].items()}

    assert asked.items() <= from_outputs(outputs).environment.items()
    assert outputs.keys() >= NEEDED
    assert not any("Condition" in TEMPLATE["Outputs"][name] for name in NEEDED)


@pytest.mark.parametrize("queue", sorted(ROUTES))
def test_a_redrive_leads_from_a_queue_of_dead_letters_to_one_that_is_worked_off(
    queue: str,
) -> None:
    dead, alive = (
        TEMPLATE["Outputs"][output]["Value"]["Ref"] for output in ROUTES[queue]
    )

    sources = {
        properties["Queue"]["Fn::GetAtt"][0]
        for resource in RESOURCES.values()
        for event in resource["Properties"].get("Events", {}).values()
        if event["Type"] == "SQS"
        for properties in [event["Properties"]]
    }
    assert dead.endswith("DeadLetters")
    assert alive in sources


def test_everything_that_is_parked_has_a_command_that_replays_it() -> None:
    """Of each queue and function what it parks ends in a queue that is redriven."""
    queues = {k: v for k, v in RESOURCES.items() if v["Type"] == "AWS::SQS::Queue"}
    parents = {
        queue: policy["deadLetterTargetArn"]["Fn::GetAtt"][0]
        for queue, resource in queues.items()
        if (policy := resource["Properties"].get("RedrivePolicy"))
    }
    targets = [
        target
        for resource in RESOURCES.values()
        if resource["Type"] == "AWS::Events::Rule"
        for target in resource["Properties"]["Targets"]
    ]
    of_rules = {each["DeadLetterConfig"]["Arn"]["Fn::GetAtt"][0] for each in targets}
    destinations = {
        properties["DestinationConfig"]["OnFailure"]["Destination"]["Fn::GetAtt"][0]
        for function in FUNCTIONS.values()
        for event in function.get("Events", {}).values()
        if event["Type"] in ("DynamoDB", "Kinesis")
        for properties in [event["Properties"]]
    }

    redriven = {
        name: TEMPLATE["Outputs"][dead_letters_of(name)]["Value"]["Ref"]
        for name in QUEUES
    }

    assert {*parents.values(), *of_rules} == {*redriven.values()}
    assert {each for each in queues if each not in parents} == {*redriven.values()}
    # What the stream's mapping gives up on is worked off first, and parked after.
    assert {parents[each] for each in destinations} == {redriven["changes"]}
    assert {redriven["rules"]} == of_rules


def test_every_target_of_a_rule_is_one_that_a_redrive_knows() -> None:
    outputs = TEMPLATE["Outputs"]
    known = {outputs[each]["Value"]["Ref"] for each in QUEUES_OF_RULES}
    topic = outputs[TOPIC_OF_RULES]["Value"]["Ref"]
    arns = [
        target["Arn"]
        for resource in RESOURCES.values()
        if resource["Type"] == "AWS::Events::Rule"
        for target in resource["Properties"]["Targets"]
    ]

    named = {arn.get("Ref") or arn["Fn::GetAtt"][0] for arn in arns}

    assert named == known | {topic}


def test_a_redrive_tells_the_topic_what_the_rule_would_have_told() -> None:
    [target] = RESOURCES["RecordingFailedRule"]["Properties"]["Targets"]
    words = target["InputTransformer"]

    shown = NOTICE.replace("{stack}", "${AWS::StackName}")
    for name, path in words["InputPathsMap"].items():
        shown = shown.replace(f"{{{path.removeprefix('$.detail.')}}}", f"<{name}>")

    assert words["InputTemplate"]["Fn::Sub"] == f'"{shown}"'


# Tests


def test_every_folder_of_tests_is_run() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    listed = project["tool"]["pytest"]["ini_options"]["testpaths"]
    folders = {path.parent for path in (ROOT / "tests").glob("*/**/test_*.py")}
    tops = {f"tests/{path.relative_to(ROOT / 'tests').parts[0]}" for path in folders}

    assert sorted(listed) == sorted({*tops, "simulator/tests"})


def test_erasures_that_run_at_once_share_one_rate() -> None:
    from masking.wiring.services import ERASERS

    [queue] = FUNCTIONS["EraseNumberFunction"]["Events"].values()

    assert queue["Properties"]["ScalingConfig"]["MaximumConcurrency"] == ERASERS


def test_every_thread_of_the_reconciler_and_of_the_sweep_has_a_connection() -> None:
    from masking.core import https
    from masking.domain import due_work
    from masking.domain.due_work import Schedule
    from masking.lifecycle import reconcile_sessions

    connections = https.MOST_KEPT

    assert reconcile_sessions.WORKERS <= connections
    assert len(due_work.shards(Schedule.SWEEP)) <= connections
