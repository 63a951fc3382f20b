"""Nothing stops without a word: whatever can fail is in an alarm, or says why not."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from masking.core.problems import ProblemError
from masking.domain import deliveries
from masking.lifecycle import answer_call, reconcile, settlement
from masking.plivo import errors as carrier_errors
from masking.webhooks import deliver_webhook
from stack.aws.package import read_template
from tests.unit.test_template import FUNCTIONS, folder_of

ROOT = Path(__file__).resolve().parents[2]
RESOURCES: dict[str, Any] = read_template(ROOT / "template.yaml")["Resources"]
LAYER = ROOT / "layers" / "masking" / "masking"

OURS = "Maskline"

# Metrics that no alarm waits for, and why.
EXCEPTIONS = {
    "AnswerUnsigned": "anyone may ask the answer URL, and every caller is answered",
    "CallAfterSession": "what the goodbye is for",
    "HangupAfterSession": "what the goodbye is for",
    "ChangeParked": "ChangeDeadLettersAlarm rings for what is parked",
    "ErasureCompleted": "a success",
    "RecordingStored": "a success",
    "RecordingPutAgain": "the file is put once more, and stored",
    "RecordingNotStored": "it is tried again; what is given up is a dead letter",
    "RecordingGivenUp": "RecordingDeadLettersAlarm rings, and a message names it",
    "RecordingContradicted": "the file is stored; the contradictions stand in it",
    "UploadNotAborted": "the bucket aborts it within a day",
    "ReconcilerRequests": "how much was done",
    "SessionsExpired": "how much was done",
    "PoolNumbers": "a gauge; NumberPoolExhaustedAlarm rings for a create without one",
    "LiveSessions": "a gauge",
    "CoolingSessions": "a gauge",
    "ReconciledAdopted": "ReconciliationRepaired counts repairs",
    "ReconciledEnded": "ReconciliationRepaired counts repairs",
    "ReconciledClosed": "ReconciliationRepaired counts repairs",
    "ReconciledChecked": "ReconciliationRepaired counts repairs",
    "ReconciledRemoved": "ReconciliationRepaired counts repairs",
    "ReconciledLeft": "nothing had to be done",
    "ReconciledWaiting": "how much was done",
    "ReconciledFetched": "how much was done",
    "ReconciledSettled": "a success",
    "ReconciledFailed": "CarrierFailure counts each, and OldestDutyHours what is left",
    "WebhookDelivered": "a success",
    "WebhookDone": "there was nothing left to do",
    "WebhookPutOff": "it is tried later",
    "WebhookStopped": "the app asked for it, by its answer or by taking the URL away",
    "WebhookWaiting": "the app failed, and is tried again for a day",
    "WebhookDead": "WebhookDeadLettersAlarm rings for what is given up",
}

# What a name that is computed may be, by the expression that computes it.
COMPUTED: dict[str, set[str]] = {
    "kind": {
        getattr(answer_call, name)
        for name in ("CALL", "HANGUP", "FALLBACK", "UNSIGNED", "REPEATED")
    },
    "f'Reconciled{outcome.title()}'": {
        f"Reconciled{value.title()}"
        for name, value in {**vars(settlement), **vars(reconcile)}.items()
        if name.isupper() and isinstance(value, str)
    },
    "metric": {
        each.metric
        for each in vars(carrier_errors).values()
        if isinstance(each, type) and issubclass(each, ProblemError) and each.metric
    },
}


def _words_of_deliveries() -> set[str]:
    """Return the words that the outcome of a delivery may have."""
    tree = ast.parse(Path(deliver_webhook.__file__).read_text())
    made = {
        str(call.args[0].value)
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id == "Outcome"
        and isinstance(call.args[0], ast.Constant)
    }
    return made | {status.value for status in deliveries.Status}


COMPUTED["f\"Webhook{outcome.word.title().replace('_', '')}\""] = {
    f"Webhook{word.title().replace('_', '')}" for word in _words_of_deliveries()
}


def counts(path: Path) -> Iterator[ast.expr]:
    """Yield what a module names its metrics by."""
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        inside = path.name == "telemetry.py" and called == "count"
        if inside or called in ("telemetry.count", "telemetry.gauge"):
            yield node.args[0]


def names_in(path: Path) -> set[str]:
    """Return the names of the metrics that a module may emit."""
    found: set[str] = set()
    # Which quotes an f-string is written with differs among versions of Python.
    computed = {ast.unparse(ast.parse(k, mode="eval")): v for k, v in COMPUTED.items()}
    for name in counts(path):
        if isinstance(name, ast.Constant):
            found.add(str(name.value))
        else:
            found |= computed[ast.unparse(name)]
    return found


MODULES = [*LAYER.rglob("*.py"), *(ROOT / "functions").glob("*/app.py")]
EMITTED = {name for path in MODULES for name in names_in(path)}

ALARMS = {
    name: resource["Properties"]
    for name, resource in RESOURCES.items()
    if resource["Type"] == "AWS::CloudWatch::Alarm"
}


def metrics_of(alarm: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """Return namespace, name and dimensions of each metric that an alarm reads."""
    read = [
        each["MetricStat"]["Metric"]
        for each in alarm.get("Metrics", [])
        if "MetricStat" in each
    ]
    return [
        (
            metric["Namespace"],
            metric["MetricName"],
            {each["Name"]: each["Value"] for each in metric["Dimensions"]},
        )
        for metric in read or [alarm]
    ]


def watched(namespace: str, metric: str, dimension: str) -> set[str]:
    """Return the resources whose metric is in some alarm."""
    return {
        value.get("Ref") or value["Fn::GetAtt"][0]
        for alarm in ALARMS.values()
        for its_namespace, its_name, dimensions in metrics_of(alarm)
        if (its_namespace, its_name) == (namespace, metric)
        for value in [dimensions[dimension]]
    }


# What the code counts


def test_the_metrics_of_the_code_are_found() -> None:
    assert {"ChangesLost", "OldestExpiryMinutes", "PoolNumbers"} <= EMITTED
    assert {"CarrierCredentialsRefused", "AnswerRepeated", "WebhookDead"} <= EMITTED


@pytest.mark.parametrize("name", sorted(EMITTED))
def test_a_metric_is_in_an_alarm_or_says_why_not(name: str) -> None:
    alarmed = {m for each in ALARMS.values() for _, m, _ in metrics_of(each)}

    assert (name in alarmed) != (name in EXCEPTIONS)


def test_every_exception_is_a_metric_and_has_a_reason() -> None:
    assert EXCEPTIONS.keys() <= EMITTED
    for reason in EXCEPTIONS.values():
        assert reason
        for alarm in re.findall(r"\w+Alarm\b", reason):
            assert alarm in ALARMS


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_on_what_we_count_waits_for_what_the_code_emits_in_this_stack(
    name: str,
) -> None:
    for namespace, metric, dimensions in metrics_of(ALARMS[name]):
        if namespace == OURS:
            assert metric in EMITTED
            assert dimensions == {"service": {"Ref": "AWS::StackName"}}


# What the template has


def test_every_function_is_in_an_alarm_for_errors_and_in_one_for_throttles() -> None:
    for metric in ("Errors", "Throttles"):
        assert watched("AWS/Lambda", metric, "FunctionName") == set(FUNCTIONS)


def test_every_queue_is_in_an_alarm_dead_letters_by_depth_and_work_by_age() -> None:
    queues = {n for n, r in RESOURCES.items() if r["Type"] == "AWS::SQS::Queue"}
    dead = {name for name in queues if name.endswith("DeadLetters")}
    depth = "ApproximateNumberOfMessagesVisible"
    age = "ApproximateAgeOfOldestMessage"

    assert watched("AWS/SQS", depth, "QueueName") == dead
    assert watched("AWS/SQS", age, "QueueName") == queues - dead


def test_every_schedule_is_in_an_alarm_for_silence_and_in_one_for_late_work() -> None:
    schedules = {
        folder_of(name)
        for name, properties in FUNCTIONS.items()
        for event in properties.get("Events", {}).values()
        if event["Type"] == "Schedule"
    }

    assert schedules == {"expire_sessions", "reconcile_sessions"}
    for folder in schedules:
        mine = names_in(LAYER / "lifecycle" / f"{folder}.py")
        alarms = [each for each in ALARMS.values() if each.get("MetricName") in mine]
        silent = {
            each["MetricName"]
            for each in alarms
            if each["Statistic"] == "SampleCount"
            and each["ComparisonOperator"] == "LessThanThreshold"
            and each["Threshold"] == 1
            and each["TreatMissingData"] == "breaching"
        }
        late = {e["MetricName"] for e in alarms if e["Statistic"] == "Maximum"}
        assert len(silent) == 1
        assert silent == late


def test_whoever_reads_a_stream_is_in_an_alarm_for_lateness_and_for_silence() -> None:
    readers = {
        name
        for name, properties in FUNCTIONS.items()
        for event in properties.get("Events", {}).values()
        if event["Type"] == "DynamoDB"
    }

    assert readers
    assert watched("AWS/Lambda", "IteratorAge", "FunctionName") == readers
    assert watched("AWS/Lambda", "Invocations", "FunctionName") >= readers


def test_whoever_works_for_a_rule_of_the_bus_is_in_an_alarm_for_silence() -> None:
    queues = {
        target["Arn"]["Fn::GetAtt"][0]
        for rule in RESOURCES.values()
        if rule["Type"] == "AWS::Events::Rule"
        for target in rule["Properties"]["Targets"]
        if "Fn::GetAtt" in target["Arn"]
    }
    workers = {
        name
        for name, properties in FUNCTIONS.items()
        for event in properties.get("Events", {}).values()
        if event["Type"] == "SQS"
        and event["Properties"]["Queue"]["Fn::GetAtt"][0] in queues
    }

    assert len(workers) == len(queues) == 2
    assert watched("AWS/Lambda", "Invocations", "FunctionName") >= workers


def test_the_api_is_in_an_alarm_and_so_are_the_table_and_each_of_its_indexes() -> None:
    indexes = RESOURCES["Table"]["Properties"]["GlobalSecondaryIndexes"]
    throttled = [
        (name, dimensions.get("GlobalSecondaryIndexName"))
        for alarm in ALARMS.values()
        for _, name, dimensions in metrics_of(alarm)
        if name.endswith("ThrottleEvents")
    ]

    assert watched("AWS/ApiGateway", "5xx", "ApiId") == {"Api"}
    assert sorted(throttled, key=str) == sorted(
        (
            (f"{kind}ThrottleEvents", index)
            for kind in ("Read", "Write")
            for index in (None, *(each["IndexName"] for each in indexes))
        ),
        key=str,
    )


# The alarms themselves


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_tells_somebody_what_happened_and_decides_about_missing_data(
    name: str,
) -> None:
    alarm = ALARMS[name]

    assert alarm["AlarmActions"] == [{"Ref": "Alarms"}]
    assert alarm["AlarmDescription"].endswith((".", "docs/operations.md"))
    assert alarm["TreatMissingData"] in ("breaching", "notBreaching")
    assert alarm.get("DatapointsToAlarm", 1) <= alarm["EvaluationPeriods"]


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_keeps_the_limits_of_cloudwatch(name: str) -> None:
    alarm = ALARMS[name]
    metrics = alarm.get("Metrics", [])
    read = [each for each in metrics if "MetricStat" in each]
    periods = {each["MetricStat"]["Period"] for each in read} or {alarm["Period"]}

    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html
    assert len(read) <= 10
    assert len(periods) == 1
    assert periods.pop() * alarm["EvaluationPeriods"] <= 86_400
    if metrics:
        assert len({each["Id"] for each in metrics}) == len(metrics)
        assert [e for e in metrics if e.get("ReturnData", True)] == [metrics[0]]
        # A value that is filled in for data that is late must not decide alone.
        assert alarm.get("DatapointsToAlarm", 0) < alarm["EvaluationPeriods"]


# The runbook


def runbook() -> dict[str, list[str]]:
    """Return what the runbook says of each alarm, cell by cell."""
    text = (ROOT / "docs" / "operations.md").read_text()
    section = text.partition("\n## Alarms\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.+) \|$", section, re.MULTILINE)
    assert len({name for name, _ in rows}) == len(rows)
    return {name: re.split(r" \| ", rest) for name, rest in rows}


def test_every_alarm_has_its_row_in_the_runbook_and_every_row_its_alarm() -> None:
    assert list(runbook()) == list(ALARMS)


@pytest.mark.parametrize("name", ALARMS)
def test_a_row_says_what_happened_how_to_look_and_what_to_do(name: str) -> None:
    happened, look, act = runbook()[name]

    for cell in (happened, look, act):
        assert len(cell.split()) >= 2
    named = set(re.findall(r"`(\w+(?:Function|Queue|DeadLetters))`", look + act))
    assert named <= RESOURCES.keys()
    assert set(re.findall(r"`(\w+Alarm)`", happened + look + act)) <= ALARMS.keys()


def test_what_alarms_cost_is_told_as_it_is() -> None:
    text = (ROOT / "docs" / "operations.md").read_text()
    count = sum(len(metrics_of(alarm)) for alarm in ALARMS.values())

    assert f"They take {count} metrics in all, at $0.10 a month each" in text


def test_what_the_runbook_finds_in_logs_is_logged() -> None:
    source = "\n".join(path.read_text() for path in MODULES)
    cells = [cell for cells in runbook().values() for cell in cells]
    named = [
        text
        for cell in cells
        for text in re.findall(r"`([^`]+)` (?:is )?in the logs?\b", cell)
    ]

    assert len(named) > 8
    for text in named:
        assert f'"{text}' in source, text
