"""The examples of all calls."""

from collections.abc import Mapping
from typing import Final

from web.openapi.examples.collection_examples import COLLECTION_EXAMPLES
from web.openapi.examples.example import Example
from web.openapi.examples.job_examples import JOB_EXAMPLES
from web.openapi.examples.operation_examples import OPERATION_EXAMPLES

#: By operation id.
EXAMPLES: Final[Mapping[str, Example]] = {
    **JOB_EXAMPLES,
    **COLLECTION_EXAMPLES,
    **OPERATION_EXAMPLES,
}
