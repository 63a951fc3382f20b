"""Keep recordings in S3: put streams, link, delete. The only module that uses S3."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from hashlib import sha256
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from botocore.exceptions import BotoCoreError, ClientError

from masking.core import telemetry
from masking.core.errors import RecordingNotReadyError
from masking.plivo.download import PIECE, Download

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


# S3 takes no smaller part than 5 MiB, except as the last one.
PART = 8 * 1024 * 1024

EXISTS = ("PreconditionFailed", "ConditionalRequestConflict")

TAG = "retention-days"


class Bucket:
    """The bucket *name*. The client must not retry: a stream can't be sent twice."""

    def __init__(self, client: S3Client, name: str) -> None:
        self._client = client
        self.name = name

    def put(
        self,
        key: str,
        download: Download,
        content_type: str,
        *,
        retention: str = "",
        storage_class: str = "STANDARD",
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        """Write a stream to *key* unless something is there; then compare the two.

        One request if its length is known, parts of 8 MiB otherwise; never more than
        that in memory. *retention* is the tag that the lifecycle rules match. Raises
        RecordingNotReadyError if what is there is another file, and whatever reading
        the stream raises.
        """
        about: dict[str, Any] = {
            "Bucket": self.name,
            "Key": key,
            "ContentType": content_type,
            "ChecksumAlgorithm": "CRC32",
            "StorageClass": storage_class,
            "Metadata": dict(metadata or {}),
        }
        if retention:
            about["Tagging"] = urlencode({TAG: retention})
        try:
            if download.length is None:
                self._put_parts(about, download)
            else:
                self._client.put_object(
                    **about,
                    # botocore reads it as a stream; its type asks for more.
                    Body=download,  # type: ignore[arg-type]
                    ContentLength=download.length,
                    IfNoneMatch="*",
                )
        except ClientError as error:
            if download.failure:
                # S3 complains of the end that reading has kept back.
                raise download.failure from None
            if error.response["Error"]["Code"] not in EXISTS:
                raise
            download.finish()
            self._compare(key, download)
        except BotoCoreError:
            # botocore wraps whatever reading the stream has raised.
            if download.failure:
                raise download.failure from None
            raise
        download.finish()

    def link(self, key: str, *, file_name: str, content_type: str, seconds: int) -> str:
        """Return a URL by which anybody can fetch an object for so many seconds."""
        return self._client.generate_presigned_url(
            "get_object",
            Params={
                "Bucket": self.name,
                "Key": key,
                "ResponseContentDisposition": f'attachment; filename="{file_name}"',
                "ResponseContentType": content_type,
            },
            ExpiresIn=seconds,
        )

    def retag(self, key: str, retention: str) -> None:
        """Change the tag that the lifecycle rules match."""
        self._client.put_object_tagging(
            Bucket=self.name,
            Key=key,
            Tagging={"TagSet": [{"Key": TAG, "Value": retention}]},
        )

    def delete(self, key: str) -> int:
        """Delete an object and all its versions; return how many there were."""
        deleted = 0
        for version_id in self._versions(key):
            self._client.delete_object(Bucket=self.name, Key=key, VersionId=version_id)
            deleted += 1
        return deleted

    def _versions(self, key: str) -> Iterator[str]:
        """List the versions of an object and its delete markers."""
        pages = self._client.get_paginator("list_object_versions")
        for page in pages.paginate(Bucket=self.name, Prefix=key):
            marks: list[Any] = [*page.get("DeleteMarkers", [])]
            for entry in [*page.get("Versions", []), *marks]:
                if entry["Key"] == key:
                    yield entry["VersionId"]

    def _put_parts(self, about: Mapping[str, Any], download: Download) -> None:
        client: Any = self._client  # the stubs can't follow **about
        upload = client.create_multipart_upload(**about)["UploadId"]
        place = {"Bucket": self.name, "Key": about["Key"], "UploadId": upload}
        try:
            parts: list[dict[str, Any]] = []
            part = BytesIO()
            while _fill(part, download):
                number = len(parts) + 1
                answer = client.upload_part(
                    **place, PartNumber=number, Body=part, ChecksumAlgorithm="CRC32"
                )
                parts.append(
                    {
                        "PartNumber": number,
                        "ETag": answer["ETag"],
                        "ChecksumCRC32": answer["ChecksumCRC32"],
                    }
                )
            client.complete_multipart_upload(
                **place, MultipartUpload={"Parts": parts}, IfNoneMatch="*"
            )
        except BaseException:
            self._abort(place)
            raise

    def _abort(self, place: Mapping[str, Any]) -> None:
        """Take back an upload; if that fails, the cause of it is told nevertheless.

        What is left of it the bucket's lifecycle removes after a day.
        """
        client: Any = self._client
        try:
            client.abort_multipart_upload(**place)
        except (ClientError, BotoCoreError) as error:
            telemetry.count("UploadNotAborted")
            telemetry.logger().warning(
                "upload not aborted", extra={"error": type(error).__name__}
            )

    def _compare(self, key: str, download: Download) -> None:
        """Check that the object that somebody else put is the file just read."""
        stored = sha256()
        # Not by S3's checksum: that of an upload in parts is one of the parts' own.
        with closing(
            self._client.get_object(Bucket=self.name, Key=key)["Body"]
        ) as body:
            for piece in body.iter_chunks(PIECE):
                stored.update(piece)
        if stored.hexdigest() != download.sha256:
            message = "another file is stored under this key"
            raise RecordingNotReadyError(message, reason="changed")


def _fill(part: BytesIO, download: Download) -> bool:
    """Fill one part, because the origin may send less at a time; False at the end.

    One buffer serves all parts: it is handed to botocore as it is, never copied.
    """
    part.seek(0)
    part.truncate()
    left = PART
    while left and (piece := download.read(min(left, PIECE))):
        left -= part.write(piece)
    part.seek(0)
    return left < PART
