"""The three ports: read from the environment, checked before anything starts."""

from __future__ import annotations

import socket

import pytest

from stack.addresses import (
    HOST,
    AddressError,
    Addresses,
    addresses_from,
    free_addresses,
)


def test_without_variables_the_ports_are_8000_8001_and_4566() -> None:
    addresses = addresses_from({})

    assert addresses == Addresses(api_port=8000, plivo_port=8001, aws_port=4566)


def test_each_variable_sets_one_port_and_an_empty_one_sets_none() -> None:
    addresses = addresses_from(
        {
            "MASKLINE_API_PORT": "18000",
            "MASKLINE_PLIVO_PORT": "18001",
            "MASKLINE_AWS_PORT": "",
        }
    )

    assert addresses == Addresses(api_port=18000, plivo_port=18001, aws_port=4566)


@pytest.mark.parametrize("value", ["0", "65536", "-1", "http", "80.5", "٨٠٠٠"])
def test_what_is_not_a_port_is_refused_with_the_variable_named(value: str) -> None:
    with pytest.raises(AddressError) as refusal:
        addresses_from({"MASKLINE_PLIVO_PORT": value})

    assert str(refusal.value) == (
        f"MASKLINE_PLIVO_PORT is {value!r}; it must be a port, 1 to 65535."
    )


def test_a_taken_port_is_one_sentence_with_port_and_variable() -> None:
    addresses = free_addresses()
    taken = socket.create_server((HOST, addresses.plivo_port))
    with taken, pytest.raises(AddressError) as refusal:
        addresses.check_free()

    assert str(refusal.value) == (
        f"Port {addresses.plivo_port} for the simulator is not free "
        "(Address already in use); end what uses it or set MASKLINE_PLIVO_PORT "
        "to another port."
    )


def test_a_port_that_one_has_no_right_to_is_refused_as_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_socket: object, _address: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refuse)

    with pytest.raises(AddressError, match=r"Port 80 .* \(Permission denied\)"):
        Addresses(api_port=80).check_free()


def test_two_equal_ports_are_refused() -> None:
    addresses = Addresses(api_port=18000, plivo_port=18000)

    with pytest.raises(AddressError) as refusal:
        addresses.check_free()

    assert str(refusal.value) == (
        "MASKLINE_API_PORT and MASKLINE_PLIVO_PORT are both 18000; "
        "give each its own port."
    )


def test_free_addresses_are_three_different_ports_that_can_be_used() -> None:
    addresses = free_addresses()

    addresses.check_free()

    assert len(set(addresses.by_variable().values())) == 3
