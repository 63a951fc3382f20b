"""Maskline in an app of the AWS CDK: ``cdk deploy -c maskline=https://...``.

The context value `maskline` is the address of the packaged template in a bucket; see
docs/operations.md. Needs the package aws-cdk-lib.
"""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_events, aws_events_targets, aws_sqs


def build(app: cdk.App) -> cdk.Stack:
    """Put Maskline into a stack of the app, and its events into a queue."""
    stack = cdk.Stack(app, "Calls")
    maskline = cdk.CfnStack(
        stack,
        "Maskline",
        template_url=app.node.get_context("maskline"),
        parameters={"RetentionDays": "90"},
    )
    maskline.apply_removal_policy(cdk.RemovalPolicy.RETAIN)
    bus = aws_events.EventBus.from_event_bus_name(
        stack, "Bus", maskline.get_att("Outputs.BusName").to_string()
    )
    queue = aws_sqs.Queue(stack, "Events")
    aws_events.Rule(
        stack,
        "EventsRule",
        event_bus=bus,
        event_pattern=aws_events.EventPattern(source=["maskline"]),
        targets=[aws_events_targets.SqsQueue(queue)],
    )
    cdk.CfnOutput(stack, "ApiUrl", value=maskline.get_att("Outputs.ApiUrl").to_string())
    return stack


if __name__ == "__main__":
    app = cdk.App()
    build(app)
    app.synth()
