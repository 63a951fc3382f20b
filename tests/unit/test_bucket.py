"""Links into the bucket are signed as S3 asks for today."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.exceptions import ClientError

from masking.core.errors import RecordingNotReadyError
from masking.plivo.download import Download
from masking.storage.bucket import Bucket
from masking.wiring import Services


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("us-east-1", "s3.us-east-1.amazonaws.com"),
        ("eu-central-1", "s3.eu-central-1.amazonaws.com"),
        # Regions that opted in: the global host would redirect to none of them.
        ("ap-southeast-5", "s3.ap-southeast-5.amazonaws.com"),
        ("us-gov-west-1", "s3.us-gov-west-1.amazonaws.com"),
        ("cn-north-1", "s3.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_a_link_has_a_v4_signature_and_the_host_of_its_region(
    region: str, host: str
) -> None:
    from masking.core.settings import Settings

    built = Services(Settings({"BUCKET_NAME": "a-bucket"}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "example")
        patch.setenv("AWS_DEFAULT_REGION", region)
        patch.delenv("AWS_ENDPOINT_URL", raising=False)
        link = built.bucket.link(
            "recordings/a/b.mp3",
            file_name="b.mp3",
            content_type="audio/mpeg",
            seconds=300,
        )

    parts = urlsplit(link)
    query = parse_qs(parts.query)
    assert parts.hostname == f"a-bucket.{host}"
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert query["X-Amz-Signature"]
    assert query["X-Amz-Expires"] == ["300"]
    assert query["response-content-disposition"] == ['attachment; filename="b.mp3"']
    assert "Signature" not in query


class Refusing:
    """A client of S3 that may not take an upload back, nor put an object."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def create_multipart_upload(self, **_: Any) -> dict[str, str]:
        """Begin an upload."""
        return {"UploadId": "upload"}

    def abort_multipart_upload(self, **_: Any) -> None:
        """Refuse."""
        self.asked.append("abort")
        raise ClientError(DENIED, "AbortMultipartUpload")

    def put_object(self, **request: Any) -> None:
        """Read the body; if that breaks, complain that it was incomplete."""
        try:
            while request["Body"].read(65_536):
                pass
        except RecordingNotReadyError:
            raise ClientError(INCOMPLETE, "PutObject") from None


DENIED: Any = {"Error": {"Code": "AccessDenied", "Message": "no"}}
INCOMPLETE: Any = {"Error": {"Code": "IncompleteBody", "Message": "no"}}


@pytest.mark.parametrize("length", [None, 100_000], ids=["in parts", "with length"])
def test_why_a_file_was_not_stored_is_told_whatever_cleaning_up_says(
    length: int | None,
) -> None:
    client: Any = Refusing()
    read: list[bytes] = []

    class Source:
        """Bytes that end in a broken connection."""

        def read(self, _amount: int, /) -> bytes:
            """Return some once, then break."""
            if read:
                raise OSError
            read.append(b"ID3")
            return b"ID3"

    with pytest.raises(RecordingNotReadyError, match="broke"):
        Bucket(client, "a-bucket").put("k", Download(Source(), length), "audio/mpeg")

    assert client.asked == (["abort"] if length is None else [])
