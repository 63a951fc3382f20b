"""Use two stages side by side, and look for anything of the one in the other."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from proofs.alarms.deployed import alarms_of, names_in
from proofs.harness import drain, get_json, listen_to_bus
from proofs.report import Report
from proofs.runner import Progress, progress_lines, wait_for
from proofs.two_stages.stages import two_stages
from stack.demo import scenario
from stack.demo.step import UnexpectedError
from stack.running import RunningStack

Pair = tuple[RunningStack, RunningStack]

DEMO = "the demo passes on each stage"
RESOURCES = "no resource, bus, queue, topic or table is of both stages"
SESSIONS = "a session of the one stage is unknown to the other"
EVENTS = "an event of the one stage is not on the other's bus"
METRICS = "a metric is of the stage that wrote it"
ALARMS = "what an alarm of the one stage watches no alarm of the other does"
RINGS = "what happens to the one stage rings there and not in the other"

# What the alarm of the refused callback watches.
UNSIGNED = "WebhookUnsigned"

# Its name is one within its API.
STAGE = "AWS::ApiGatewayV2::Stage"

PARTIES = {"first_party": "+12025550100", "second_party": "+12025550101"}
EVENT_SECONDS = 30.0


def prove() -> Report:
    """Start two stages, play the demo on both at once, and compare them."""
    progress = progress_lines()
    with (
        tempfile.TemporaryDirectory(prefix="maskline-proof-") as folder,
        two_stages(Path(folder), progress) as stages,
    ):
        return compare(stages, progress)


def compare(stages: Pair, progress: Progress, *, demo: bool = True) -> Report:
    """Use both stages, by the *demo* and beyond, and compare them."""
    report = Report("two stages")
    began = datetime.now(UTC)
    queues = [
        listen_to_bus(stage, f"two-stages-{stage.name}", {"source": ["maskline"]})
        for stage in stages
    ]
    if demo:
        progress("playing the demo on both")
        _play(report, stages)
    progress("creating a session in each")
    sessions = [_create(stage) for stage in stages]
    _check_sessions(report, stages, sessions)
    _check_events(report, stages, queues, sessions)
    progress("sending the first a callback without a signature")
    _send_unsigned(stages[0], sessions[0])
    metrics = [_metrics_once_unsigned(stages[0], began), _metrics(stages[1], began)]
    _check_metrics(report, stages, metrics)
    _check_resources(report, stages)
    _check_alarms(report, stages, metrics)
    return report


# The demo


def _play(report: Report, stages: Pair) -> None:
    with ThreadPoolExecutor(len(stages)) as pool:
        for stage, failure in zip(stages, pool.map(_demo, stages), strict=True):
            report.check(failure is None, DEMO, f"{stage.name}: {failure}")


def _demo(stage: RunningStack) -> str | None:
    """Return what was not as expected, or None."""
    try:
        for step in scenario.play(stage, lambda _: None):
            if not step.holds:
                return step.title
    except (UnexpectedError, httpx.HTTPError) as error:
        return str(error)
    return None


# Sessions and events


def _api(stage: RunningStack) -> httpx.Client:
    key = {"Authorization": f"Bearer {stage.api_key}"}
    return httpx.Client(
        base_url=stage.addresses.api_url, headers=key, timeout=40, trust_env=False
    )


def _create(stage: RunningStack) -> str:
    with _api(stage) as api:
        # The demo's session holds its pair.
        parties = {**PARTIES, "first_party": "+12025550103"}
        created = api.post("/v1/sessions", json=parties).raise_for_status().json()
        return str(created["session"]["session_uuid"])


def _check_sessions(report: Report, stages: Pair, sessions: list[str]) -> None:
    for place, stage in enumerate(stages):
        with _api(stage) as api:
            for of, session in enumerate(sessions):
                status = api.get(f"/v1/sessions/{session}").status_code
                expected = 200 if of == place else 404
                case = f"{stage.name} answers {status} for one of {stages[of].name}"
                report.check(status == expected, SESSIONS, case)


def _check_events(
    report: Report, stages: Pair, queues: list[str], sessions: list[str]
) -> None:
    seen = [
        _until_created(stage, queue, session)
        for stage, queue, session in zip(stages, queues, sessions, strict=True)
    ]
    for stage, mine, others in zip(stages, seen, reversed(seen), strict=True):
        for session in mine:
            case = f"{stage.name} has an event of session {session}"
            report.check(session not in others, EVENTS, case)


def _until_created(stage: RunningStack, queue: str, session: str) -> set[str]:
    """Return the sessions that the bus had events of, *session* among them."""
    seen: set[str] = set()

    def look() -> bool:
        for message in drain(stage, queue):
            detail = json.loads(message["Body"])["detail"]
            seen.update(filter(None, [detail.get("session_uuid")]))
        return session in seen

    wait_for(f"the event of a create on the bus of {stage.name}", look, EVENT_SECONDS)
    return seen


# Metrics and alarms


def _send_unsigned(stage: RunningStack, session: str) -> None:
    with httpx.Client(base_url=stage.addresses.plivo_url, trust_env=False) as plivo:
        known = get_json(plivo, "/_sim/sessions")["sessions"]
    urls = [str(each["session"]["callback_url"]) for each in known]
    [url] = [url for url in urls if session in url]
    answer = httpx.post(url, data={"EventName": "SessionTimeout"}, trust_env=False)
    if answer.status_code != httpx.codes.FORBIDDEN:
        raise UnexpectedError(
            f"An unsigned callback was answered {answer.status_code}."
        )


def _metrics_once_unsigned(stage: RunningStack, began: datetime) -> set[str]:
    def look() -> set[str] | None:
        found = _metrics(stage, began)
        return found if any(UNSIGNED in each for each in found) else None

    return wait_for(f"the metric {UNSIGNED} of {stage.name}", look, EVENT_SECONDS)


def _metrics(stage: RunningStack, began: datetime) -> set[str]:
    """Return what the functions' logs count: namespace, name and dimensions of each."""
    logs = stage.aws.client("logs")
    since = int((began - timedelta(seconds=1)).timestamp() * 1000)
    found: set[str] = set()
    for group in stage.log_groups().values():
        try:
            pages = logs.get_paginator("filter_log_events").paginate(
                logGroupName=group, startTime=since, filterPattern="_aws"
            )
            for page in pages:
                for event in page["events"]:
                    found |= set(_counted(event["message"]))
        except logs.exceptions.ResourceNotFoundException:
            # A function that has not run.
            continue
    return found


