//! The limits of a batch: submissions and seconds of audio.

use super::*;

#[tokio::test(start_paused = true)]
async fn batch_ends_at_its_limit_and_equal_lines_do_not_count() {
    for store in [None, Some(Store::in_memory())] {
        let server = server(|_, _| Create::Accept, done_after(3));
        let mut list = speaks(&server, texts(5));
        list.insert(1, ("again".to_owned(), server.client().speak("text 0")));
        let max = if store.is_some() { 2 } else { 3 };
        let settings = store.as_ref().map(Into::into);
        let config = Config { max_submissions: Some(max), store: settings, ..config(3, None) };
        let run = run(&server, list, config).await;
        let is_stopped = |result: &Result<_, Error>| result.as_ref().is_err_and(Error::is_stopped);
        assert_eq!((run.count(Result::is_ok), run.count(is_stopped)), (3, 3), "{store:?}");
        assert_eq!(server.observed().accepted.values().sum::<u32>() as usize, max);
    }
}

#[tokio::test(start_paused = true)]
async fn line_that_equals_a_submitted_one_is_delivered_although_the_limit_is_reached() {
    let store = Store::in_memory();
    let server = server(|_, _| Create::Accept, done_after(3));
    let list = ["Hello.", "Good morning.", "Hello."].into_iter().enumerate();
    let list = list.map(|(key, text)| (key.to_string(), server.client().speak(text))).collect();
    // One request per second: the first line is submitted before the second one reaches the limit.
    let config = with_store(&store, Config { max_submissions: Some(1), ..config(3, Some(1.0)) });
    let run = run(&server, list, config).await;
    let is_stopped = |result: &Result<_, Error>| result.as_ref().is_err_and(Error::is_stopped);
    assert_eq!((run.count(Result::is_ok), run.count(is_stopped)), (2, 1), "{:?}", run.results);
    assert_eq!(server.observed().accepted["Hello."], 1);
}

#[tokio::test(start_paused = true)]
async fn retry_within_the_limit_is_sent() {
    let server =
        server(|_, attempt| if attempt < 3 { Create::RateLimit(1) } else { Create::Accept }, done_after(1));
    let config = Config { max_submissions: Some(4), ..config(8, None) };
    let run = run(&server, speaks(&server, texts(20)), config).await;
    assert_eq!((run.count(Result::is_ok), server.observed().accepted.len()), (4, 4));
}

#[tokio::test(start_paused = true)]
async fn submissions_in_doubt_count_towards_the_limit() {
    let server = server(|_, _| Create::AcceptThenDisconnect, done_after(0));
    let limited = Config { max_submissions: Some(2), ..config(1, None) };
    let run = run(&server, speaks(&server, texts(5)), limited).await;
    assert_eq!((run.progress.in_doubt, server.observed().accepted.len()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn limit_of_seconds_holds_without_a_store() {
    let server = server(|_, _| Create::Accept, done_after(1));
    // Each text is expected to take more than a second.
    let texts = (0..50).map(|number| format!("One, two, three, four, five, six, {number}."));
    let limited = Config { max_seconds: Some(5.0), ..config(64, None) };
    let run = run(&server, speaks(&server, texts), limited).await;
    let accepted = server.observed().accepted.len();
    assert!((1..=5).contains(&accepted), "{accepted}");
    assert_eq!(run.count(|result| result.as_ref().is_err_and(Error::is_stopped)), 50 - accepted);
}
