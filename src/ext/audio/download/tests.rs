//! Downloads from a host in memory, in virtual time.

mod limits;

use std::{collections::VecDeque, future::Future, sync::Mutex};

use futures_util::{FutureExt, stream};
use reqwest::header::HeaderMap;

use super::*;

/// A response of the host in memory.
enum Reply {
    /// Status, headers, and a body of chunks, each after a pause. The body ends, or breaks.
    Response {
        status: u16,
        headers: Vec<(&'static str, String)>,
        chunks: Vec<(Duration, Vec<u8>)>,
        breaks: bool,
    },
    Unreachable,
}

struct InMemoryHost {
    /// The last reply repeats.
    script: Mutex<VecDeque<Reply>>,
    /// The first position of each request, 0 for the whole audio.
    requests: &'static Mutex<Vec<u64>>,
    refreshes: &'static Mutex<u32>,
    /// The number of polls for a new URL that fail with this error.
    failing_refreshes: Vec<Error>,
    has_url: bool,
}

impl InMemoryHost {
    fn new(script: impl IntoIterator<Item = Reply>, failing_refreshes: Vec<Error>) -> Self {
        Self {
            script: Mutex::new(script.into_iter().collect()),
            requests: Box::leak(Box::default()),
            refreshes: Box::leak(Box::default()),
            failing_refreshes,
            has_url: true,
        }
    }
}

fn reply(status: u16, headers: &[(&'static str, &str)], body: &[u8]) -> Reply {
    let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    Reply::Response { status, headers, chunks: vec![(Duration::ZERO, body.to_vec())], breaks: false }
}

/// Announces ten bytes and breaks after some of them.
fn cut(body: &[u8]) -> Reply {
    let Reply::Response { status, headers, chunks, .. } =
        reply(200, &[("content-length", "10"), ("etag", "\"v1\"")], body)
    else {
        unreachable!()
    };
    Reply::Response { status, headers, chunks, breaks: true }
}

impl Reply {
    fn copy(&self) -> Self {
        match self {
            Self::Unreachable => Self::Unreachable,
            Self::Response { status, headers, chunks, breaks } => Self::Response {
                status: *status,
                headers: headers.clone(),
                chunks: chunks.clone(),
                breaks: *breaks,
            },
        }
    }

    fn into_response(self) -> Result<Response, HostError> {
        let Self::Response { status, headers, chunks, breaks } = self else {
            return Err(HostError::Transient(Error::download("audio host did not respond")));
        };
        let end = breaks.then_some((Duration::ZERO, Err("connection reset")));
        let chunks = chunks.into_iter().map(|(pause, chunk)| (pause, Ok(chunk))).chain(end);
        let body = stream::unfold(chunks, |mut chunks| async {
            let (pause, chunk) = chunks.next()?;
            sleep(pause).await;
            Some((chunk, chunks))
        });
        let mut response = http::Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(name, value);
        }
        Ok(response.body(reqwest::Body::wrap_stream(body)).unwrap().into())
    }
}

impl Host for InMemoryHost {
    fn has_url(&self) -> bool {
        self.has_url
    }

    fn get(&self, missing: Option<Missing<'_>>) -> impl Future<Output = Result<Response, HostError>> + Send {
        assert!(missing.as_ref().is_none_or(|missing| missing.from > 0), "nothing is missing yet");
        self.requests.lock().unwrap().push(missing.map_or(0, |missing| missing.from));
        let mut script = self.script.lock().unwrap();
        let reply = if script.len() > 1 { script.pop_front().unwrap() } else { script[0].copy() };
        std::future::ready(reply.into_response())
    }

    fn request_id(&self, headers: &HeaderMap) -> Option<Box<str>> {
        Some(headers.get("x-request-id")?.to_str().unwrap().into())
    }

    async fn refresh(&mut self) -> Result<(), Error> {
        *self.refreshes.lock().unwrap() += 1;
        self.failing_refreshes.pop().map_or(Ok(()), Err)?;
        self.has_url = true;
        Ok(())
    }
}

struct Run {
    outcome: Result<Vec<u8>, Error>,
    requests: Vec<u64>,
    refreshes: u32,
    restarts: usize,
    time: Duration,
}

fn limits() -> Limits {
    let idle = Duration::from_secs(40);
    Limits { max_bytes: 1024 * 1024, idle, min_rate: 1024, patience: Duration::ZERO }
}

async fn run_with(
    script: impl IntoIterator<Item = Reply>,
    limits: Limits,
    failing_refreshes: Vec<Error>,
) -> Run {
    download_from(InMemoryHost::new(script, failing_refreshes), limits).await
}

async fn download_from(host: InMemoryHost, limits: Limits) -> Run {
    let (requests, refreshes) = (host.requests, host.refreshes);
    let mut download = Download::new(host, limits);
    let (start, mut restarts, mut bytes) = (Instant::now(), 0, Vec::new());
    let outcome = loop {
        match download.next().await {
            Ok(Some(Part::Audio(chunk))) => bytes.extend_from_slice(&chunk),
            Ok(Some(Part::Restart)) => {
                restarts += 1;
                bytes.clear();
            }
            Ok(None) => break Ok(bytes),
            Err(error) => break Err(error),
        }
    };
    assert!(outcome.is_err() || download.next().await.unwrap().is_none(), "the end is final");
    let (requests, refreshes) = (requests.lock().unwrap().clone(), *refreshes.lock().unwrap());
    Run { outcome, requests, refreshes, restarts, time: start.elapsed() }
}

async fn run(script: impl IntoIterator<Item = Reply>) -> Run {
    run_with(script, limits(), Vec::new()).await
}

/// Retries failures for ten minutes.
fn patient_limits() -> Limits {
    Limits { patience: Duration::from_secs(600), ..limits() }
}

impl Run {
    #[track_caller]
    fn assert_bytes(&self, expected: &[u8], requests: &[u64]) {
        assert_eq!(self.outcome.as_ref().unwrap(), expected);
        assert_eq!(self.requests, requests);
    }

    #[track_caller]
    fn assert_error(&self, expected: &str) {
        let error = self.outcome.as_ref().unwrap_err();
        assert!(format!("{error:?}").contains(expected), "{error:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn download_begins_again_if_the_rest_cannot_be_used() {
    for rest in [
        reply(206, &[("content-range", "bytes 2-9/10")], b"23456789"),
        reply(206, &[("content-range", "bytes 4-9/12")], b"456789"),
        reply(206, &[], b"456789"),
        reply(416, &[("content-range", "bytes */4")], b""),
    ] {
        let run = run([cut(b"0123"), rest, reply(200, &[], b"0123456789")]).await;
        run.assert_bytes(b"0123456789", &[0, 4, 0]);
        assert_eq!(run.restarts, 0, "the bytes are the same");
    }
}

#[tokio::test(start_paused = true)]
async fn download_continues_with_whole_audio_of_the_same_bytes() {
    for whole in
        [reply(200, &[], b"0123456789"), reply(206, &[("content-range", "bytes 0-9/10")], b"0123456789")]
    {
        let run = run([cut(b"0123"), whole]).await;
        run.assert_bytes(b"0123456789", &[0, 4]);
        assert_eq!(run.restarts, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn download_restarts_if_the_audio_has_changed() {
    // Known from the headers.
    for headers in [("etag", "\"v2\""), ("content-length", "6")] {
        let run = run([cut(&[b'0'; 9]), reply(200, &[headers], b"abcdef")]).await;
        run.assert_bytes(b"abcdef", &[0, 9]);
    }
    // Known from the bytes.
    let long = [b'0'; 100];
    let first = Reply::Response {
        status: 200,
        headers: Vec::new(),
        chunks: vec![(Duration::ZERO, long.to_vec())],
        breaks: true,
    };
    let run = run([first, reply(200, &[], &[b'a'; 200])]).await;
    run.assert_bytes(&[b'a'; 200], &[0, 100, 0]);
    assert_eq!(run.restarts, 1);
}

#[tokio::test(start_paused = true)]
async fn download_restarts_if_the_rest_has_another_weak_tag() {
    let with_tag = |status, version: &str, range: &str, body: &[u8]| {
        let tag = format!("W/\"{version}\"");
        reply(status, &[("content-length", "200"), ("content-range", range), ("etag", &tag)], body)
    };
    let Reply::Response { status, headers, chunks, .. } = with_tag(200, "v1", "", &[b'0'; 100]) else {
        unreachable!()
    };
    let first = || Reply::Response { status, headers: headers.clone(), chunks: chunks.clone(), breaks: true };
    let rest = |version| with_tag(206, version, "bytes 100-199/200", &[b'1'; 100]);
    let other = run([first(), rest("v2"), with_tag(200, "v2", "", &[b'2'; 200])]).await;
    other.assert_bytes(&[b'2'; 200], &[0, 100, 0]);
    assert_eq!(other.restarts, 1);
    let same = run([first(), rest("v1")]).await;
    same.assert_bytes(&[[b'0'; 100], [b'1'; 100]].concat(), &[0, 100]);
}

#[tokio::test(start_paused = true)]
async fn download_that_changes_again_and_again_fails() {
    let versions = (0..20).map(|number| Reply::Response {
        status: 200,
        headers: vec![("etag", format!("\"v{number}\""))],
        // More than the least rate gives in a window.
        chunks: vec![(Duration::ZERO, vec![b'0'; 40 * 1024])],
        breaks: true,
    });
    let run = run(versions).await;
    run.assert_error("audio changed 4 times during the download");
    assert_eq!(run.requests.len(), 5);
}

#[tokio::test(start_paused = true)]
async fn download_of_one_byte_at_a_time_is_too_slow() {
    let drip = || Reply::Response {
        status: 200,
        headers: vec![("content-length", "1000".to_owned())],
        chunks: vec![(Duration::from_secs(29), vec![b'0']); 1000],
        breaks: false,
    };
    let run = run([drip()]).await;
    run.assert_error("host sent less than 1024 bytes per second");
    assert!(run.time < Duration::from_secs(5 * 31), "{:?}", run.time);
}

#[tokio::test(start_paused = true)]
async fn download_of_one_byte_per_connection_fails() {
    let run = run([reply(200, &[("content-length", "1000")], b"0")]).await;
    run.assert_error("interrupted");
    assert_eq!(run.requests.len(), 5);
}

#[tokio::test(start_paused = true)]
async fn download_above_the_least_rate_has_no_time_limit() {
    let slow = Reply::Response {
        status: 200,
        headers: vec![("content-length", "1024000".to_owned())],
        chunks: vec![(Duration::from_secs(15), vec![b'0'; 16 * 1024]); 62]
            .into_iter()
            .chain([(Duration::from_secs(15), vec![b'0'; 8192])])
            .collect(),
        breaks: false,
    };
    let run = run([slow]).await;
    assert_eq!(run.outcome.unwrap().len(), 1_024_000);
    assert_eq!((run.requests.len(), run.time), (1, Duration::from_secs(15 * 63)));
}

#[tokio::test(start_paused = true)]
async fn download_read_slowly_is_not_too_slow() {
    let chunks = vec![(Duration::ZERO, vec![b'0'; 100]); 10];
    let reply = Reply::Response { status: 200, headers: Vec::new(), chunks, breaks: false };
    let host = InMemoryHost::new([reply], Vec::new());
    let requests = host.requests;
    let limits =
        Limits { max_bytes: 1000, idle: Duration::from_secs(30), min_rate: 1024, patience: Duration::ZERO };
    let mut download = Download::new(host, limits);
    let mut parts = 0;
    while let Some(part) = download.next().await.unwrap() {
        assert_ne!(part, Part::Restart);
        parts += 1;
        sleep(Duration::from_secs(60)).await;
    }
    assert_eq!((parts, requests.lock().unwrap().len()), (10, 1));
}

#[tokio::test(start_paused = true)]
async fn download_with_rejected_url_asks_for_a_new_one_once() {
    let run_once = run([cut(b"0123"), reply(403, &[], b""), reply(200, &[], b"0123456789")]).await;
    run_once.assert_bytes(b"0123456789", &[0, 4, 4]);
    assert_eq!(run_once.refreshes, 1);

    let run_always = run([reply(404, &[], b"")]).await;
    run_always.assert_error("rejected the request: 404");
    assert_eq!((run_always.requests.len(), run_always.refreshes), (2, 1));

    // Each time that the URL expires, as long as bytes arrive.
    let part = |start: u64| {
        reply(206, &[("content-range", &format!("bytes {start}-9/10"))], start.to_string().as_bytes())
    };
    let expired = || reply(403, &[], b"");
    let run_twice = run([cut(b"01"), expired(), part(2), expired(), part(3), part(4)]).await;
    assert_eq!((run_twice.requests, run_twice.refreshes), (vec![0, 2, 2, 3, 3, 4, 5], 2));
}

#[tokio::test(start_paused = true)]
async fn download_with_rejected_url_and_no_new_one_fails_unless_patient() {
    let failed_polls =
        || vec![Error::rate_limited(Duration::from_secs(1)), Error::rate_limited(Duration::ZERO)];
    let script =
        || [reply(403, &[], b""), reply(403, &[], b""), reply(403, &[], b""), reply(200, &[], b"audio")];
    let impatient = run_with(script(), limits(), failed_polls()).await;
    impatient.assert_error("rejected the request: 403");
    assert_eq!(impatient.requests.len(), 1);

    let patient = run_with(script(), patient_limits(), failed_polls()).await;
    patient.assert_bytes(b"audio", &[0, 0, 0, 0]);
    assert_eq!(patient.refreshes, 3);
    let gone = run_with(script(), patient_limits(), vec![Error::failed()]).await;
    gone.assert_error("rejected the request: 403");
    assert_eq!(gone.requests.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn download_without_url_asks_for_one_first() {
    let run = async |error: Error, limits| {
        let host = InMemoryHost::new([reply(200, &[], b"audio")], vec![error]);
        download_from(InMemoryHost { has_url: false, ..host }, limits).await
    };
    for (error, limits) in
        [(Error::rate_limited(Duration::ZERO), limits()), (Error::failed(), patient_limits())]
    {
        let failed = run(error, limits).await;
        failed.assert_error("the task of the audio could not be polled for a URL");
        assert_eq!((failed.requests.len(), failed.refreshes), (0, 1));
        assert!(failed.outcome.unwrap_err().is_download());
    }
    let patient = run(Error::rate_limited(Duration::ZERO), patient_limits()).await;
    patient.assert_bytes(b"audio", &[0]);
    assert_eq!(patient.refreshes, 2);
}

#[tokio::test(start_paused = true)]
async fn download_outlives_outage_only_with_patience() {
    let impatient = run([Reply::Unreachable]).await;
    impatient.assert_error("did not respond");
    assert_eq!((impatient.requests.len(), impatient.refreshes), (5, 0));
    assert!(impatient.time < Duration::from_secs(5), "{:?}", impatient.time);

    let outage = (0..60).map(|_| Reply::Unreachable).chain([reply(200, &[], b"audio")]);
    let patient = run_with(outage, patient_limits(), Vec::new()).await;
    assert_eq!(patient.outcome.unwrap(), b"audio");
    assert!(patient.time > Duration::from_secs(500), "{:?}", patient.time);
    assert_eq!(patient.refreshes, 56, "from the fifth failure on");

    let ended = run_with([Reply::Unreachable], patient_limits(), Vec::new()).await;
    ended.assert_error("did not respond");
    assert!((580..=600).contains(&ended.time.as_secs()), "{:?}", ended.time);
}

fn wav(announced: u32, length: usize) -> Vec<u8> {
    let mut file = [b"RIFF", &announced.to_le_bytes()[..], b"WAVEfmt "].concat();
    file.resize(length, 0);
    file
}

#[tokio::test(start_paused = true)]
async fn download_without_marked_end_checks_the_length_of_the_wav_file() {
    for (announced, length) in
        [(92, 100), (93, 100), (36, 100), (0, 100), (0xffff_ffff, 100), (0x4000_0024, 20)]
    {
        let file = wav(announced, length);
        run([reply(200, &[], &file)]).await.assert_bytes(&file, &[0]);
    }
    let short = run([reply(200, &[], &wav(94, 100))]).await;
    short.assert_error("whose header announces 102 bytes");
    assert_eq!(short.requests, [0, 100, 100, 100, 100]);
}

#[tokio::test(start_paused = true)]
async fn download_with_marked_end_is_complete_whatever_the_wav_file_announces() {
    let file = wav(1000, 100);
    for header in [("content-length", "100"), ("transfer-encoding", "chunked")] {
        run([reply(200, &[header], &file)]).await.assert_bytes(&file, &[0]);
    }
    // The host confirms the length.
    let end = [("content-range", "bytes */100")];
    run([reply(200, &[], &file), reply(416, &end, b"")]).await.assert_bytes(&file, &[0, 100]);
}

#[tokio::test(start_paused = true)]
async fn download_of_page_fails_also_after_an_interruption() {
    let page = b"<html><head><title>Log in</title></head></html>";
    run([reply(200, &[("content-type", "audio/wav")], page)])
        .await
        .assert_error("sent a page that starts with");
    run([cut(b"0123"), reply(200, &[], page)]).await.assert_error("sent a page that starts with");
    run([reply(200, &[("content-encoding", "gzip")], b"x")]).await.assert_error("compressed data (gzip)");
}

#[tokio::test(start_paused = true)]
async fn download_begins_again_if_the_rest_is_compressed_or_a_page() {
    let Reply::Response { status, headers, chunks, .. } = reply(200, &[], &[b'0'; 100]) else {
        unreachable!()
    };
    let first = || Reply::Response { status, headers: headers.clone(), chunks: chunks.clone(), breaks: true };
    let range = ("content-range", "bytes 100-199/200");
    let whole = || reply(200, &[], &[b'0'; 200]);
    for header in [("content-encoding", "gzip"), ("content-type", "text/html")] {
        let run = run([first(), reply(206, &[range, header], &[b'x'; 100]), whole()]).await;
        run.assert_bytes(&[b'0'; 200], &[0, 100, 0]);
    }
    let gzip = ("content-encoding", "gzip");
    let rest = reply(206, &[range, gzip], &[b'x'; 100]);
    let compressed = run([first(), rest, reply(200, &[gzip], &[b'x'; 200])]).await;
    compressed.assert_error("compressed data (gzip)");
}
