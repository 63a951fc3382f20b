"""Read the files of a multipart upload."""

from __future__ import annotations

from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import HTTP

from ..parameters import BadParameterError
from .media_files import Upload


def read_uploads(content_type: str, body: bytes) -> list[Upload]:
    """Return the files in a body of `multipart/form-data`. Raise BadParameterError."""
    head = f"content-type: {content_type}\r\n\r\n".encode()
    parser: BytesParser[EmailMessage] = BytesParser(policy=HTTP)
    message = parser.parsebytes(head + body)
    if message.get_content_type() != "multipart/form-data":
        raise BadParameterError("the body must be multipart/form-data")
    files = []
    for part in message.iter_parts():
        name = part.get_filename()
        content = part.get_payload(decode=True)
        if name and isinstance(content, bytes):
            files.append(Upload(name, part.get_content_type(), content))
    if not files:
        raise BadParameterError("file is missing")
    return files
