"""The command sends its key to the deployment's API, and to nobody else."""

from __future__ import annotations

from operate.deployment import LOCAL, Deployment
from proofs.http_listener import HttpListener, reply
from tests.support.embedded_aws import Deployment as Made
from tests.support.embedded_aws import EmbeddedAws
from tests.support.maskline import command_on, outputs_of

PHONES = ("--first", "+12025550100", "--second", "+12025550101")
ELSEWHERE = "http://127.0.0.1:9"


def test_the_stack_on_this_machine_is_asked_on_this_machine(
    deployment: Made, aws: EmbeddedAws, wire: HttpListener
) -> None:
    wire.answers(reply(403, b"no such key"))
    command = command_on(deployment, aws, ApiUrl=ELSEWHERE, PublicBaseUrl=wire.origin)

    ended = command.run("probe", *PHONES, MASKLINE_API_KEY="maskline_x")

    assert (ended.status, ended.out) == (1, "")
    assert ended.err == "Error: the session could not be made: no such key\n"


def test_a_stack_at_aws_is_asked_by_the_address_of_its_api(
    deployment: Made, aws: EmbeddedAws
) -> None:
    outputs = outputs_of(deployment, ApiUrl="https://a", PublicBaseUrl="https://b")

    assert Deployment("masks", outputs, aws).api_url == "https://a"
    assert Deployment(LOCAL, outputs, aws).api_url == "https://b"
    assert (
        Deployment(LOCAL, outputs | {"PublicBaseUrl": ""}, aws).api_url == "https://a"
    )


def test_an_address_that_is_named_comes_first(
    deployment: Made, aws: EmbeddedAws, wire: HttpListener
) -> None:
    wire.answers(reply(403, b"not this one"))
    command = command_on(deployment, aws, PublicBaseUrl=ELSEWHERE)

    ended = command.run(
        "probe", *PHONES, "--api", wire.origin, MASKLINE_API_KEY="maskline_x"
    )

    assert "not this one" in ended.err
