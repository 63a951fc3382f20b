"""Plivo's client over TLS: whom it trusts, and what it knows when TLS breaks."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from masking.core import https
from masking.plivo.errors import CarrierFailedError, CarrierUnreachableError
from proofs.http_listener import HttpListener, break_tls
from tests.support.embedded_aws import EmbeddedAws
from tests.unit.test_plivo_client import ASKED, HOOKS, carrier_at


@contextmanager
def tls_wire(aws: EmbeddedAws, wire: HttpListener) -> Iterator[HttpListener]:
    """Let the wire speak TLS with the embedded AWS's certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(
        aws.ca_file.with_name("server.pem"), aws.ca_file.with_name("server.key")
    )
    wire.speak_tls(context)
    yield wire


def test_a_certificate_that_is_not_trusted_gets_no_request(
    wire: HttpListener, aws: EmbeddedAws
) -> None:
    with tls_wire(aws, wire) as server, pytest.raises(CarrierUnreachableError):
        carrier_at(server.origin).create(ASKED, HOOKS)

    assert wire.requests == []


def test_tls_that_breaks_after_the_request_leaves_the_outcome_unknown(
    wire: HttpListener, aws: EmbeddedAws
) -> None:
    with tls_wire(aws, wire) as server:
        wire.answers(break_tls())
        carrier = carrier_at(server.origin)
        carrier._client.pools = https.pools_for(server.origin, str(aws.ca_file))

        with pytest.raises(CarrierFailedError) as failed:
            carrier.create(ASKED, HOOKS)

    assert failed.value.may_have_acted
    assert len(wire.requests) == 1
