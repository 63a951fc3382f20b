"""Files of any size are put into the bucket without being held in memory."""

from __future__ import annotations

import tracemalloc

import pytest
from botocore.exceptions import ClientError

from masking.plivo.download import Download
from masking.storage.bucket import Bucket
from masking.wiring import Services
from tests.support.embedded_aws import Deployment, EmbeddedAws


class Zeros:
    """A source of many bytes that are never there at once."""

    def __init__(self, size: int) -> None:
        self._left = size

    def read(self, amount: int, /) -> bytes:
        """Return the next of them."""
        piece = bytes(min(amount, self._left, 65_536))
        self._left -= len(piece)
        return piece


@pytest.mark.parametrize("promised", [True, False], ids=["with length", "in parts"])
def test_memory_does_not_hold_the_file(services: Services, promised: bool) -> None:
    size = 48 * 1024 * 1024
    bucket = services.bucket
    download = Download(Zeros(size), size if promised else None)
    tracemalloc.start()
    try:
        bucket.put("recordings/large.wav", download, "audio/wav")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert download.bytes_read == size
    assert peak < (4 if promised else 28) * 1024 * 1024


def test_parts_are_put_together_as_one_checked_object(
    services: Services, aws: EmbeddedAws, deployment: Deployment
) -> None:
    size = 17 * 1024 * 1024
    services.bucket.put("recordings/x.wav", Download(Zeros(size), None), "audio/wav")

    head = aws.client("s3").head_object(
        Bucket=deployment.bucket_name, Key="recordings/x.wav", ChecksumMode="ENABLED"
    )

    assert head["ContentLength"] == size
    assert head["ContentType"] == "audio/wav"


def test_a_bucket_that_fails_otherwise_is_told_by_its_own_error(
    aws: EmbeddedAws,
) -> None:
    bucket = Bucket(aws.client("s3"), "no-such-bucket-anywhere")

    with pytest.raises(ClientError, match="NoSuchBucket"):
        bucket.put("recordings/x.wav", Download(Zeros(5), 5), "audio/wav")


@pytest.mark.parametrize("length", [200_000, None], ids=["with length", "in parts"])
def test_a_link_leads_at_once_to_what_is_in_the_cold_class(
    services: Services, aws: EmbeddedAws, deployment: Deployment, length: int | None
) -> None:
    key = f"recordings/cold-{length}.wav"
    services.bucket.put(
        key, Download(Zeros(200_000), length), "audio/wav", storage_class="GLACIER_IR"
    )

    client = aws.client("s3")
    head = client.head_object(Bucket=deployment.bucket_name, Key=key)
    body = client.get_object(Bucket=deployment.bucket_name, Key=key)["Body"].read()

    assert head["StorageClass"] == "GLACIER_IR"
    assert len(body) == 200_000
