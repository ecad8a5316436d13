//! A server that is away: connections refused, error responses, or silence.

use super::*;
use crate::ext::batch::in_memory_api::REQUEST_TIMEOUT;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    Refused,
    BadGateway,
    Silent,
}

const FORMS: [Form; 3] = [Form::Refused, Form::BadGateway, Form::Silent];

/// The times at which creates were sent, with their outcomes.
type Creates = Arc<Mutex<Vec<(Duration, Create)>>>;

/// A server that is away in a period. Half of the creates in doubt are accepted.
fn server_away(form: Form, away: std::ops::Range<Duration>, polls_too: bool) -> (InMemoryApi, Creates) {
    let (start, creates) = (Instant::now(), Creates::default());
    let is_away = move || away.contains(&start.elapsed());
    let (away_for_create, away_for_poll, log) = (is_away.clone(), is_away.clone(), Arc::clone(&creates));
    let client = Client::builder().api_key("k").build().unwrap();
    let round_trip = move |_: &str| {
        let silent = polls_too && form == Form::Silent && is_away();
        if silent { 2 * REQUEST_TIMEOUT } else { Duration::from_millis(80) }
    };
    let create = move |text: &str, _| {
        let create = match form {
            _ if !away_for_create() => Create::Accept,
            Form::Refused => Create::NotConnected,
            Form::BadGateway if text.ends_with(['0', '2', '4', '6', '8']) => Create::AcceptThenDisconnect,
            Form::BadGateway => Create::Status(502),
            Form::Silent => Create::Silence,
        };
        log.lock().unwrap().push((start.elapsed(), create));
        create
    };
    let poll = move |_: &str, age: Duration| match form {
        Form::Refused if polls_too && away_for_poll() => Err(Failure::new(FailureKind::NotConnected)),
        Form::BadGateway if polls_too && away_for_poll() => Err(status_failure(502)),
        _ if age == Duration::MAX => Err(status_failure(404)),
        _ => Ok((if age < Duration::from_secs(5) { "PROCESSING" } else { "COMPLETED" }, None)),
    };
    (InMemoryApi::new(client, round_trip, create, poll), creates)
}

/// Returns the number of creates that failed, and of those that were sent after the first failure was noticed.
fn failed(form: Form, creates: &Creates) -> (usize, usize) {
    let creates = creates.lock().unwrap();
    let failed: Vec<_> = creates.iter().filter(|(_, create)| *create != Create::Accept).collect();
    let Some((first, _)) = failed.first() else { return (0, 0) };
    // Before the first answer, silence is noticed after two seconds, later after half a second.
    let silence = if first.is_zero() { Duration::from_secs(2) } else { Duration::from_millis(580) };
    let notice = if form == Form::Silent { silence } else { Duration::from_millis(80) };
    (failed.len(), failed.iter().filter(|(at, _)| *at > *first + notice).count())
}

