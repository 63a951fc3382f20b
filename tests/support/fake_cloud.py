"""An AWS of three services, as far as the import of an HTTP API speaks with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from stack.aws.clients import LocalAws


class Formation:
    """CloudFormation with one stack."""

    def __init__(self, template: dict[str, Any], physical: dict[str, str]) -> None:
        self.template = template
        self.physical = physical

    def get_template(self, **_: str) -> dict[str, Any]:
        """Return the processed template."""
        return {"TemplateBody": self.template}

    def describe_stack_resources(self, **_: str) -> dict[str, Any]:
        """Return what stands for what."""
        return {
            "StackResources": [
                {"LogicalResourceId": logical, "PhysicalResourceId": physical}
                for logical, physical in self.physical.items()
            ]
        }


class Functions:
    """Lambda, which knows each function's ARN."""

    @staticmethod
    def get_function(*, FunctionName: str) -> dict[str, Any]:  # noqa: N803 - boto3's
        """Return a function's configuration."""
        arn = f"arn:aws:lambda:us-east-1:000000000000:function:{FunctionName}"
        return {"Configuration": {"FunctionArn": arn}}


class Gateway:
    """API Gateway with one API; keeps what it was given."""

    def __init__(self) -> None:
        self.kept: dict[str, dict[str, dict[str, Any]]] = {
            "Route": {},
            "Integration": {},
            "Authorizer": {},
        }
        self.stages: dict[str, dict[str, Any]] = {}
        self._made = 0

    def __getattr__(self, operation: str) -> Callable[..., dict[str, Any]]:
        verb, _, noun = operation.partition("_")
        kind = noun.rstrip("s").title()

        def call(**arguments: Any) -> dict[str, Any]:
            assert arguments.pop("ApiId") == "api-1"
            match verb:
                case "get":
                    return {"Items": list(self.kept[kind].values())}
                case "delete":
                    del self.kept[kind][arguments[f"{kind}Id"]]
                    return {}
                case "update" if kind == "Route":
                    self.kept[kind][arguments["RouteId"]] = arguments
                    return arguments
                case "update":
                    self.stages[arguments.pop("StageName")] = arguments
                    return {}
            self._made += 1
            arguments[f"{kind}Id"] = f"{kind.lower()}-{self._made}"
            self.kept[kind][arguments[f"{kind}Id"]] = arguments
            return arguments

        return call


class Cloud(LocalAws):
    """The three services that the import speaks with."""

    def __init__(self, template: dict[str, Any], physical: dict[str, str]) -> None:
        super().__init__("https://127.0.0.1:1", Path("ca.pem"))
        self.gateway = Gateway()
        self._clients = {
            "cloudformation": Formation(template, physical),
            "lambda": Functions(),
            "apigatewayv2": self.gateway,
        }

    def client(self, service: str) -> Any:
        """Return the fake of *service*."""
        return self._clients[service]

    def routes(self) -> dict[str, tuple[str, str, str]]:
        """Return each route's authorization, authorizer and integration."""
        return {
            route["RouteKey"]: (
                route["AuthorizationType"],
                route.get("AuthorizerId", ""),
                self.gateway.kept["Integration"][
                    route["Target"].removeprefix("integrations/")
                ]["IntegrationUri"],
            )
            for route in self.gateway.kept["Route"].values()
        }
