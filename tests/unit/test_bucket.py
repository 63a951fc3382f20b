"""Links into the bucket are signed as S3 asks for today."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from masking.wiring import Services


def test_a_link_signed_for_us_east_1_has_a_v4_signature_and_the_regional_host() -> None:
    from masking.core.settings import Settings

    built = Services(Settings({"BUCKET_NAME": "a-bucket"}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "example")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.delenv("AWS_ENDPOINT_URL", raising=False)
        link = built.bucket.link(
            "recordings/a/b.mp3",
            file_name="b.mp3",
            content_type="audio/mpeg",
            seconds=300,
        )

    parts = urlsplit(link)
    query = parse_qs(parts.query)
    assert parts.hostname == "a-bucket.s3.us-east-1.amazonaws.com"
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert query["X-Amz-Signature"]
    assert query["X-Amz-Expires"] == ["300"]
    assert query["response-content-disposition"] == ['attachment; filename="b.mp3"']
    assert "Signature" not in query
