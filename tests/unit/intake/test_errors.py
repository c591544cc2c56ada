import pytest
from redis.exceptions import BusyLoadingError, OutOfMemoryError, ReadOnlyError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError

from intake.errors import MemoryFull, QueueAway, refusal_of

#: What stands around an error of a command in a script: of Redis 6.2 before it, of 7 after it.
IN_SCRIPT = "Error running script (call to f_e7bf): @user_script:666: @user_script: 666: "
OF = "script: e7bf, on @user_script:666."


@pytest.mark.parametrize(
    ("error", "refusal"),
    [
        (OutOfMemoryError("OOM"), MemoryFull),
        (
            ResponseError(f"{IN_SCRIPT}-OOM command not allowed when used memory > 'max…'."),
            MemoryFull,
        ),
        (
            ResponseError(f"OOM command not allowed when used memory > 'maxmemory'. {OF}"),
            MemoryFull,
        ),
        (ResponseError("MISCONF Errors writing to the AOF file: No space left"), QueueAway),
        (ResponseError(f"{IN_SCRIPT}-MISCONF Errors writing to the AOF file"), QueueAway),
        (ResponseError(f"{IN_SCRIPT}-READONLY You can't write against a replica"), QueueAway),
        (ResponseError("BUSY Redis is busy running a script."), QueueAway),
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
