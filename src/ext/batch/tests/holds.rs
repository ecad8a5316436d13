//! Requests that are held back: 429 without `Retry-After`, silent polls, and slow connections.

use std::collections::VecDeque;

use super::*;
use crate::ext::batch::in_memory_api::REQUEST_TIMEOUT;

/// A server that admits 20 requests in a second, and answers the others with 429.
fn limited_server(retry_after: Option<u64>) -> InMemoryApi {
    let admitted = Arc::new(Mutex::new(VecDeque::new()));
    let admit = move || {
        let mut admitted = admitted.lock().unwrap();
        while admitted.front().is_some_and(|at: &Instant| at.elapsed() >= Duration::from_secs(1)) {
            admitted.pop_front();
        }
        let is_admitted = admitted.len() < 20;
        is_admitted.then(|| admitted.push_back(Instant::now())).is_some()
    };
    let (admit_create, admit_poll) = (admit.clone(), admit);
    let rejection = retry_after.map_or(Create::Status(429), Create::RateLimit);
    let create = move |_: &str, _| if admit_create() { Create::Accept } else { rejection };
    server(create, move |age| match age {
        _ if !admit_poll() => Err(retry_after.map_or_else(|| status_failure(429), rate_limited)),
        age if age < Duration::from_secs(30) => Ok("PROCESSING"),
        _ => Ok("COMPLETED"),
    })
}

#[tokio::test(start_paused = true)]
async fn requests_back_off_together_after_429() {
    for (retry_after, most) in [(None, 450), (Some(1), 450)] {
        let server = limited_server(retry_after);
        let run = run(&server, speaks(&server, texts(200)), config(200, None)).await;
        assert_eq!(run.count(Result::is_ok), 200);
        let observed = server.observed();
        let creates = observed.requests.len() - observed.polls as usize;
        println!("{retry_after:?}: {creates} creates, {} polls", observed.polls);
        assert!(creates <= most, "{retry_after:?}: {creates} creates for 200 requests");
    }
}

/// The requests after the first ones are never sent, so that their deadline never starts.
#[tokio::test(start_paused = true)]
async fn endless_429_without_retry_after_ends_each_request_at_its_time_limit() {
    for max_in_flight in [4, 64] {
        let server = server(|_, _| Create::Status(429), done_after(1));
        let deadline = Duration::from_secs(60);
        let list =
            speaks(&server, texts(100)).into_iter().map(|(key, speak)| (key, speak.deadline(deadline)));
        let run = run(&server, list.collect(), config(max_in_flight, None)).await;
        let is_limited = |error: &Error| error.is_rate_limited() && error.billed() == crate::Billed::No;
        assert_eq!(run.count(|result| result.as_ref().is_err_and(is_limited)), 100);
        assert!(server.elapsed() < 2 * deadline, "{max_in_flight}: {:?}", server.elapsed());
        let expected = "not sent, because the server rejected an earlier request: 429 Too Many Requests";
        let never_sent =
            |result: &Result<_, Error>| result.as_ref().is_err_and(|e| e.to_string() == expected);
        assert!(run.count(never_sent) > 0, "{:?}", run.results);
    }
}

#[tokio::test(start_paused = true)]
async fn unanswered_polls_do_not_delay_other_tasks() {
    let client = Client::builder().api_key("k").build().unwrap();
    let is_silent = |text: &str| text.starts_with("silent");
    let (start, polled) = (Instant::now(), Arc::new(Mutex::new(HashMap::<String, u32>::new())));
    let sent = Arc::clone(&polled);
    let round_trip = move |text: &str| {
        let mut sent = sent.lock().unwrap();
        let count = sent.entry(text.to_owned()).or_default();
        *count += 1;
        // The first request is the create.
        let silent = is_silent(text) && *count > 1 && start.elapsed().as_secs() < 300;
        if silent { 2 * REQUEST_TIMEOUT } else { Duration::from_millis(80) }
    };
    let poll = |_: &str, age: Duration| {
        Ok((if age < Duration::from_secs(1) { "PROCESSING" } else { "COMPLETED" }, None))
    };
    let server = InMemoryApi::new(client, round_trip, |_, _| Create::Accept, poll);
    // The silent tasks are due first, and more than there are places.
    let names = (0..500).map(|number| format!("silent {number}"));
    let list = speaks(&server, names.chain(texts(50)));
    let mut tracked = Tracked::start(&server, list, config(550, None)).await;
    tracked.wait_for(|progress| progress.done == 50).await;
    assert!(server.elapsed() < Duration::from_secs(12), "{:?}", server.elapsed());
    tracked.wait_for(|progress| progress.done == 550).await;
}

