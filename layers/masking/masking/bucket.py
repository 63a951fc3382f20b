"""Put recordings into S3 as streams. The one module that speaks to the bucket."""

from __future__ import annotations

from contextlib import closing
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from masking.errors import RecordingNotReadyError
from masking.origin import PIECE, Download

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# S3 takes no smaller part than 5 MiB, except as the last one.
PART = 8 * 1024 * 1024

EXISTS = ("PreconditionFailed", "ConditionalRequestConflict")


class Bucket:
    """The bucket *name*. The client must not retry: a stream can't be sent twice."""

    def __init__(self, client: S3Client, name: str) -> None:
        self._client = client
        self.name = name

    def put(self, key: str, download: Download, content_type: str) -> None:
        """Write a stream to *key* unless something is there; then compare the two.

        One request if its length is known, parts of 8 MiB otherwise; never more than
        that in memory. Raises RecordingNotReadyError if what is there is another file
        and whatever reading the stream raises.
        """
        try:
            if download.length is None:
                self._put_parts(key, download, content_type)
            else:
                self._client.put_object(
                    Bucket=self.name,
                    Key=key,
                    # botocore reads it as a stream; its type asks for more.
                    Body=download,  # type: ignore[arg-type]
                    ContentLength=download.length,
                    ContentType=content_type,
                    ChecksumAlgorithm="CRC32",
                    IfNoneMatch="*",
                )
        except ClientError as error:
            if error.response["Error"]["Code"] not in EXISTS:
                raise
            download.finish()
            self._compare(key, download)
        download.finish()

    def _put_parts(self, key: str, download: Download, content_type: str) -> None:
        upload = self._client.create_multipart_upload(
            Bucket=self.name,
            Key=key,
            ContentType=content_type,
            ChecksumAlgorithm="CRC32",
        )["UploadId"]
        place = {"Bucket": self.name, "Key": key, "UploadId": upload}
        client: Any = self._client  # the stubs can't follow **place
        try:
            parts: list[dict[str, Any]] = []
            while part := _part(download):
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
            client.abort_multipart_upload(**place)
            raise

    def _compare(self, key: str, download: Download) -> None:
        """See whether what is stored is what was read: somebody else stored it then."""
        stored = sha256()
        # Not by S3's checksum: that of an upload in parts is one of the parts' own.
        with closing(
            self._client.get_object(Bucket=self.name, Key=key)["Body"]
        ) as body:
            for piece in body.iter_chunks(PIECE):
                stored.update(piece)
        if stored.hexdigest() != download.sha256:
            message = "another file is stored under this key"
            raise RecordingNotReadyError(message)


def _part(download: Download) -> bytes:
    """Read one part whole: the origin may give less at a time."""
    part = bytearray()
    while len(part) < PART:
        piece = download.read(PART - len(part))
        if not piece:
            break
        part += piece
    return bytes(part)
