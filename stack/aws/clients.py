"""boto3 clients of the embedded AWS, untouched by the configuration of this machine."""

from __future__ import annotations

import os
import threading
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import botocore.loaders
import botocore.session
from botocore.config import Config

REGION = "us-east-1"

# The account that the emulator gives to whoever signs with these.
ACCESS_KEY = "test"
SECRET_KEY = "test"  # noqa: S105 - the emulator's public default

_CONFIG = Config(
    # An environment's proxy is not for 127.0.0.1.
    proxies={},
    retries={"mode": "standard", "max_attempts": 2},
    # While it takes in a file of 250 MiB the emulator answers nobody else.
    connect_timeout=60,
    read_timeout=70,
    s3={"addressing_style": "path"},
    signature_version=None,
    # botocore would describe this machine anew in each request.
    user_agent="maskline",
)


class LocalAws:
    """The endpoint of one stack's embedded AWS."""

    def __init__(
        self,
        url: str,
        ca_file: Path,
        session: type[botocore.session.Session] = botocore.session.Session,
    ) -> None:
        """Remember the endpoint's *url* and the authority that signed for it.

        Clients are made by a *session* of this kind.
        """
        self._url = url
        self._ca_file = ca_file
        # Profiles, regions and credentials of whoever runs this are not read.
        nothing = (None, None, os.devnull, None)
        core = session(
            session_vars={
                "profile": (None, None, None, None),
                "config_file": nothing,
                "credentials_file": nothing,
            }
        )
        # Reading the descriptions of services takes longer than what clients do here.
        core.register_component("data_loader", _descriptions())
        # Sessions are not made to make clients for several threads at once.
        self._lock = threading.Lock()
        self._session = boto3.Session(
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
            region_name=REGION,
            botocore_session=core,
        )

    def client(self, service: str) -> Any:
        """Return a client of *service*, such as ``dynamodb``."""
        with self._lock:
            return self._session.client(
                service,  # type: ignore[call-overload]
                endpoint_url=self._url,
                verify=str(self._ca_file),
                config=_CONFIG,
            )


@cache
def _descriptions() -> Any:
    return botocore.loaders.create_loader()
