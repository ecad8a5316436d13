use super::{Phase::*, *};

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn after(history: History, answers: &[(Phase, u64)]) -> History {
    answers.iter().fold(history, |mut history, (phase, age)| {
        history.on_response(*phase, secs(*age));
        history
    })
}

fn submitted(answers: &[(Phase, u64)]) -> History {
    after(History::submitted(Some(7)), answers)
}

#[track_caller]
fn in_phase(history: History, age: u64, expected: u64) {
    assert_eq!(history.progress(secs(age), None, secs(600)).in_phase, secs(expected));
}

#[test]
fn a_phase_begins_half_way_between_two_answers() {
    in_phase(submitted(&[]), 3, 3);
    in_phase(submitted(&[(Waiting, 2)]), 3, 3);
    in_phase(submitted(&[(Waiting, 2), (Running, 6)]), 6, 2);
    in_phase(submitted(&[(Waiting, 2), (Running, 6), (Running, 8)]), 8, 4);
    in_phase(submitted(&[(Running, 6)]), 6, 6);
    in_phase(submitted(&[(Running, 2), (Waiting, 4)]), 6, 6);
    in_phase(submitted(&[(Running, 2), (Waiting, 4), (Running, 8)]), 8, 2);
}

#[test]
fn progress_says_what_was_heard() {
    let progress = submitted(&[(Waiting, 2), (Running, 6)]).progress(secs(9), Some(secs(1)), secs(50));
    assert_eq!((progress.phase, progress.polls, progress.since_last_poll), (Running, 2, secs(3)));
    assert_eq!(
        (progress.characters, progress.retry_after, progress.left),
        (Some(7), Some(secs(1)), secs(50))
    );
}

#[track_caller]
fn finished(history: History, server: Option<u64>, expected: (Option<u64>, Option<(u64, u64)>, Option<u64>)) {
    let done = history.completed(secs(20), server.map(secs)).unwrap();
    let (total, waited, ran) = expected;
    assert_eq!(done.total, total.map(secs));
    assert_eq!(done.waited, waited.map(|(least, most)| (secs(least), secs(most))));
    assert_eq!(done.ran, ran.map(secs));
}

#[test]
fn the_servers_time_is_believed_where_the_polls_allow() {
    let history = submitted(&[(Waiting, 2), (Running, 6), (Running, 10)]);
    finished(history, Some(15), (Some(15), Some((2, 6)), Some(11)));
    finished(history, Some(1), (Some(10), Some((2, 6)), Some(6)));
    finished(history, Some(999), (Some(20), Some((2, 6)), Some(16)));
    finished(history, None, (Some(15), Some((2, 6)), Some(11)));
}

#[test]
fn what_was_not_seen_is_not_told() {
    finished(submitted(&[]), Some(15), (Some(15), None, None));
    finished(submitted(&[(Running, 6)]), Some(15), (Some(15), None, Some(15)));
    finished(submitted(&[(Waiting, 6)]), Some(16), (Some(16), Some((6, 16)), Some(5)));
}

#[test]
fn a_task_that_is_watched_later_does_not_tell_what_it_did_before() {
    let later = |answers: &[_]| after(History::submitted(None).observed_late(), answers);
    assert_eq!(later(&[]).completed(secs(20), None), None);
    finished(later(&[]), Some(3), (Some(3), None, None));
    finished(later(&[(Running, 10)]), Some(15), (Some(15), None, None));
    finished(later(&[(Waiting, 10), (Running, 12)]), Some(15), (Some(15), Some((10, 12)), Some(4)));
}

#[test]
fn a_resumed_task_tells_what_began_while_it_was_watched() {
    let resumed = |answers: &[_]| after(History::resumed(), answers);
    assert_eq!(resumed(&[]).completed(secs(20), Some(secs(15))), None);
    finished(resumed(&[(Running, 0)]), Some(99), (Some(99), None, None));
    finished(resumed(&[(Running, 0)]), None, (None, None, None));
    // Not shorter than it was seen undone, and none that takes days.
    finished(resumed(&[(Running, 15)]), Some(1), (Some(15), None, None));
    finished(resumed(&[(Running, 15)]), Some(1_700_000_000), (None, None, None));
    finished(resumed(&[(Waiting, 2), (Running, 6), (Running, 10)]), Some(99), (Some(99), None, Some(11)));
}
