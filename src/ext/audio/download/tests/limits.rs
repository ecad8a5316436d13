//! The limits of time and size, and the end of a body.

use super::*;
use crate::ext::{
    retry::policy::Decision,
    transport::failure::{Failure, FailureKind},
};

fn chunks(headers: &[(&'static str, &str)], chunks: &[(u64, usize)]) -> Reply {
    let Reply::Response { status, headers, .. } = reply(200, headers, b"") else { unreachable!() };
    let chunks = chunks.iter().map(|(pause, length)| (Duration::from_secs(*pause), vec![b'0'; *length]));
    Reply::Response { status, headers, chunks: chunks.collect(), breaks: false }
}

#[tokio::test(start_paused = true)]
async fn download_is_complete_when_all_announced_bytes_have_arrived() {
    let whole = run([reply(200, &[("content-length", "10")], b"0123456789")]).await;
    whole.assert_bytes(b"0123456789", &[0]);
    assert_eq!(whole.time, Duration::ZERO);
    // It does not matter how the response ends.
    run([cut(b"0123456789")]).await.assert_bytes(b"0123456789", &[0]);
}

#[tokio::test(start_paused = true)]
async fn empty_audio_is_an_error_also_after_an_interruption() {
    let empty = [("content-length", "0")];
    let Reply::Response { status, headers, chunks, .. } = reply(200, &empty, b"") else { unreachable!() };
    let broken = Reply::Response { status, headers, chunks, breaks: true };
    let run = run([broken, reply(200, &empty, b"")]).await;
    assert!(run.outcome.unwrap_err().is_empty_audio());
    assert_eq!(run.requests, [0, 0]);
}

#[tokio::test(start_paused = true)]
async fn response_that_ends_among_the_bytes_that_had_arrived_before_is_too_short() {
    let chunked = [("transfer-encoding", "chunked")];
    let Reply::Response { status, headers, chunks, .. } = reply(200, &chunked, &[b'0'; 100]) else {
        unreachable!()
    };
    let first = Reply::Response { status, headers, chunks, breaks: true };
    let script = [first, reply(200, &chunked, &[b'0'; 50]), reply(200, &chunked, &[b'0'; 200])];
    run(script).await.assert_bytes(&[b'0'; 200], &[0, 100, 100]);
}

#[tokio::test(start_paused = true)]
async fn audio_of_the_maximum_size_is_downloaded_and_one_byte_more_is_refused_at_once() {
    let limits = || Limits { max_bytes: 10, ..limits() };
    let whole = reply(200, &[("content-length", "10")], b"0123456789");
    run_with([whole], limits(), Vec::new()).await.assert_bytes(b"0123456789", &[0]);
    let larger = run_with([reply(200, &[("content-length", "11")], b"0")], limits(), Vec::new()).await;
    larger.assert_error("audio has 11 bytes, expected at most 10; raise `max_bytes` to allow more");
    assert_eq!(larger.requests, [0]);
    let unannounced = run_with([reply(200, &[], b"0123456789a")], limits(), Vec::new()).await;
    unannounced.assert_error("audio has more than 11 bytes, expected at most 10");
}

#[tokio::test(start_paused = true)]
async fn host_that_stops_sending_is_asked_again_after_the_idle_time() {
    let limits = Limits { min_rate: 0, ..limits() };
    let stops = chunks(&[("content-length", "200")], &[(39, 100), (41, 100)]);
    let run = timeout(Duration::from_secs(3_600), run_with([stops], limits, Vec::new())).await.unwrap();
    run.assert_error("no data received for 40s");
    assert!((5 * 79..5 * 79 + 5).contains(&run.time.as_secs()), "{:?}", run.time);
}

#[tokio::test(start_paused = true)]
async fn pause_below_the_idle_time_is_allowed_if_the_rate_is_high_enough() {
    let pauses = || chunks(&[("content-length", "61440")], &[(0, 30 * 1024), (35, 30 * 1024)]);
    assert_eq!(run([pauses()]).await.time, Duration::from_secs(35));
}

#[tokio::test(start_paused = true)]
async fn chunk_that_arrives_at_the_end_of_the_window_counts_as_waited_for() {
    let drip = || chunks(&[("content-length", "1000")], &[(30, 1); 1000]);
    run([drip()]).await.assert_error("host sent less than 1024 bytes per second");
}

#[tokio::test(start_paused = true)]
async fn time_in_which_the_download_is_not_polled_does_not_count() {
    let host = InMemoryHost::new([chunks(&[], &[(0, 100), (1, 100)])], Vec::new());
    let requests = host.requests;
    let mut download = Download::new(host, limits());
    assert!(matches!(download.next().await, Ok(Some(Part::Audio(_)))));
    let mut next = Box::pin(download.next());
    assert!((&mut next).now_or_never().is_none());
    tokio::time::advance(Duration::from_secs(300)).await;
    assert!(matches!(next.await, Ok(Some(Part::Audio(_)))));
    assert!(download.next().await.unwrap().is_none());
    assert_eq!(requests.lock().unwrap().len(), 1);
}

#[test]
fn poll_for_a_new_url_may_succeed_later_after_an_outage_but_not_after_an_error_of_the_task() {
    let lost = |decision, kind| Error::from_failure(decision, Failure::new(kind));
    for error in [
        Error::deadline(Duration::ZERO, None, None),
        Error::rate_limited(Duration::ZERO),
        lost(Decision::Retry, FailureKind::ConnectionLost),
        lost(Decision::Unreachable, FailureKind::NotConnected),
    ] {
        assert!(may_pass(&error), "{error:?}");
    }
    assert!(!may_pass(&Error::failed()) && !may_pass(&Error::stopped()));
}
