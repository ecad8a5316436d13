use super::{Phase::*, *};

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn after_responses(history: History, responses: &[(Phase, u64)]) -> History {
    responses.iter().fold(history, |mut history, (phase, age)| {
        history.on_response(*phase, secs(*age));
        history
    })
}

fn submitted(responses: &[(Phase, u64)]) -> History {
    after_responses(History::submitted(Some(7)), responses)
}

#[track_caller]
fn assert_in_phase(history: History, age: u64, expected: u64) {
    assert_eq!(history.progress(secs(age), None, secs(600)).in_phase, secs(expected));
}

#[test]
fn running_phase_starts_midway_between_two_responses() {
    assert_in_phase(submitted(&[]), 3, 3);
    assert_in_phase(submitted(&[(Waiting, 2)]), 3, 3);
    assert_in_phase(submitted(&[(Waiting, 2), (Running, 6)]), 6, 2);
    assert_in_phase(submitted(&[(Waiting, 2), (Running, 6), (Running, 8)]), 8, 4);
    assert_in_phase(submitted(&[(Running, 6)]), 6, 6);
    assert_in_phase(submitted(&[(Running, 2), (Waiting, 4)]), 6, 6);
    assert_in_phase(submitted(&[(Running, 2), (Waiting, 4), (Running, 8)]), 8, 2);
}

#[test]
fn progress_reports_phase_polls_and_limits() {
    let progress = submitted(&[(Waiting, 2), (Running, 6)]).progress(secs(9), Some(secs(1)), secs(50));
    assert_eq!((progress.phase, progress.polls, progress.since_last_poll), (Running, 2, secs(3)));
    assert_eq!(
        (progress.characters, progress.retry_after, progress.left),
        (Some(7), Some(secs(1)), secs(50))
    );
}

#[track_caller]
fn assert_completed(
    history: History,
    server: Option<u64>,
    expected: (Option<u64>, Option<(u64, u64)>, Option<u64>),
) {
    let task = history.completed(secs(20), server.map(secs)).unwrap();
    let (total, waited, ran) = expected;
    assert_eq!(task.total, total.map(secs));
    assert_eq!(task.waited, waited.map(|(least, most)| (secs(least), secs(most))));
    assert_eq!(task.ran, ran.map(secs));
}

#[test]
fn completed_clamps_server_time_to_observed_range() {
    let history = submitted(&[(Waiting, 2), (Running, 6), (Running, 10)]);
    assert_completed(history, Some(15), (Some(15), Some((2, 6)), Some(11)));
    assert_completed(history, Some(1), (Some(10), Some((2, 6)), Some(6)));
    assert_completed(history, Some(999), (Some(20), Some((2, 6)), Some(16)));
    assert_completed(history, None, (Some(15), Some((2, 6)), Some(11)));
}

#[test]
fn completed_omits_phases_that_were_not_observed() {
    assert_completed(submitted(&[]), Some(15), (Some(15), None, None));
    assert_completed(submitted(&[(Running, 6)]), Some(15), (Some(15), None, Some(15)));
    assert_completed(submitted(&[(Waiting, 6)]), Some(16), (Some(16), Some((6, 16)), Some(5)));
}

#[test]
fn completed_of_late_observed_task_omits_earlier_phases() {
    let later = |responses: &[_]| after_responses(History::submitted(None).observed_late(), responses);
    assert_eq!(later(&[]).completed(secs(20), None), None);
    assert_completed(later(&[]), Some(3), (Some(3), None, None));
    assert_completed(later(&[(Running, 10)]), Some(15), (Some(15), None, None));
    assert_completed(later(&[(Waiting, 10), (Running, 12)]), Some(15), (Some(15), Some((10, 12)), Some(4)));
}

#[test]
fn completed_of_resumed_task_reports_only_observed_phases() {
    let resumed = |responses: &[_]| after_responses(History::resumed(), responses);
    assert_eq!(resumed(&[]).completed(secs(20), Some(secs(15))), None);
    assert_completed(resumed(&[(Running, 0)]), Some(99), (Some(99), None, None));
    assert_completed(resumed(&[(Running, 0)]), None, (None, None, None));
    // The total is at least the observed time. Server times of more than a day are ignored.
    assert_completed(resumed(&[(Running, 15)]), Some(1), (Some(15), None, None));
    assert_completed(resumed(&[(Running, 15)]), Some(1_700_000_000), (None, None, None));
    assert_completed(
        resumed(&[(Waiting, 2), (Running, 6), (Running, 10)]),
        Some(99),
        (Some(99), None, Some(11)),
    );
}