def _counted(line: str) -> Iterator[str]:
    try:
        written = json.loads(line)
    except ValueError:
        return
    if not isinstance(written, dict) or "_aws" not in written:
        return
    for shape in written["_aws"]["CloudWatchMetrics"]:
        for names in shape["Dimensions"]:
            dimensions = {name: written[name] for name in names}
            for metric in shape["Metrics"]:
                yield _key(shape["Namespace"], metric["Name"], dimensions)


def _key(namespace: str, name: str, dimensions: dict[str, str]) -> str:
    return json.dumps([namespace, name, dimensions], sort_keys=True)


def _check_metrics(report: Report, stages: Pair, metrics: list[set[str]]) -> None:
    for stage, written in zip(stages, metrics, strict=True):
        for each in written:
            service = json.loads(each)[2].get("service")
            report.check(service == stage.name, METRICS, f"{stage.name}: {each}")


def _alarms(stage: RunningStack) -> dict[str, str]:
    """Return what the alarms of a stage watch: one entry for each metric of each."""
    return {
        f"{stage.name} {alarm.name} {name}": _key(*metric.key[:2], dict(metric.key[2]))
        for alarm in alarms_of(names_in(stage))
        for name, metric in alarm.metrics.items()
    }


def _check_alarms(report: Report, stages: Pair, metrics: list[set[str]]) -> None:
    first, second = map(_alarms, stages)
    compare_alarms(report, first, second, set().union(*metrics))


def compare_alarms(
    report: Report,
    of_first: Mapping[str, str],
    of_second: Mapping[str, str],
    written: set[str],
) -> None:
    """Check that no two alarms of different stages watch the same, and which ring.

    Each mapping has what an alarm watches by its name; *written* is what was counted.
    """
    for name, watched in {**of_first, **of_second}.items():
        others = of_second if name in of_first else of_first
        report.check(watched not in others.values(), ALARMS, f"{name}: {watched}")
    unsigned = {each for each in written if UNSIGNED in each}
    rung = [
        sum(each in unsigned for each in alarms.values())
        for alarms in (of_first, of_second)
    ]
    report.check(rung == [1, 0], RINGS, f"alarms that would ring: {rung}")


# Resources


def _resources(stage: RunningStack) -> dict[str, set[str]]:
    """Return the names of a stack's resources by type."""
    described = stage.aws.client("cloudformation").describe_stack_resources(
        StackName=stage.name
    )
    found: dict[str, set[str]] = {}
    for each in described["StackResources"]:
        names = found.setdefault(each["ResourceType"], set())
        names.add(each["PhysicalResourceId"])
    return found


def _check_resources(report: Report, stages: Pair) -> None:
    values: Any = stages[0].outputs.items() & stages[1].outputs.items()
    # Of a number or a choice both may have the same; of what has an address, not.
    shared = {name for name, value in values if "://" in value or ":" in value}
    first, second = map(_resources, stages)
    compare_resources(report, first, second, shared)


def compare_resources(
    report: Report,
    first: Mapping[str, set[str]],
    second: Mapping[str, set[str]],
    shared: set[str],
) -> None:
    """Check that two stages have the same types of resources and share none.

    Each mapping has names by type; *shared* are the outputs with an equal address.
    """
    report.check(first.keys() == second.keys(), RESOURCES, "other types of resources")
    for kind, names in first.items():
        if kind == STAGE:
            continue
        both = names & second.get(kind, set())
        report.check(not both, RESOURCES, f"{kind}: {sorted(both)}")
    report.check(not shared, RESOURCES, f"outputs: {sorted(shared)}")
