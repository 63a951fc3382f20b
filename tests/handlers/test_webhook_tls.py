"""Webhooks over TLS: the deadline goes on after the handshake, and whom they trust."""

from __future__ import annotations

import ssl

import pytest

from masking.webhooks import http_post
from tests.support.embedded_aws import EmbeddedAws
from tests.support.slow_receivers import (
    assert_ends_at_the_deadline,
    drip,
    hang,
    receiver,
    speaking_tls,
    target_of,
)

HEAD = b"HTTP/1.1 204 No Content\r\n"


@pytest.fixture(name="server")
def _server(aws: EmbeddedAws) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(
        aws.ca_file.with_name("server.pem"), aws.ca_file.with_name("server.key")
    )
    return context


@pytest.fixture(name="client")
def _client(aws: EmbeddedAws) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(aws.ca_file))


def test_after_a_handshake_the_same_deadline_goes_on(
    server: ssl.SSLContext, client: ssl.SSLContext
) -> None:
    with receiver(speaking_tls(server, drip(HEAD + b"X-Long: ", b"a"))) as port:
        assert_ends_at_the_deadline(target_of(port, "https"), client)


def test_a_receiver_that_takes_nothing_over_tls_is_given_up_at_the_deadline(
    server: ssl.SSLContext, client: ssl.SSLContext
) -> None:
    with receiver(speaking_tls(server, hang)) as port:
        # More than the buffers of both sides hold, and many records.
        body = b"x" * 32_000_000
        assert_ends_at_the_deadline(target_of(port, "https"), client, body)


def test_an_answer_over_tls_is_taken(
    server: ssl.SSLContext, client: ssl.SSLContext
) -> None:
    with receiver(speaking_tls(server, drip(HEAD + b"\r\n", b" "))) as port:
        status = http_post.send(
            target_of(port, "https"), "POST", {}, b"{}", seconds=5, tls=client
        )

    assert status == 204


def test_a_certificate_that_nobody_vouches_for_is_refused(
    server: ssl.SSLContext,
) -> None:
    with (
        receiver(speaking_tls(server, hang)) as port,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        http_post.send(target_of(port, "https"), "POST", {}, b"{}", seconds=5)
