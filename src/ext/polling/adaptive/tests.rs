use super::*;

fn secs(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

fn at(phase: Phase, seconds: f64) -> Progress {
    let age = secs(seconds);
    Progress { phase, age, in_phase: age, since_last_poll: age / 10, ..Progress::default() }
}

const PHASES: [Phase; 3] = [Phase::Unknown, Phase::Waiting, Phase::Running];

fn teach(policy: &Adaptive, seconds: f64, tasks: u32) {
    let time = Some(secs(seconds));
    for _ in 0..tasks {
        policy.learn(&CompletedTask {
            total: time,
            waited: time.zip(time),
            ran: time,
            ..CompletedTask::default()
        });
    }
}

#[test]
fn with_price_out_of_range_is_invalid() {
    for price in [0.0, -1.0, 1e9, f64::NAN, f64::INFINITY] {
        let error = Adaptive::with_price(price).unwrap_err();
        assert!(error.is_invalid());
        let expected = format!("price: {price} is out of range, expected 0.001 to 3600");
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn higher_price_gives_longer_delay() {
    for phase in PHASES {
        let delay = |price| Adaptive::with_price(price).unwrap().delay(&at(phase, 10.0));
        assert!(delay(0.01) < delay(0.05) && delay(0.05) < delay(0.2), "{phase:?}");
    }
}

#[test]
fn delay_after_any_lesson_stays_within_bounds() {
    for lesson in [0.0, 0.01, 3.0, 1e4, 1e15] {
        let policy = Adaptive::new();
        teach(&policy, lesson, 300);
        for (phase, age) in
            PHASES.iter().flat_map(|phase| [0.0, 1.0, 60.0, 1e5, 1e15].map(|age| (*phase, age)))
        {
            let (delay, likelihood) = (policy.delay(&at(phase, age)), policy.likelihood(&at(phase, age)));
            let most = secs(0.1 * age).max(secs(5.0));
            assert!((secs(0.2)..=most).contains(&delay), "{delay:?}, {phase:?} at {age} after {lesson}");
            assert!((0.0..=1.0).contains(&likelihood), "{likelihood}, {phase:?} at {age} after {lesson}");
        }
    }
}

#[test]
fn learned_duration_moves_polls_towards_it() {
    let (policy, task) = (Adaptive::new(), at(Phase::Running, 5.0));
    let cold = policy.delay(&task);
    teach(&policy, 5.0, 50);
    assert!(policy.delay(&task) < cold);
    assert!(policy.delay(&at(Phase::Running, 0.5)) > secs(2.0));
    assert!(policy.likelihood(&at(Phase::Running, 5.5)) > policy.likelihood(&at(Phase::Running, 2.0)));
}

#[test]
fn likelihood_is_higher_when_task_started_soon_after_last_poll() {
    let likelihood = |waiting_time: f64| {
        let policy = Adaptive::new();
        let (waited, ran) = (Some((secs(waiting_time), secs(waiting_time))), Some(secs(3.0)));
        (0..100).for_each(|_| policy.learn(&CompletedTask { waited, ran, ..CompletedTask::default() }));
        // The task was waiting at 8 s and is 14 s old. It had 5 s to run if it started at 9 s, and 1 s if at
        // 13 s.
        let (age, since_last_poll) = (secs(14.0), secs(6.0));
        policy.likelihood(&Progress {
            phase: Phase::Waiting,
            age,
            in_phase: age,
            since_last_poll,
            ..Progress::default()
        })
    };
    let (early, late) = (likelihood(9.0), likelihood(13.0));
    assert!(early > 0.55 && late < 0.3, "{early} {late}");
}

#[test]
fn task_of_an_hour_gets_about_a_hundred_polls() {
    let policy = Adaptive::new();
    for _ in 0..50 {
        policy.learn(&CompletedTask { total: Some(secs(3_600.0)), ..CompletedTask::default() });
    }
    let (mut age, mut polls) = (0.0, 0);
    while age < 3_600.0 {
        age += policy.delay(&at(Phase::Unknown, age)).as_secs_f64();
        polls += 1;
    }
    assert!((30..200).contains(&polls) && age < 3_960.0, "{polls} polls, the last at {age}");
}

/// Returns a policy that has learned from texts of many lengths.
fn taught_by_length(waited: impl Fn(f64) -> f64, ran: impl Fn(f64) -> f64) -> Adaptive {
    let policy = Adaptive::new();
    for characters in [300, 40, 2_500, 900, 20, 4_000, 150, 1_300, 70, 600].repeat(5) {
        let (waited, ran) = (secs(waited(f64::from(characters))), secs(ran(f64::from(characters))));
        let waited = Some((waited, waited));
        policy.learn(&CompletedTask {
            total: Some(ran),
            waited,
            ran: Some(ran),
            characters: Some(characters),
        });
    }
    policy
}

#[test]
fn long_text_is_polled_later_in_every_phase() {
    let policy = taught_by_length(|_| 0.5, |characters| 0.5 + 0.006 * characters);
    for phase in PHASES {
        let task = |characters| Progress { characters: Some(characters), ..at(phase, 1.5) };
        let (short, long) = (policy.delay(&task(100)), policy.delay(&task(4_000)));
        assert!(long > short * 2, "{phase:?}: {short:?} {long:?}");
        let task = |characters| Progress { since_last_poll: secs(1.5), ..task(characters) };
        let (short, long) = (policy.likelihood(&task(100)), policy.likelihood(&task(4_000)));
        assert!(short > 2.0 * long, "{phase:?}: {short} {long}");
    }
}

#[test]
fn waiting_time_does_not_depend_on_length() {
    let policy = taught_by_length(|characters| 0.01 * characters, |_| 0.5);
    let delay = |characters| policy.delay(&Progress { characters, ..at(Phase::Waiting, 3.0) });
    assert_eq!(delay(Some(20)), delay(Some(4_000)));
    assert_eq!(delay(Some(20)), delay(None));
}

#[test]
fn expected_duration_is_median_given_phase_age_and_length() {
    let policy = Adaptive::new();
    assert_eq!(policy.expected(&Progress::default()), None);
    let (waited, ran) = (Some((secs(4.0), secs(4.0))), Some(secs(6.0)));
    let task = CompletedTask { total: Some(secs(10.0)), waited, ran, ..CompletedTask::default() };
    (0..50).for_each(|_| policy.learn(&task));
    let expected = |phase, age: f64, in_phase: f64| {
        let task = Progress { phase, age: secs(age), in_phase: secs(in_phase), ..Progress::default() };
        policy.expected(&task).unwrap().as_secs_f64()
    };
    for (phase, age, in_phase, seconds) in [
        (Phase::Unknown, 0.0, 0.0, 10.0),
        (Phase::Unknown, 5.0, 5.0, 10.0),
        (Phase::Waiting, 1.0, 1.0, 10.0),
        (Phase::Running, 4.5, 0.5, 10.0),
        // It waited longer than the others.
        (Phase::Running, 20.0, 2.0, 24.0),
    ] {
        let found = expected(phase, age, in_phase);
        assert!((found / seconds - 1.0).abs() < 0.05, "{found} instead of {seconds} in {phase:?} at {age}");
    }
    // It has taken longer than all tasks before.
    assert!((100.0..300.0).contains(&expected(Phase::Unknown, 100.0, 100.0)));
    let policy = taught_by_length(|_| 0.5, |characters| 0.5 + 0.006 * characters);
    let with_text = |characters| Progress { characters: Some(characters), ..Progress::default() };
    let found = policy.expected(&with_text(1_000)).unwrap().as_secs_f64();
    assert!((found / 6.5 - 1.0).abs() < 0.1, "{found}");
}

#[test]
fn clones_share_what_they_learn() {
    let policy = Adaptive::new();
    teach(&policy.clone(), 40.0, 50);
    assert!(policy.delay(&Progress::default()) > Adaptive::new().delay(&Progress::default()));
    assert_eq!(format!("{policy:?}"), "Adaptive { price: 0.05, tasks: 50, .. }");
}
