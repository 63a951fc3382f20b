"""Stacks that run: found, used, invoked, and apart from one another."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from masking.core.key_space import session_key
from stack.addresses import free_addresses
from stack.environments import ROOT
from stack.invoke import InvokeError, invoke
from stack.running import STATE_DIR, RunningStack, StackError, find_running
from stack.stack import Stack

SESSION = "/v1/sessions/00000000-0000-4000-8000-000000000000"


def test_functions_are_known_by_their_folders(stack: RunningStack) -> None:
    folders = {path.parent.name for path in ROOT.glob("functions/*/app.py")}

    assert stack.function_names().keys() == folders


def test_invoke_gives_answer_and_log(stack: RunningStack, tmp_path: Path) -> None:
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"headers": {"authorization": "Bearer nobody"}}))

    invocation = invoke(stack, "authorize", event)

    assert not invocation.failed
    assert invocation.answer["isAuthorized"] is False
    assert json.loads(invocation.log.splitlines()[0])["service"] == "maskline-local"


def test_invoke_of_an_unknown_function_lists_the_known_ones(
    stack: RunningStack,
) -> None:
    known = "no function 'fly'; deployed are answer_call, authorize"
    with pytest.raises(InvokeError, match=known):
        invoke(stack, "fly", None)


@pytest.mark.parametrize("content", [None, "{not json"])
def test_invoke_with_an_event_that_can_not_be_read_is_a_sentence(
    stack: RunningStack, tmp_path: Path, content: str | None
) -> None:
    event = tmp_path / "event.json"
    if content:
        event.write_text(content)

    with pytest.raises(InvokeError, match=str(event)):
        invoke(stack, "authorize", event)


def test_a_running_stack_is_found_by_its_folder(stack: RunningStack) -> None:
    found = find_running(stack.run_dir.parent)

    assert found
    assert found.addresses == stack.addresses
    assert found.outputs == stack.outputs


def test_no_stack_is_found_where_none_runs(tmp_path: Path) -> None:
    assert find_running(tmp_path) is None


def test_what_a_killed_stack_left_is_not_taken_for_a_running_one(
    stack: RunningStack, tmp_path: Path
) -> None:
    description = json.loads((stack.run_dir / "stack.json").read_text())
    description["addresses"]["aws_port"] = free_addresses().aws_port
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "stack.json").write_text(json.dumps(description))

    assert find_running(tmp_path) is None


def test_a_second_stack_in_the_same_folder_is_refused(stack: RunningStack) -> None:
    folder = stack.run_dir.parent

    with pytest.raises(StackError, match=f"runs already with the folder {folder}"):
        Stack(free_addresses(), folder).__enter__()

    assert find_running(folder)


def test_two_stacks_do_not_disturb_each_other(
    stack: RunningStack, tmp_path: Path
) -> None:
    marker = {"pk": {"S": session_key("first")}, "sk": {"S": "MARKER"}}
    stack.aws.client("dynamodb").put_item(
        TableName=stack.outputs["TableName"], Item=marker
    )

    with Stack(free_addresses(), tmp_path) as second:
        items = second.running.aws.client("dynamodb").scan(
            TableName=second.running.outputs["TableName"]
        )["Items"]
        answer = httpx.get(
            f"{second.running.addresses.api_url}{SESSION}", trust_env=False
        )

    assert marker not in items
    assert answer.status_code == 401
    first = httpx.get(stack.addresses.api_url + SESSION, trust_env=False)
    assert first.status_code == 401


def test_the_tests_do_not_touch_the_stack_of_make_run(stack: RunningStack) -> None:
    assert stack.run_dir.parent != STATE_DIR
