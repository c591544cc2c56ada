"""Celery on one screen: queues, failure policy, and why each value is what it is."""

from kombu import Queue

from protocol.keys import CELERY_PREFIX
from protocol.messages import ROLES

# One queue per role. Tasks are routed when they are sent, by the stage they run.
task_queues = tuple(Queue(role) for role in ROLES)
task_create_missing_queues = False
task_default_queue = "retrieve"

# The ledger is the truth: Celery carries ids, keeps no results, and may deliver twice.
task_ignore_result = True
result_backend = None
task_serializer = "json"
accept_content = ["json"]
event_serializer = "json"

# A message is acknowledged when its body has ended, so that a worker that shuts down gives back
# what it has not begun.
task_acks_late = True
task_reject_on_worker_lost = True
# A body that failed wrote so into the ledger; delivering it again would change nothing.
task_acks_on_failure = True
task_acks_on_timeout = True
# Nothing is parked behind a long body.
worker_prefetch_multiplier = 1

broker_transport_options = {
    "global_keyprefix": CELERY_PREFIX,
    # A worker remembers its messages itself: after a kill the ledger sends them again, which it
    # must do anyway, sooner than Celery's visibility timeout would and without writes for each.
    "ack_emulation": False,
    "queue_order_strategy": "priority",
    "priority_steps": [0, 9],
    "socket_timeout": 10,
    "socket_connect_timeout": 3,
    "socket_keepalive": True,
    "health_check_interval": 10,
}
broker_connection_retry_on_startup = True
broker_connection_max_retries = None
# The web says 503 within a second rather than hang.
task_publish_retry_policy = {
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0.2,
    "interval_max": 0.2,
}
# Claims make a late finish harmless, so nothing is cancelled when the connection is lost.
worker_cancel_long_running_tasks_on_connection_loss = False

# For Flower. No event when a task is sent: it would cost each submission another round trip, and
# tell nothing that the job's own record does not.
worker_send_task_events = True
worker_consumer = "workers.kombu_patches:EventBatchingConsumer"

# Logging is ours.
worker_hijack_root_logger = False
worker_redirect_stdouts = False

# Threads silently ignore time limits: bodies watch their own deadlines.
worker_pool = "threads"
enable_utc = True