#[tokio::test(start_paused = true)]
async fn outage_of_a_minute_leaves_no_more_doubts_than_creates_in_flight() {
    for form in FORMS {
        // At the start the first 64 creates are in flight, and no task is known. At 5 s tasks are under way.
        for (from, rate, in_flight) in [(0, None, 64), (5, Some(30.0), 3)] {
            let from = Duration::from_secs(from);
            let (server, creates) = server_away(form, from..from + Duration::from_secs(60), true);
            let list = speaks(&server, texts(200)).into_iter();
            let list = list.map(|(key, speak)| (key, speak.deadline(Duration::from_secs(600))));
            let places = if rate.is_none() { 64 } else { 200 };
            let run = run(&server, list.collect(), config(places, rate)).await;
            assert_billed_at_most_once(&server, &run);
            let in_doubt = run.progress.in_doubt;
            assert_eq!(run.count(Result::is_ok) + in_doubt, 200, "{form:?}: every line is done or in doubt");
            let (failed, after_notice) = failed(form, &creates);
            println!(
                "{form:?} from {from:?}: {failed} creates failed, {in_doubt} doubts, {:?}",
                server.elapsed()
            );
            // Without a task to poll, single creates find out whether refused connections are possible again.
            let probes = if form == Form::Refused && from.is_zero() { 10 } else { 0 };
            assert!(after_notice <= probes, "{form:?}: {after_notice} creates before a poll was answered");
            // Until silence is noticed, one more create may be sent.
            let in_flight = in_flight + usize::from(form == Form::Silent);
            assert!(failed > 0 && failed <= in_flight + probes, "{form:?}: {failed}");
            assert_eq!(in_doubt, if form == Form::Refused { 0 } else { failed }, "{form:?}");
            assert!(server.elapsed() < from + Duration::from_secs(110), "{form:?}: {:?}", server.elapsed());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn silence_at_a_low_rate_is_noticed_after_half_a_second() {
    let away = Duration::from_secs(5)..Duration::from_secs(65);
    let (server, creates) = server_away(Form::Silent, away, true);
    let run = run(&server, speaks(&server, texts(400)), config(400, Some(20.0))).await;
    assert_eq!(run.count(Result::is_ok) + run.progress.in_doubt, 400);
    let (failed, after_notice) = failed(Form::Silent, &creates);
    // Without the notice, creates go on until the first one times out: 600 in 30 s.
    assert!(failed <= 13 && after_notice == 0, "{failed} creates failed");
}

#[tokio::test(start_paused = true)]
async fn endless_outage_ends_each_request_at_its_deadline() {
    for form in FORMS {
        let (server, creates) = server_away(form, Duration::ZERO..Duration::MAX, true);
        let deadline = Duration::from_secs(60);
        let list =
            speaks(&server, texts(200)).into_iter().map(|(key, speak)| (key, speak.deadline(deadline)));
        let run = run(&server, list.collect(), config(64, None)).await;
        let in_doubt = run.progress.in_doubt;
        let unreachable: Vec<_> = run
            .results
            .iter()
            .filter_map(|(_, result)| result.as_ref().err())
            .filter(|e| e.is_unreachable())
            .collect();
        assert_eq!(unreachable.len() + in_doubt, 200, "{form:?}");
        assert!(unreachable.iter().all(|error| error.task_id().is_none()));
        let probes = if form == Form::Refused { 10 } else { 0 };
        assert!(failed(form, &creates).1 <= probes, "{form:?}");
        // The time limit of a request that was never sent counts from the start of the outage, which silence delays.
        let noticed = if form == Form::Silent { REQUEST_TIMEOUT } else { Duration::ZERO };
        let elapsed = server.elapsed().saturating_sub(noticed);
        assert!(elapsed < Duration::from_secs(64), "{form:?}: {elapsed:?}");
        let never_sent = unreachable.last().unwrap().to_string();
        let (start, cause) =
            never_sent.split_once(" attempts of the batch, this request was not sent: ").unwrap();
        let attempts: u32 = start.strip_prefix("server unavailable in ").unwrap().parse().unwrap();
        // At least the creates that opened the breaker, and a few probes in a minute.
        assert!((4..200).contains(&attempts), "{form:?}: {never_sent}");
        let (host, cause) = cause.split_once(": ").unwrap();
        assert_eq!(host, "api.distribute.ai:443");
        // A bad gateway responds to some of the creates, and disconnects the others.
        let is_response = form == Form::BadGateway && cause == "502 Bad Gateway: sorry";
        assert!(is_response || cause == "no response", "{form:?}: {never_sent}");
    }
}

#[tokio::test(start_paused = true)]
async fn probes_and_other_requests_are_evenly_spaced_by_the_rate_limit() {
    let away = Duration::from_secs(5)..Duration::from_secs(605);
    let (server, _) = server_away(Form::Refused, away, true);
    let run = run(&server, speaks(&server, texts(30)), config(30, Some(2.0))).await;
    assert_eq!(run.count(Result::is_ok), 30);
    let requests = server.observed().requests.clone();
    let are_apart = requests.windows(2).all(|pair| pair[0] + Duration::from_millis(400) < pair[1]);
    assert!(are_apart, "{requests:?}");
}

#[tokio::test(start_paused = true)]
async fn outage_of_creates_alone_leaves_few_doubts() {
    let away = Duration::from_secs(10)..Duration::from_secs(610);
    let (server, creates) = server_away(Form::BadGateway, away, false);
    let list = speaks(&server, texts(400));
    let run = run(&server, list, config(64, None)).await;
    assert_eq!(run.count(Result::is_ok) + run.progress.in_doubt, 400);
    assert_billed_at_most_once(&server, &run);
    let (failed, _) = failed(Form::BadGateway, &creates);
    println!("{failed} creates failed");
    assert!(failed <= 64 + 17, "{failed}");
}

#[tokio::test(start_paused = true)]
async fn request_in_doubt_is_resubmitted_when_a_task_has_been_polled() {
    let (server, creates) =
        server_away(Form::BadGateway, Duration::from_secs(5)..Duration::from_secs(65), true);
    let list = speaks(&server, texts(400)).into_iter();
    let list = list.map(|(key, speak)| (key, speak.resubmit_in_doubt(1).deadline(Duration::from_secs(600))));
    let run = run(&server, list.collect(), config(400, Some(30.0))).await;
    assert_eq!(run.count(Result::is_ok), 400);
    let (failed, after_notice) = failed(Form::BadGateway, &creates);
    assert!(failed > 0 && after_notice == 0, "{after_notice} of {failed} creates failed after a probe");
}

#[tokio::test(start_paused = true)]
async fn flapping_server_loses_nothing_and_bills_nothing_twice() {
    let start = Instant::now();
    let is_down = move || start.elapsed() < Duration::from_secs(60) && start.elapsed().as_secs() % 4 >= 2;
    let create = move |_: &str, _| if is_down() { Create::AcceptThenDisconnect } else { Create::Accept };
    let poll = move |age| match age {
        _ if is_down() => Err(Failure::new(FailureKind::ConnectionLost)),
        age if age < Duration::from_secs(3) => Ok("PROCESSING"),
        _ => Ok("COMPLETED"),
    };
    let server = server(create, poll);
    let run = run(&server, speaks(&server, texts(400)), config(400, Some(50.0))).await;
    assert_eq!(run.count(Result::is_ok) + run.progress.in_doubt, 400);
    assert_billed_at_most_once(&server, &run);
    // Four creates are in flight when the server goes down. Without the breaker, 100 creates fail in two seconds.
    println!("{} doubts in {:?}", run.progress.in_doubt, server.elapsed());
    assert!(run.progress.in_doubt <= 80, "{}", run.progress.in_doubt);
}

#[tokio::test(start_paused = true)]
async fn progress_shows_outage_and_pause() {
    let (server, _) = server_away(Form::Refused, Duration::ZERO..Duration::from_secs(20), true);
    let mut tracked = Tracked::start(&server, speaks(&server, texts(2)), config(2, None)).await;
    tracked.wait_for(|progress| progress.unavailable_since.is_some()).await;
    server.client().inner().cooldown.on_error_response(&rate_limited(60).response.unwrap());
    tracked.wait_for(|progress| progress.paused_until.is_some()).await;
    tracked.wait_for(|progress| progress.done == 2).await;
    let last = tracked.progress.borrow().clone();
    assert_eq!((last.paused_until, last.unavailable_since), (None, None));
    assert!(server.elapsed() >= Duration::from_secs(60));
}

#[tokio::test(start_paused = true)]
async fn request_that_is_not_sent_in_an_outage_has_no_task_id_of_another() {
    let other = TaskId::new_unchecked("1b671a64-40d5-491e-99b0-da01ff1f3341");
    let failure = Failure { task_id: Some(other), ..status_failure(502) };
    let mut failures = crate::ext::batch::engine::OutageFailures::default();
    failures.record_create(failure);
    let error = failures.error("localhost:80");
    assert_eq!((error.task_id(), error.billed()), (None, crate::Billed::No));
}

#[tokio::test(start_paused = true)]
async fn requests_that_cannot_be_sent_before_their_time_limit_end_at_once_in_a_cooldown() {
    let server = server(|_, _| Create::RateLimit(31_536_000), |_| Ok("PROCESSING"));
    let deadline = Duration::from_secs(3);
    let list = speaks(&server, texts(200)).into_iter().map(|(key, speak)| (key, speak.deadline(deadline)));
    let run = run(&server, list.collect(), config(200, None)).await;
    assert_eq!(run.count(|result| result.as_ref().is_err_and(Error::is_rate_limited)), 200);
    assert!(server.elapsed() < deadline, "{:?}", server.elapsed());
}

/// The first create gets a pause of 30 s, the next two are accepted, and the fourth gets a pause of 45 s.
#[tokio::test(start_paused = true)]
async fn time_limit_in_a_pause_counts_from_the_first_pause_since_the_last_accepted_create() {
    let creates = std::sync::atomic::AtomicU32::new(0);
    let create = move |_: &str, _| match creates.fetch_add(1, Ordering::Relaxed) {
        0 => Create::RateLimit(30),
        3 => Create::RateLimit(45),
        _ => Create::Accept,
    };
    let server = server(create, done_after(1));
    let deadline = Duration::from_secs(60);
    let list = speaks(&server, texts(10)).into_iter().map(|(key, speak)| (key, speak.deadline(deadline)));
    let run = run(&server, list.collect(), config(10, Some(2.0))).await;
    // Only the first text ends in the second pause, because its time limit counts from its own first attempt.
    assert_eq!((run.progress.done, run.progress.failed), (9, 1), "{:?}", run.progress);
    assert!(run.results.iter().any(|(key, result)| key == "text 0" && result.is_err()), "{:?}", run.results);
    assert!(server.elapsed() >= Duration::from_secs(75), "{:?}", server.elapsed());
}

/// On the paused clock, an engine that never sleeps would never see the response.
#[tokio::test(start_paused = true)]
async fn stopped_batch_sleeps_until_its_last_create_ends() {
    let server = server(|_, _| Create::Silence, |_| Ok("PROCESSING"));
    let queue = Queue::list(speaks(&server, texts(200)));
    let (mut engine, Channels { finished: _finished, released, .. }) = Engine::new(server.clone(), queue);
    config(200, Some(5.0)).validate_and_open(&mut engine).await.unwrap();
    let stop = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        drop(released);
    };
    assert!(tokio::join!(engine.run(), stop).0.is_none());
    assert!(server.elapsed() < REQUEST_TIMEOUT + Duration::from_secs(1), "{:?}", server.elapsed());
}

#[tokio::test(start_paused = true)]
async fn outage_is_probed_with_the_task_of_an_earlier_run() {
    let store = Store::in_memory();
    let (start, creates) = (Instant::now(), Arc::new(Mutex::new(0)));
    let is_down = move || start.elapsed() < Duration::from_secs(60);
    let count = Arc::clone(&creates);
    let create = move |_: &str, _| {
        *count.lock().unwrap() += 1;
        if is_down() { Create::NotConnected } else { Create::Accept }
    };
    let poll = move |_: &str, _| {
        if is_down() { Err(Failure::new(FailureKind::NotConnected)) } else { Ok(("COMPLETED", None)) }
    };
    let client = Client::builder().api_key("k").build().unwrap();
    let server = InMemoryApi::new(client, |_| Duration::from_millis(80), create, poll);
    let list = speaks(&server, texts(2));
    let entry = list[0].1.to_entry(&store).unwrap();
    let attempt = entry.announced().await;
    attempt.send(async { Ok(TaskId::new_unchecked("text 0")) }).await.unwrap();
    let run = run(&server, list, with_store(&store, config(2, None))).await;
    assert_eq!((run.count(Result::is_ok), *creates.lock().unwrap()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn time_limit_in_an_outage_counts_from_the_arrival_of_the_request() {
    let client = Client::builder().api_key("k").build().unwrap();
    let (start, second) = (Instant::now(), Duration::from_secs(1));
    let speech = client.speak("Hello.").deadline(60 * second).prepare(None).unwrap();
    let mut pending = PendingRequest::new(speech, start + 100 * second);
    let error = Error::stopped();
    let hold =
        Hold { cooldown_end: None, rate_limited: None, throttled: None, outage: Some((start, &error)) };
    assert!(pending.held_past_deadline(start + 159 * second, &hold).is_none());
    assert!(pending.held_past_deadline(start + 160 * second, &hold).is_some());
}
