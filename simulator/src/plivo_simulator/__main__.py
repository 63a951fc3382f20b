"""Run the simulator: `python -m plivo_simulator --port 8001`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .app_proxy import AppAddress
from .kept_state import StateError
from .server import CannotListenError, serve


def main(arguments: list[str] | None = None) -> int:
    """Serve until stopped; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="plivo-simulator",
        description="Plivo on your laptop: API, calls, signed webhooks, recordings.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8001, help="port to listen on")
    parser.add_argument(
        "--speed", type=float, default=1.0, help="simulated seconds per real second"
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="seed of the random draws of the faults"
    )
    parser.add_argument(
        "--app", help="address of an app's API that the phones page may speak to"
    )
    parser.add_argument("--app-key", default="", help="key for that API")
    parser.add_argument(
        "--app-ca", type=Path, help="certificate authority of the app's storage"
    )
    parser.add_argument(
        "--state", type=Path, help="file to go on from and to keep what happens in"
    )
    chosen = parser.parse_args(arguments)
    address = (
        AppAddress(chosen.app.rstrip("/"), chosen.app_key, chosen.app_ca)
        if chosen.app
        else None
    )
    try:
        serve(
            *(chosen.host, chosen.port, chosen.speed, chosen.seed, address),
            state=chosen.state,
        )
    except (CannotListenError, StateError) as problem:
        print(problem, file=sys.stderr)
        return 1
    except ValueError as problem:
        parser.error(str(problem))
    return 0


if __name__ == "__main__":
    sys.exit(main())
