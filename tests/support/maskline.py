"""Run the command `maskline` in this process, on a deployment that a test has."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from click.testing import CliRunner

from operate.cli import maskline
from operate.deployment import LOCAL, Clients, Deployment, Running

if TYPE_CHECKING:
    from tests.support.embedded_aws import Deployment as Made

ANSWER_URL = "https://api.example.com/v1/plivo/answer"
FALLBACK_URL = f"{ANSWER_URL}/fallback"


@dataclass(frozen=True)
class Here:
    """A deployment in the place of the stack that runs on this machine."""

    outputs: Mapping[str, str]
    aws: Clients


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it printed."""

    status: int
    out: str
    err: str


@dataclass(frozen=True)
class Command:
    """The command, for a deployment."""

    running: Running | None

    def run(self, *arguments: str, **environment: str | None) -> Ended:
        """Run the command for the stack on this machine."""
        return self.run_bare("--stack", LOCAL, *arguments, **environment)

    def run_bare(self, *arguments: str, **environment: str | None) -> Ended:
        """Run the command with no option but *arguments*."""
        ended = CliRunner().invoke(
            maskline,
            arguments,
            obj=lambda: self.running,
            env=environment,
            catch_exceptions=False,
        )
        return Ended(ended.exit_code, ended.stdout, ended.stderr)

    def lines(self, *arguments: str) -> list[str]:
        """Run the command; return the lines that it printed."""
        ended = self.run(*arguments)
        assert ended.status == 0, ended
        return ended.out.splitlines()

    def json(self, *arguments: str) -> Any:
        """Run the command; return the JSON that it printed."""
        ended = self.run(*arguments, "--json")
        assert ended.status == 0, ended
        return json.loads(ended.out)


def outputs_of(made: Made, **changes: str) -> dict[str, str]:
    """Return the outputs of a test's deployment; *changes* replace some."""
    named = {
        "".join(word.capitalize() for word in name.split("_")): value
        for name, value in made.environment.items()
    }
    queue = made.recording_queue_url
    return {
        **named,
        "AlarmsTopicArn": "arn:aws:sns:us-east-1:000000000000:alarms",
        "AnswerFallbackUrl": FALLBACK_URL,
        "AnswerUrl": ANSWER_URL,
        "ApiUrl": "https://api.example.com",
        "ChangeQueueUrl": queue,
        "CheckDeadLettersUrl": named["ChangeDeadLettersUrl"],
        "ErasureDeadLettersUrl": named["ChangeDeadLettersUrl"],
        "RuleDeadLettersUrl": named["ChangeDeadLettersUrl"],
        **changes,
    }


def command_on(made: Made, aws: Clients, **changes: str) -> Command:
    """Return the command for a test's deployment; *changes* replace outputs."""
    return Command(Here(outputs_of(made, **changes), aws))


def deployment_on(made: Made, aws: Clients, **changes: str) -> Deployment:
    """Return a test's deployment as commands see it."""
    return Deployment(LOCAL, outputs_of(made, **changes), aws)
