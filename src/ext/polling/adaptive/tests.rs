use super::*;

fn secs(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

fn at(phase: Phase, seconds: f64) -> Progress {
    let age = secs(seconds);
    Progress { phase, age, in_phase: age, since_last_poll: age / 10, ..Progress::default() }
}

const PHASES: [Phase; 3] = [Phase::Unknown, Phase::Waiting, Phase::Running];

fn taught(policy: &Adaptive, seconds: f64, tasks: u32) {
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
fn a_price_is_one_that_a_request_can_have() {
    for price in [0.0, -1.0, 1e9, f64::NAN, f64::INFINITY] {
        let error = Adaptive::with_price(price).unwrap_err();
        assert!(error.is_invalid());
        let expected = format!("price of a request: {price} is not between 0.001 and 3600");
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn a_dearer_request_is_made_less_often() {
    for phase in PHASES {
        let delay = |price| Adaptive::with_price(price).unwrap().delay(&at(phase, 10.0));
        assert!(delay(0.01) < delay(0.05) && delay(0.05) < delay(0.2), "{phase:?}");
    }
}

#[test]
fn whatever_it_learns_it_asks_within_its_bounds() {
    for lesson in [0.0, 0.01, 3.0, 1e4, 1e15] {
        let policy = Adaptive::new();
        taught(&policy, lesson, 300);
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
fn it_asks_when_tasks_are_done_as_it_has_learned() {
    let (policy, task) = (Adaptive::new(), at(Phase::Running, 4.0));
    let cold = policy.delay(&task);
    taught(&policy, 5.0, 50);
    assert!(policy.delay(&task) < cold);
    assert!(policy.delay(&at(Phase::Running, 0.5)) > secs(2.0));
    assert!(policy.likelihood(&at(Phase::Running, 5.5)) > policy.likelihood(&at(Phase::Running, 2.0)));
}

#[test]
fn a_task_that_began_early_in_the_time_unheard_is_likelier_done() {
    let likelihood = |waits: f64| {
        let policy = Adaptive::new();
        let (waited, ran) = (Some((secs(waits), secs(waits))), Some(secs(3.0)));
        (0..100).for_each(|_| policy.learn(&CompletedTask { waited, ran, ..CompletedTask::default() }));
        // Heard to wait at 8 s, and 14 s old: it had 5 s to run if it began at 9, and 1 s if at 13.
        let (age, unheard) = (secs(14.0), secs(6.0));
        policy.likelihood(&Progress {
            phase: Phase::Waiting,
            age,
            in_phase: age,
            since_last_poll: unheard,
            ..Progress::default()
        })
    };
    let (early, late) = (likelihood(9.0), likelihood(13.0));
    assert!(early > 0.55 && late < 0.3, "{early} {late}");
}

#[test]
fn a_task_of_an_hour_is_asked_for_some_hundred_times() {
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

#[test]
fn clones_learn_together() {
    let policy = Adaptive::new();
    taught(&policy.clone(), 40.0, 50);
    assert!(policy.delay(&Progress::default()) > Adaptive::new().delay(&Progress::default()));
    assert_eq!(format!("{policy:?}"), "Adaptive { price: 0.05, tasks: 50, .. }");
}