#[tokio::test(start_paused = true)]
async fn rate_limit_holds_although_connecting_takes_time() {
    let server = server(|_, _| Create::Accept, done_after(3));
    server.set_connect_time(Duration::from_millis(180));
    let run = run(&server, speaks(&server, texts(300)), config(300, Some(20.0))).await;
    assert_eq!(run.count(Result::is_ok), 300);
    assert!(peak(&server) <= 20, "{}", peak(&server));
    let requests = u32::try_from(server.observed().requests.len()).unwrap();
    let least_rate = 15;
    assert!(server.elapsed() < Duration::from_secs(1) * requests / least_rate, "{:?}", server.elapsed());
}

/// After a 429, requests are sent one at a time. A create that the server does not answer must not stop the polls.
#[tokio::test(start_paused = true)]
async fn silent_create_after_429_does_not_delay_polls() {
    // In the second case, the create is the one that tries whether an outage has ended.
    for (max_in_flight, fails_before) in [(9, false), (8, true)] {
        let create = move |text: &str, attempt: u32| match (text, attempt) {
            ("text 7", _) if fails_before => Create::Status(502),
            ("text 8", 1) => Create::Status(429),
            ("text 8", _) => Create::Silence,
            _ => Create::Accept,
        };
        let server = server(create, done_after(3));
        let list = speaks(&server, texts(9));
        let mut tracked = Tracked::start(&server, list, config(max_in_flight, None)).await;
        tracked.wait_for(|progress| progress.done >= 7).await;
        assert!(server.elapsed() < Duration::from_secs(6), "{max_in_flight} texts: {:?}", server.elapsed());
    }
}

/// A request that is ready to be sent holds the right to submit its text.
#[tokio::test(start_paused = true)]
async fn request_that_is_held_back_gives_up_its_announcement() {
    let store = Store::in_memory();
    let server = server(|_, _| Create::Accept, done_after(1));
    let mut engine = engine_with_ready_request(&server);
    let slot = engine.ready_to_send[0];
    let entry = server.client().speak("text 0").to_entry(&store).unwrap();
    let attempt = entry.announced().await;
    pending(&mut engine, slot).attempt = Some(attempt);
    server.client().inner().cooldown.on_error_response(&rate_limited(10).response.unwrap());
    engine.send();
    assert!(engine.ready_to_send.is_empty() && engine.active.tasks.len() == 1);
    assert!(matches!(entry.announce(None).now_or_never(), Some(Ok(Announced::Claimed(_)))));
}

#[tokio::test(start_paused = true)]
async fn no_request_is_sent_during_a_cooldown() {
    let rate_limit_once =
        |_: &str, attempt| if attempt == 1 { Create::RateLimit(30) } else { Create::Accept };
    let server = server(rate_limit_once, done_after(1));
    let run = run(&server, speaks(&server, texts(5)), config(1, None)).await;
    assert_eq!(run.count(Result::is_ok), 5);
    let requests = server.observed().requests.clone();
    // The first request receives the Retry-After, and all others wait.
    assert!(requests[1] >= Duration::from_secs(30), "{requests:?}");
    assert!(server.elapsed() >= Duration::from_secs(5 * 30));
}

#[tokio::test(start_paused = true)]
async fn wait_whose_deadline_is_in_a_cooldown_fails_at_once() {
    let poll = |age: Duration| match age.as_secs() {
        0..5 => Ok("PROCESSING"),
        _ => Err(rate_limited(3600)),
    };
    let server = server(|_, _| Create::Accept, poll);
    let deadline = Duration::from_secs(60);
    let list = speaks(&server, texts(20)).into_iter().map(|(key, speak)| (key, speak.deadline(deadline)));
    let run = run(&server, list.collect(), config(20, None)).await;
    let with_id = |error: &Error| error.is_rate_limited() && error.task_id().is_some();
    assert_eq!(run.count(|result| result.as_ref().is_err_and(with_id)), 20);
    assert_eq!(server.observed().polls_in_cooldown, 0);
    assert!(server.elapsed() < Duration::from_secs(20), "{:?}", server.elapsed());
}
