"""Deploy a function that does nothing behind the API of a stack and its authorizer."""

from __future__ import annotations

import io
import zipfile

from proofs.runner import wait_for
from stack.running import RunningStack

NAME = "empty-function"
PATH = "/empty"
CODE = "def lambda_handler(event, context):\n    return {'statusCode': 200}\n"


def deploy(stack: RunningStack) -> None:
    """Deploy it as `POST /empty`, behind the authorizer of `POST /v1/sessions`."""
    functions = stack.aws.client("lambda")
    like = functions.get_function_configuration(
        FunctionName=stack.function_names()["get_health"]
    )
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr("app.py", CODE)
    arn = functions.create_function(
        FunctionName=NAME,
        Runtime=like["Runtime"],
        Role=like["Role"],
        Handler="app.lambda_handler",
        Code={"ZipFile": archive.getvalue()},
    )["FunctionArn"]
    gateway = stack.aws.client("apigatewayv2")
    api_id = (stack.run_dir / "api-id").read_text()
    integration = gateway.create_integration(
        ApiId=api_id,
        IntegrationType="AWS_PROXY",
        IntegrationUri=arn,
        PayloadFormatVersion="2.0",
    )["IntegrationId"]
    routes = gateway.get_routes(ApiId=api_id)["Items"]
    same = next(each for each in routes if each["RouteKey"] == "POST /v1/sessions")
    gateway.create_route(
        ApiId=api_id,
        RouteKey=f"POST {PATH}",
        Target=f"integrations/{integration}",
        AuthorizationType="CUSTOM",
        AuthorizerId=same["AuthorizerId"],
    )
    wait_for(
        "the empty function",
        lambda: (
            functions.get_function_configuration(FunctionName=NAME)["State"] == "Active"
        ),
        10,
    )
