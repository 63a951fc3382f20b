"""Fixtures that all tests share: the embedded AWS, a deployment in it, the simulator.

The two processes start once, when a test first asks for them. A table is made for each
test, a bucket and queues if another test has written to the last ones; the bus and the
secrets are shared.
"""

from __future__ import annotations

import gc
import logging
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import hypothesis
import pytest

from tests.support.clock import Clock
from tests.support.file_order import order_of

if TYPE_CHECKING:
    from masking.storage.stores import Stores
    from masking.wiring import Services
    from plivo_simulator.server import Running
    from proofs.http_listener import HttpListener
    from tests.support.embedded_aws import Deployment, EmbeddedAws, Shared
    from tests.support.harness import Harness
    from tests.support.pool import Pool
    from tests.support.simulated_plivo import SimulatedPlivo

# A machine that is busy with something else is no failure.
hypothesis.settings.register_profile(
    "maskline",
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("maskline")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mix the files that wait and those that work, and refuse two tests of one id.

    So the processors have something to do until the end. Of tests that have one id
    pytest-xdist would silently run one.
    """
    order = order_of([item.path for item in items])
    items.sort(key=lambda item: order[item.path])
    times = Counter(item.nodeid for item in items)
    if twice := [name for name, count in times.items() if count > 1]:
        raise pytest.UsageError(f"tests that have one id: {', '.join(twice)}")


def pytest_collection_finish() -> None:
    """Spare the garbage collector what lives until the end: modules and tests."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedAws]:
    """Start the embedded AWS."""
    from tests.support.embedded_aws import running_aws

    with running_aws(tmp_path_factory.mktemp("aws")) as embedded:
        yield embedded


@pytest.fixture(scope="session")
def pool(aws: EmbeddedAws) -> Iterator[Pool]:
    """Share queues, a bucket and clients of AWS among the tests of this process."""
    import boto3
    import botocore.session

    from masking.core import https
    from tests.support.pool import Pool
    from tests.support.shared_clients import SharedClients

    made = Pool(aws)
    clients = SharedClients(made.watch)
    boto3.setup_default_session(botocore_session=clients)
    with pytest.MonkeyPatch.context() as patched:
        https.session.cache_clear()
        patched.setattr(botocore.session, "get_session", lambda: clients)
        # Asked for now: whoever makes clients of his own makes a session, too.
        assert https.session() is clients
    yield made
    https.session.cache_clear()
    boto3.DEFAULT_SESSION = None


@pytest.fixture(scope="session")
def shared(aws: EmbeddedAws) -> Shared:
    """Make what all tests can share: the bus, which is emptied, and the secrets."""
    from tests.support import embedded_aws as made

    secrets = aws.client("secretsmanager")
    return made.Shared(
        bus=made.make_bus(aws.client("events"), aws.client("sqs")),
        carrier_secret=made.make_secret(secrets, made.carrier_secret()),
        signing_secret=made.make_secret(secrets, made.SIGNING_SECRET),
    )


@pytest.fixture(scope="session")
def plivo_server() -> Iterator[SimulatedPlivo]:
    """Run the simulator for the whole session; tests use `plivo`."""
    from plivo_simulator.server import running
    from tests.support.simulated_plivo import SimulatedPlivo

    with running() as server:
        simulated = SimulatedPlivo(server.origin)
        yield simulated
        simulated.close()


@pytest.fixture
def plivo(plivo_server: SimulatedPlivo) -> SimulatedPlivo:
    """Return the simulator, in which nothing has happened yet."""
    plivo_server.reset()
    return plivo_server


@pytest.fixture(scope="session")
def stepped_plivo() -> Iterator[Running]:
    """Return a simulator whose clock is moved by hand; tests want `harness`."""
    from plivo_simulator.server import running

    with running(speed=0) as server:
        yield server


@pytest.fixture
def harness(aws: EmbeddedAws, stepped_plivo: Running) -> Harness:
    """Return a deployment in one process whose time is moved by hand."""
    from tests.support.harness import Harness

    return Harness(aws, stepped_plivo)


@pytest.fixture
def clock() -> Clock:
    """Return a clock that shows the time of the test's start and stands still."""
    return Clock(datetime.now(UTC))


@pytest.fixture
def deployment(
    aws: EmbeddedAws,
    shared: Shared,
    pool: Pool,
    plivo_server: SimulatedPlivo,
    monkeypatch: pytest.MonkeyPatch,
) -> Deployment:
    """Make what the functions use, and set the environment that leads them there."""
    from tests.support import embedded_aws as made

    table_name = made.make_table(aws.client("dynamodb"))
    bucket_name = pool.bucket()
    shared.bus.events()
    recording_queue_url = pool.queue("recordings")
    dead_letters_url = pool.queue("dead-letters")
    check_queue_url = pool.queue("checks")
    webhook_queue_url = pool.queue("webhooks")
    erasure_queue_url = pool.queue("erasures")
    change_queue_url = pool.queue("changes")
    environment = {
        **aws.environment,
        "TABLE_NAME": table_name,
        "BUCKET_NAME": bucket_name,
        "BUS_NAME": shared.bus.name,
        "RECORDING_QUEUE_URL": recording_queue_url,
        "CHECK_QUEUE_URL": check_queue_url,
        "ERASURE_QUEUE_URL": erasure_queue_url,
        "CHANGE_DEAD_LETTERS_URL": dead_letters_url,
        "CHANGE_QUEUE_URL": change_queue_url,
        "WEBHOOK_QUEUE_URL": webhook_queue_url,
        "WEBHOOK_DEAD_LETTERS_URL": dead_letters_url,
        "CARRIER_SECRET_ARN": shared.carrier_secret,
        "SIGNING_SECRET_ARN": shared.signing_secret,
        "CARRIER_BASE_URL": plivo_server.origin,
        "PUBLIC_BASE_URL": "",
        "RECORDING_HOSTS": plivo_server.origin,
        "RECORDING_DEAD_LETTERS_URL": dead_letters_url,
        "RECORDING_RETRY_SECONDS": "7245",
        "RECORDING_RETENTION_DAYS": "365",
        "DELETE_RECORDINGS_AT_CARRIER": "false",
        "RETENTION_DAYS": "400",
        "PIN_GUESSING_THRESHOLD": "5",
        "CARRIER_REQUESTS_PER_SECOND": "60",
        "GOODBYE_TEXT": "This call can't be connected any more. Goodbye.",
        "GOODBYE_LANGUAGE": "en-US",
        "GOODBYE_PLAY_URL": "",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return made.Deployment(
        aws=aws,
        table_name=table_name,
        bucket_name=bucket_name,
        bus=shared.bus,
        recording_queue_url=recording_queue_url,
        check_queue_url=check_queue_url,
        environment=environment,
    )


@pytest.fixture
def services(deployment: Deployment) -> Services:
    """Return the services of the deployment, as a function has them."""
    from masking.core.settings import Settings
    from masking.wiring import Services

    return Services(Settings(dict(deployment.environment)))


@pytest.fixture
def stores(services: Services) -> Stores:
    """Return the stores of the deployment's table."""
    return services.stores


@pytest.fixture
def wire() -> Iterator[HttpListener]:
    """Run a server that answers as the test says."""
    from proofs.http_listener import HttpListener

    with HttpListener() as server:
        yield server


@pytest.fixture(autouse=True)
def _fresh_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let each test begin like a new process: nothing cached, nothing counted."""
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "maskline")
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Maskline")
    monkeypatch.setenv("POWERTOOLS_LOG_LEVEL", "DEBUG")
    _forget()
    yield
    _forget()


def _forget() -> None:
    from masking import wiring
    from masking.core import settings, telemetry
    from masking.wiring import connections

    telemetry.metrics().clear_metrics()
    for cached in (
        settings.settings,
        wiring.services,
        connections._carrier,
        telemetry.logger,
        telemetry.metrics,
    ):
        cached.cache_clear()
    # Powertools keeps a logger, and the stream that it writes to, by its name.
    logging.Logger.manager.loggerDict.pop("maskline", None)
