"""One client of AWS for all tests of a process that ask for the same one.

The product makes its clients through one session, as in Lambda; each new
client reads its service's model and opens connections of its own, which takes longer
than most tests. Whoever registers hooks on a client makes one of its own.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import botocore.session
from botocore.config import Config

from tests.support.framed_client import UnsentSession

Watch = Callable[[Any], None]

# More than a test uses. Tests with endpoints of their own make some hundred clients, of
# megabytes each, which nobody asks for again.
MOST_KEPT = 32


class SharedClients(UnsentSession):
    """A session that makes a client once for each configuration and environment.

    *watch* is called with each client that is made.
    """

    def __init__(self, watch: Watch) -> None:
        super().__init__()
        self._watch = watch
        self._made: dict[object, tuple[Any, object]] = {}

    def create_client(  # type: ignore[override]
        self, service_name: str, **arguments: Any
    ) -> Any:
        """Return the client for these arguments and this environment."""
        config = arguments.get("config")
        rest = {k: v for k, v in arguments.items() if k != "config"}
        # A session keeps the credentials that it has once read.
        environment = sorted(
            (k, v) for k, v in os.environ.items() if k.startswith("AWS_")
        )
        key = (service_name, id(config), repr(rest), repr(environment))
        if key not in self._made:
            while len(self._made) >= MOST_KEPT:
                del self._made[next(iter(self._made))]
            # What the product leaves out is checked here.
            if config is not None:
                checked = Config(parameter_validation=True)
                arguments = {**arguments, "config": config.merge(checked)}
            client: Any = botocore.session.get_session().create_client(
                service_name,
                **{k: v for k, v in arguments.items() if v is not None},
            )
            self._watch(client)
            # The configuration is kept, so that no other gets its id.
            self._made[key] = (client, config)
        return self._made[key][0]
