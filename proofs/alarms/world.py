"""What breakages need of a running stack: ways to break a part of it and to mend it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any
from urllib.parse import urlencode, urlsplit

from plivo.utils import signature_v3

from masking.core.key_space import STATE, session_key
from masking.core.times import stamp
from masking.plivo import callback_urls
from masking.storage.table import read_item, written_item
from masking.tenants.authorize import digest_of
from plivo_simulator import account
from proofs.alarms import runbook
from proofs.alarms.deployed import Names, names_in
from proofs.alarms.virtual_time import VirtualTime
from proofs.creates.fast_forward import end_leases
from proofs.faults import arm
from proofs.harness import (
    api_client,
    http_client,
    invoke,
    make_call,
    services_of,
    simulator_client,
)
from proofs.runner import ProofError
from stack.running import RunningStack, folder_of

# A handler that no function has.
NO_HANDLER = "app.nothing_of_that_name"
NOTHING = "nothing-of-that-name"

FORM = {"content-type": "application/x-www-form-urlencoded"}
NONCE = "05429567804466091622"


@dataclass
class World:
    """A stack, its time, and clients of its API and of the simulator."""

    stack: RunningStack
    time: VirtualTime

    def __post_init__(self) -> None:
        self.names: Names = names_in(self.stack)
        self.api = api_client(self.stack)
        self.plivo = http_client(self.stack.addresses.api_url)
        self.simulator = simulator_client(self.stack)
        self.functions = self.stack.aws.client("lambda")
        self.sqs = self.stack.aws.client("sqs")
        self.dynamodb = self.stack.aws.client("dynamodb")
        self._pairs = iter(range(10_000))

    @cached_property
    def stores(self) -> Any:
        """Return the table's stores."""
        return services_of(self.stack).stores

    def name(self, logical_id: str) -> str:
        """Return the name of a resource in the stack."""
        return self.names.resources[logical_id]

    # Functions

    def invoke(self, function: str, event: object = None) -> None:
        """Invoke a function, whatever comes of it."""
        with_errors = self.functions.exceptions.TooManyRequestsException
        try:
            self.functions.invoke(
                FunctionName=self.name(function), Payload=json.dumps(event or {})
            )["Payload"].read()
        except with_errors:
            return

    @contextmanager
    def failing(self, function: str) -> Iterator[None]:
        """Have a function fail whenever it is invoked."""
        with self.configured(function, Handler=NO_HANDLER):
            yield

    @contextmanager
    def configured(self, function: str, **changed: Any) -> Iterator[None]:
        """Change the configuration of a function, and let requests meet it."""
        name = self.name(function)
        before = self.functions.get_function_configuration(FunctionName=name)
        kept = {each: before[each] for each in changed}
        self.functions.update_function_configuration(FunctionName=name, **changed)
        self.stack.publish(folder_of(function))
        try:
            yield
        finally:
            self.functions.update_function_configuration(FunctionName=name, **kept)
            self.stack.publish(folder_of(function))

    @contextmanager
    def with_variables(self, function: str, **changed: str) -> Iterator[None]:
        """Change variables of a function's environment."""
        found = self.functions.get_function_configuration(
            FunctionName=self.name(function)
        )["Environment"]["Variables"]
        with self.configured(function, Environment={"Variables": {**found, **changed}}):
            yield

    @contextmanager
    def throttled(self, function: str) -> Iterator[None]:
        """Have a function refused for lack of concurrency."""
        name = self.name(function)
        self.functions.put_function_concurrency(
            FunctionName=name, ReservedConcurrentExecutions=0
        )
        try:
            yield
        finally:
            self.functions.delete_function_concurrency(FunctionName=name)

    @contextmanager
    def unread(self, function: str) -> Iterator[None]:
        """Disable what brings a function its queue or its stream."""
        [mapping] = self.functions.list_event_source_mappings(
            FunctionName=self.name(function)
        )["EventSourceMappings"]
        uuid = mapping["UUID"]
        self.functions.update_event_source_mapping(UUID=uuid, Enabled=False)
        try:
            yield
        finally:
            self.functions.update_event_source_mapping(UUID=uuid, Enabled=True)

    @contextmanager
    def without_rule(self, rule: str) -> Iterator[None]:
        """Disable a rule of a schedule, or one of the bus."""
        events = self.stack.aws.client("events")
        name = self.name(rule).rpartition("/")[2]
        bus = self.stack.outputs["BusName"]
        rules = events.list_rules(EventBusName=bus)["Rules"]
        is_of_bus = name in {each["Name"] for each in rules}
        of_bus = {"EventBusName": bus} if is_of_bus else {}
        events.disable_rule(Name=name, **of_bus)
        try:
            yield
        finally:
            events.enable_rule(Name=name, **of_bus)

    # Queues

    def send(self, queue: str, message: object, **attributes: str) -> None:
        """Send a message to a queue."""
        self.sqs.send_message(
            QueueUrl=self.name(queue),
            MessageBody=json.dumps(message),
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value}
                for name, value in attributes.items()
            },
        )

    def arn_of(self, queue: str) -> str:
        """Return the ARN of a queue."""
        answer = self.sqs.get_queue_attributes(
            QueueUrl=self.name(queue), AttributeNames=["QueueArn"]
        )
        return str(answer["Attributes"]["QueueArn"])

    @contextmanager
    def received_at_most(self, times: int, queue: str) -> Iterator[None]:
        """Have a queue's messages become dead letters sooner."""
        url = self.name(queue)
        kept = self.sqs.get_queue_attributes(
            QueueUrl=url, AttributeNames=["RedrivePolicy"]
        )["Attributes"]["RedrivePolicy"]
        policy = json.dumps({**json.loads(kept), "maxReceiveCount": times})
        self.sqs.set_queue_attributes(
            QueueUrl=url, Attributes={"RedrivePolicy": policy}
        )
        try:
            yield
        finally:
            self.sqs.set_queue_attributes(
                QueueUrl=url, Attributes={"RedrivePolicy": kept}
            )

    def restore(self) -> None:
        """Let Plivo and DynamoDB do as asked."""
        self.time.throttle("none")
        arm(self.simulator, {})

    def purge(self, queue: str) -> None:
        """Empty a queue."""
        self.sqs.purge_queue(QueueUrl=self.name(queue))

    def empty(self) -> None:
        """Empty all queues."""
        for logical_id in self.names.resources:
            if logical_id.endswith(("Queue", "DeadLetters")):
                self.purge(logical_id)

    # The runbook

    def written(self, entry: runbook.Entry) -> Counter[str]:
        """Return how often each line of an entry is in the logs."""
        return runbook.written(self.stack, entry)

    def run(self, command: str) -> str | None:
        """Run a command; return what is wrong with how it ended."""
        return runbook.run(self.stack, command)

    def parked(self, commands: list[str]) -> list[str]:
        """Return what is parked still after these commands."""
        return list(runbook.parked(self.stack, commands))

    def finish(self) -> None:
        """Have the reconciler do now what was left in doubt, and not in a while."""
        end_leases(self.stack)
        invoke(self.stack, "reconcile_sessions", {})

    def batch_of_changes(self) -> dict[str, Any]:
        """Return what Lambda sends of a batch that it gives up: where it is.

        It is the last three changes: those before may be of what was broken.
        """
        streams = self.stack.aws.client("dynamodbstreams")
        table = self.stack.outputs["TableName"]
        arn = self.dynamodb.describe_table(TableName=table)["Table"]["LatestStreamArn"]
        described = streams.describe_stream(StreamArn=arn)["StreamDescription"]
        shard = described["Shards"][-1]["ShardId"]
        begun = streams.get_shard_iterator(
            StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
        )
        numbers: list[str] = []
        place = begun["ShardIterator"]
        while read := streams.get_records(ShardIterator=place)["Records"]:
            numbers += [each["dynamodb"]["SequenceNumber"] for each in read]
            after = streams.get_shard_iterator(
                StreamArn=arn,
                ShardId=shard,
                ShardIteratorType="AFTER_SEQUENCE_NUMBER",
                SequenceNumber=numbers[-1],
            )
            place = after["ShardIterator"]
        numbers = numbers[-3:]
        return {
            "DDBStreamBatchInfo": {
                "shardId": shard,
                "startSequenceNumber": numbers[0],
                "endSequenceNumber": numbers[-1],
                "batchSize": len(numbers),
                "streamArn": arn,
            }
        }

    # Sessions

    def create(self, **asked: Any) -> dict[str, Any]:
        """Create a session for a pair of its own. Raise ProofError if none came."""
        answer = self.try_to_create(**asked)
        if answer.status_code != 201:
            raise ProofError(f"a create answered {answer.status_code}: {answer.text}")
        session: dict[str, Any] = answer.json()["session"]
        return session

    def try_to_create(self, **asked: Any) -> Any:
        """Ask for a session for a pair of its own; return the answer."""
        number = next(self._pairs)
        # Ofcom's numbers for drama, of which there are enough.
        first, second = (f"+4477009{each:05d}" for each in (number, 50_000 + number))
        parties = {"first_party": first, "second_party": second}
        return self.api.post("/v1/sessions", json={**parties, **asked})

    def end(self, session: Mapping[str, Any]) -> int:
        """End a session; return the status of the answer."""
        path = f"/v1/sessions/{session['session_uuid']}"
        return int(self.api.delete(path).status_code)

    def call(
        self, session: Mapping[str, Any], caller: str | None = None, **more: Any
    ) -> dict[str, Any]:
        """Play a call to a session from its first party, or from *caller*."""
        script = {
            "from": caller or session["first_party"],
            "to": session["virtual_number"],
            "talk_seconds": 1,
        }
        return make_call(self.simulator, {**script, **more}, callbacks_within=20)

    def state(self, session: Mapping[str, Any]) -> dict[str, Any]:
        """Return the state of a session as it is in the table."""
        found = self.dynamodb.get_item(
            TableName=self.stack.outputs["TableName"],
            Key=written_item({"pk": session_key(session["session_uuid"]), "sk": STATE}),
        )
        return dict(read_item(found["Item"]))

    def put(self, item: Mapping[str, Any]) -> None:
        """Write an item of the table as it is given."""
        self.dynamodb.put_item(
            TableName=self.stack.outputs["TableName"], Item=written_item(item)
        )

    def forget(self, session: Mapping[str, Any]) -> None:
        """Take the state of a session out of the table: nothing is due for it."""
        key = {"pk": session_key(session["session_uuid"]), "sk": STATE}
        self.dynamodb.delete_item(
            TableName=self.stack.outputs["TableName"], Key=written_item(key)
        )

    def make_due(self, session: Mapping[str, Any], ago: timedelta) -> None:
        """Have what is next to be done for a session be due since so long."""
        since = stamp(datetime.now(UTC) - ago)
        item = self.state(session)
        times = [name for name in ("settle_at", "expiry_time") if name in item]
        self.put({**item, **dict.fromkeys(times[:1], since), "duty_at": since})

    def forget_use_of_keys(self) -> None:
        """Have the next use of the tenant's key be due to be written."""
        key = {"pk": f"KEY#{digest_of(self.stack.api_key)}", "sk": "KEY"}
        found = self.dynamodb.get_item(
            TableName=self.stack.outputs["TableName"], Key=written_item(key)
        )
        item = read_item(found["Item"])
        self.put({k: v for k, v in item.items() if k != "last_used_at"})

    # What Plivo sends

    def callback(self, session: Mapping[str, Any], body: bytes, **headers: str) -> int:
        """Send a callback to where Plivo was told to; return the answer's status."""
        url = callback_urls.registration(
            services_of(self.stack).callback_key,
            self.stack.addresses.api_url,
            session["session_uuid"],
            1,
        )["callback_url"]
        answer = self.plivo.post(
            urlsplit(url).path, content=body, headers={**FORM, **headers}
        )
        return answer.status_code

    def ask_for_answer(self, path: str, **fields: str) -> int:
        """Ask what a caller is to hear, signed; return the answer's status."""
        url = f"{self.stack.addresses.api_url}{path}"
        signed = signature_v3.construct_post_url(url, fields)
        value = signature_v3.get_signature_v3(
            account.AUTH_TOKEN.encode(), signed.decode(), NONCE
        )
        headers = {
            **FORM,
            "x-plivo-signature-v3": value.decode(),
            "x-plivo-signature-v3-nonce": NONCE,
        }
        answer = self.plivo.post(path, content=urlencode(fields), headers=headers)
        return answer.status_code

    def close(self) -> None:
        """Close the clients."""
        for client in (self.api, self.plivo, self.simulator, self.time.client):
            client.close()


def functions_of(names: Names) -> list[str]:
    """Return the logical ids of all functions, in the order of their names."""
    return sorted(
        logical_id
        for logical_id in names.resources
        if logical_id.endswith("Function") and folder_of(logical_id)
    )
