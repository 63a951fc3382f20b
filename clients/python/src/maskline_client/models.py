"""The requests, answers and events, as openapi.yaml has them."""

from maskline_client.generated.models import *  # noqa: F403
from maskline_client.generated.models import __all__ as __all__
