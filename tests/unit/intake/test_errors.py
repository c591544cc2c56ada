import pytest
from redis.exceptions import BusyLoadingError, OutOfMemoryError, ReadOnlyError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError

from intake.errors import MemoryFull, QueueAway, refusal_of


@pytest.mark.parametrize(
    ("error", "refusal"),
    [
        (OutOfMemoryError("OOM"), MemoryFull),
        (BusyLoadingError("loading"), QueueAway),
        (ReadOnlyError("a replica"), QueueAway),
        (RedisConnectionError("refused"), QueueAway),
    ],
)
def test_a_queue_that_cannot_take_a_job_now_turns_its_caller_away(
    error: Exception, refusal: type[Exception]
) -> None:
    assert type(refusal_of(error)) is refusal


def test_a_command_that_redis_does_not_understand_is_a_fault_of_ours() -> None:
    with pytest.raises(ResponseError):
        refusal_of(ResponseError("unknown command"))
