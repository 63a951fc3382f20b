"""No URL of an app leads inside."""

from __future__ import annotations

import pytest

from masking.core.errors import TargetRefusedError
from masking.webhooks import ssrf_guard


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.0.0.1", "172.16.3.4", "192.168.1.1", "169.254.169.254"),
        *("100.64.0.1", "0.0.0.1", "224.0.0.1", "255.255.255.255", "192.0.2.1"),
        *("::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1"),
        *("::ffff:10.0.0.1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2001:db8::1"),
    ],
)
def test_no_url_reaches_inside(address: str) -> None:
    for addresses in ([address], ["8.8.8.8", address]):
        with pytest.raises(TargetRefusedError):
            ssrf_guard.vet(
                "https://app.example.com/x",
                resolve=lambda *_, found=addresses: found,
            )


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700:4700::1111"])
def test_public_addresses_are_pinned(address: str) -> None:
    target = ssrf_guard.vet(
        "https://app.example.com/x?a=1", resolve=lambda *_: [address]
    )

    assert (target.address, target.host, target.port) == (
        address,
        "app.example.com",
        443,
    )


@pytest.mark.parametrize(
    "url",
    [
        "ftp://app.example.com/",
        "https:///x",
        "https://user@app.example.com/",
        "https://app.example.com:99999/",
        "http://[::1/",
    ],
)
def test_what_is_no_web_address_is_refused(url: str) -> None:
    with pytest.raises(TargetRefusedError):
        ssrf_guard.vet(url, resolve=lambda *_: ["8.8.8.8"])


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.1", "2130706433", "0x7f.1", "localhost", "[::1]"]
)
def test_loopback_in_any_spelling_is_allowed_by_the_setting_alone(host: str) -> None:
    url = f"http://{host}:8080/"
    try:
        assert ssrf_guard.vet(url, ssrf_guard.PUBLIC_AND_LOOPBACK).host
    except OSError:
        pytest.skip(f"this machine does not resolve {host}")
    with pytest.raises(TargetRefusedError):
        ssrf_guard.vet(url)
