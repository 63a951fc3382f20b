"""Move one recording in one way and print what that took, as JSON.

Runs in a process of its own for each measurement, because a process's peak of memory
never goes down. ``VmHWM`` is that peak; CPU is what the whole process used meanwhile.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import ssl
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

KIBIBYTE = 1024


def main() -> None:
    """Measure one way."""
    parser = argparse.ArgumentParser()
    parser.add_argument("way", choices=sorted(WAYS))
    parser.add_argument("origin")
    parser.add_argument("sink")
    parser.add_argument("authority")
    parser.add_argument("bytes", type=int)
    options = parser.parse_args()
    move = WAYS[options.way](options.origin, options.sink, options.authority)
    base, began = _peak(), time.process_time()
    move(options.bytes)
    used = time.process_time() - began
    print(json.dumps({"base": base, "peak": _peak(), "cpu": used}))


def _peak() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * KIBIBYTE
    raise RuntimeError("this machine does not show how much memory a process used")


Move = Callable[[int], None]


def ours(origin: str, sink: str, authority: str, path: str = "") -> Move:
    """Return our way: stream, check, hash, put."""
    _environment(sink, authority)
    from masking.core.settings import Settings
    from masking.domain import recording_transitions, recordings
    from masking.plivo.media import Media
    from masking.recording.copy_recording import CopyRecording
    from masking.wiring import Services

    services = Services(Settings({"BUCKET_NAME": "bench"}))
    store = CopyRecording(
        # Nothing of the table is measured.
        None,  # type: ignore[arg-type]
        services.streaming_bucket,
        Media((origin,), ("MAEXAMPLEACCOUNT0000", "a-token")),
        services.now,
    )

    def move(size: int) -> None:
        found = recordings.Announcement(
            "5d0f4a3b-2c1e-4f7a-9b8c-7d6e5f4a3b2c",
            f"{origin}{path}/{size}",
            "wav",
            size // 16_000,
        )
        begun = recording_transitions.announce(
            found,
            session_uuid="3783cd2b-5ba0-5591-9fb5-cb13069f4d75",
            tenant_id="bench",
            retention_days=365,
            source=recordings.Source.CALLBACK,
            now=datetime.now(UTC),
        )
        findings = store._copy_once(str(begun.url), begun)
        assert findings["bytes"] == size  # noqa: S101 - a measurement that lies is none

    return move


def ours_in_parts(origin: str, sink: str, authority: str) -> Move:
    """Return our way where the origin sends no length."""
    return ours(origin, sink, authority, "/chunked")


def whole(origin: str, sink: str, authority: str) -> Move:
    """Return the usual way: requests.content, then put_object."""
    _environment(sink, authority)
    import boto3
    import requests

    client = boto3.client("s3")
    session = requests.Session()
    session.trust_env = False

    def move(size: int) -> None:
        content = session.get(f"{origin}/{size}", timeout=60).content
        client.put_object(Bucket="bench", Key="x.wav", Body=content)

    return move


def pipe(origin: str, sink: str, authority: str) -> Move:
    """Return a raw pipe: from one connection into the other, over the same TLS."""
    context = ssl.create_default_context(cafile=authority)

    def move(size: int) -> None:
        source = http.client.HTTPConnection(urlsplit(origin).netloc)
        source.request("GET", f"/{size}")
        answer = source.getresponse()
        target = http.client.HTTPSConnection(urlsplit(sink).netloc, context=context)
        target.putrequest("PUT", "/bench/x.wav")
        target.putheader("Content-Length", str(size))
        target.endheaders()
        while piece := answer.read(64 * KIBIBYTE):
            target.send(piece)
        target.getresponse().read()

    return move


def _environment(sink: str, authority: str) -> None:
    """Point the product's own wiring to the sink alone."""
    os.environ |= {
        "AWS_ENDPOINT_URL": sink,
        "AWS_CA_BUNDLE": authority,
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "POWERTOOLS_SERVICE_NAME": "bench",
        "NO_PROXY": "127.0.0.1",
    }


WAYS: dict[str, Callable[[str, str, str], Move]] = {
    "ours": ours,
    "ours, in parts": ours_in_parts,
    "whole": whole,
    "pipe": pipe,
}


if __name__ == "__main__":
    main()
