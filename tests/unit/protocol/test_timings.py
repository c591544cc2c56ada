"""The order of all periods: the protocol is safe only while it holds."""

from intake.requests import MAX_DEADLINE_S
from protocol import timings as t
from rag.search.candidates import STALE_S, TRIES


def test_a_claim_survives_lost_renewals() -> None:
    # Three renewals may fail, or one wait for a socket time-out of 5 s, before a worker is "dead".
    assert 3 * t.RENEW_S * 1_000 < t.CLAIM_MS
    assert 5_000 + t.RENEW_S * 1_000 < t.CLAIM_MS


def test_a_message_is_given_time_to_arrive_before_it_is_sent_again() -> None:
    assert t.CLAIM_MS < t.FIRST_CHECK_MS <= t.LAST_CHECK_MS


def test_a_rescuer_in_its_beat_is_never_taken_for_one_that_was_away() -> None:
    assert 2 * t.RESCUE_S * 1_000 < t.SWEEP_GAP_MS


def test_an_outage_that_lets_claims_lapse_is_seen_as_one() -> None:
    # A renewal is at most RENEW_S old when Redis goes; a shorter gap cannot end a claim.
    assert t.SWEEP_GAP_MS + t.RENEW_S * 1_000 < t.CLAIM_MS


def test_the_quiet_time_lets_every_worker_renew_and_every_old_claim_lapse() -> None:
    assert t.CLAIM_MS + t.RENEW_S * 1_000 <= t.QUIET_MS


def test_the_lock_of_the_service_outlives_the_beat_and_passes_on_soon() -> None:
    assert 3 * t.RESCUE_S * 1_000 < t.LOCK_MS
    assert t.COLLECT_GARBAGE_S * 1_000 < t.LOCK_MS
    assert (t.BLOB_SWEEP_TURN_S + t.BLOB_SWEEP_PAUSE_S) * 2_000 < t.LOCK_MS


def test_only_deaths_of_runs_alone_make_a_unit_given_up_and_one_is_not_enough() -> None:
    assert t.QUARANTINE_DEATHS > 1
    assert t.MAX_DEATHS - t.QUARANTINE_DEATHS > 1


def test_a_worker_may_end_its_own_late_unit_before_the_rescuer_does() -> None:
    assert t.RESCUE_S * 1_000 < t.EXPIRE_GRACE_MS


def test_heartbeats_of_workers_and_followers_may_be_missed_a_few_times() -> None:
    assert 3 * t.HEARTBEAT_S < t.WORKER_LIVE_S
    assert 3 * t.RENEW_S * 1_000 < t.FOLLOWER_LIVE_MS  # followers sign as often as claims renew


def test_what_a_reader_holds_is_not_collected_under_it() -> None:
    # Candidates older than this start again, so that ids from before are never looked up
    # afterwards.
    assert STALE_S * 1_000 <= t.GARBAGE_MS
    assert t.SPARSE_WAIT_S * TRIES < STALE_S


def test_a_live_follower_that_keeps_up_makes_no_publish_wait_in_vain() -> None:
    assert t.SPARSE_WAIT_S < t.PUBLISH_WAIT_S < t.FOLLOWER_LIVE_MS / 1_000


def test_a_log_is_kept_far_longer_than_a_follower_may_be_away_in_order() -> None:
    assert t.LOG_AGE_MS > 100 * t.FOLLOWER_LIVE_MS
    assert t.LOG_AGE_MS > 10 * t.GARBAGE_MS


def test_a_blob_outlives_the_time_between_its_writing_and_its_row() -> None:
    assert t.BLOB_AGE_S > 10 * t.BLOB_SWEEP_S


def test_a_deleted_collection_is_kept_until_the_longest_job_on_it_has_ended() -> None:
    assert MAX_DEADLINE_S + t.EXPIRE_GRACE_MS / 1_000 < t.DELETED_COLLECTION_S
    assert t.CHECK_S * 2 < t.DELETED_COLLECTION_S
