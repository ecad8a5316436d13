//! Downloads. Either the complete audio arrives, or an error gives the reason and no partial file remains.

use std::{fs, path::Path};

use distribute_ai::{Audio, Error, testing::Simulator};
use futures_util::StreamExt;
use serde_json::json;

use crate::support::{
    Action, ID, ScriptedServer, UNREACHABLE_URL, builder, client, completed_result, example_path,
    serve_result,
};

/// Returns the audio of a completed task whose URL is `url`.
async fn audio_at(url: &str) -> Audio {
    // A mock server would be given to another test when this function returns, and the audio may be polled again.
    let script = [json!({"id": ID}), completed_result(url)];
    let server = ScriptedServer::start(script.map(|body| Action::json("200 OK", &body))).await;
    client(&server.url).speak("Hello").await.unwrap().audio().unwrap()
}

async fn audio_from(script: impl IntoIterator<Item = Action>) -> (Audio, ScriptedServer) {
    let host = ScriptedServer::start(script).await;
    (audio_at(&format!("{}/a.wav?signature=s3cr3t", host.url)).await, host)
}

fn partial_content(range: &str, total: usize, body: &str) -> Action {
    Action::response("206 Partial Content", &format!("content-range: bytes {range}/{total}\r\n"), body)
}

/// Announces ten bytes, sends `body` and closes the connection.
fn truncated(body: &str) -> Action {
    Action::SendRaw(
        format!("HTTP/1.1 200 OK\r\netag: \"v1\"\r\ncontent-length: 10\r\n\r\n{body}").into_bytes(),
    )
}

fn file_names(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[track_caller]
fn assert_download_error(error: &Error, expected: &str) {
    assert!(error.is_download(), "{error:?}");
    assert!(error.to_string().contains(expected), "{error:?}");
    assert_eq!(error.task_id().unwrap().as_str(), ID);
    assert!(!format!("{error:?}").contains("s3cr3t"), "the URL may contain a secret: {error:?}");
}

#[tokio::test]
async fn download_as_bytes_stream_and_file_is_complete() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("hello.wav");
    let (audio, host) = audio_from([Action::response("200 OK", "", "0123456789")]).await;
    assert_eq!(audio.bytes().await.unwrap(), "0123456789");
    let chunks: Vec<_> = audio.stream().map(Result::unwrap).collect().await;
    assert_eq!(chunks.concat(), b"0123456789");
    for audio in [audio.clone(), audio.sync(false)] {
        fs::write(&path, "old").unwrap();
        assert_eq!(audio.save(&path).await.unwrap(), 10);
        assert_eq!(fs::read_to_string(&path).unwrap(), "0123456789");
        assert_eq!(file_names(directory.path()), ["hello.wav"]);
    }
    assert_eq!(host.requests().len(), 4);
}

#[cfg(unix)]
#[tokio::test]
async fn download_save_keeps_symlink_and_permissions_of_replaced_file() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let directory = tempfile::tempdir().unwrap();
    let (file, link) = (directory.path().join("file"), directory.path().join("link"));
    fs::write(&file, "old").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    symlink("file", &link).unwrap();
    let (audio, host) = audio_from([Action::response("200 OK", "", "new")]).await;
    audio.save(&link).await.unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), "new");
    assert!(link.is_symlink(), "the symlink is kept");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);

    let error = audio.save("/dev/null").await.unwrap_err();
    assert!(error.is_io() && error.to_string().contains("not a regular file"), "{error}");
    let long = directory.path().join("x".repeat(250));
    audio.save(&long).await.unwrap();
    let requests = host.requests().len();
    let error = audio.save(directory.path().join("x".repeat(300))).await.unwrap_err();
    assert!(error.is_io(), "{error}");
    assert_eq!(host.requests().len(), requests, "the path is rejected before any request");
}

#[cfg(unix)]
#[tokio::test]
async fn download_save_creates_file_with_default_permissions() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let (saved, other) = (directory.path().join("ours"), directory.path().join("other"));
    fs::write(&other, "").unwrap();
    audio_from([Action::response("200 OK", "", "x")]).await.0.save(&saved).await.unwrap();
    let mode = |path| fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(&saved), mode(&other));
}

#[tokio::test]
async fn download_resumes_after_connection_loss() {
    let (audio, host) =
        audio_from([truncated("0123"), Action::Close, partial_content("4-9", 10, "456789")]).await;
    assert_eq!(audio.bytes().await.unwrap(), "0123456789");
    let requests = host.requests();
    assert!(!requests[0].contains("range:"), "{requests:?}");
    for resumed in &requests[1..] {
        assert!(
            resumed.contains("range: bytes=4-\r\n") && resumed.contains("if-range: \"v1\"\r\n"),
            "{requests:?}"
        );
    }
}

#[tokio::test]
async fn download_without_content_length_resumes_or_restarts() {
    let chunked = "HTTP/1.1 200 OK\r\netag: \"v1\"\r\ntransfer-encoding: chunked\r\n\r\n";
    let first = Action::SendRaw(format!("{chunked}4\r\n0123\r\n").into_bytes());
    let (audio, _host) = audio_from([first, partial_content("4-9", 10, "456789")]).await;
    assert_eq!(audio.bytes().await.unwrap(), "0123456789");

    // The response has all bytes, but its end is missing.
    let complete = Action::SendRaw(format!("{chunked}a\r\n0123456789\r\n").into_bytes());
    let range_not_satisfiable =
        Action::response("416 Range Not Satisfiable", "content-range: bytes */10\r\n", "");
    let (audio, _host) = audio_from([complete, range_not_satisfiable]).await;
    assert_eq!(audio.bytes().await.unwrap(), "0123456789");

    // A host without support for ranges sends the whole file again.
    let (audio, _host) =
        audio_from([truncated("0123"), Action::response("200 OK", "etag: \"v1\"\r\n", "0123456789")]).await;
    assert_eq!(audio.bytes().await.unwrap(), "0123456789");
}

#[tokio::test]
async fn download_begins_again_if_the_rest_cannot_be_used() {
    let whole = || Action::response("200 OK", "", "0123456789");
    for rest in [
        whole(),
        partial_content("0-9", 10, "0123456789"),
        partial_content("2-9", 10, "23456789"),
        Action::response("206 Partial Content", "content-range: Bytes 4-9/10\r\n", "456789"),
        Action::response("206 Partial Content", "content-range: bytes 4-9/*\r\n", "456789"),
        Action::response("206 Partial Content", "", "456789"),
    ] {
        let (audio, _host) = audio_from([truncated("0123"), rest.clone(), whole()]).await;
        assert_eq!(audio.bytes().await.unwrap(), "0123456789", "{rest:?}");
        let (audio, _host) = audio_from([truncated("0123"), rest, whole()]).await;
        let chunks: Vec<_> = audio.stream().map(Result::unwrap).collect().await;
        assert_eq!(chunks.concat(), b"0123456789");
    }
}

#[tokio::test]
async fn download_of_changed_audio_begins_again_and_joins_no_other_version() {
    let first = "0".repeat(100);
    let start = || {
        let head = "HTTP/1.1 200 OK\r\netag: \"v1\"\r\ncontent-length: 200\r\n\r\n";
        Action::SendRaw(format!("{head}{first}").into_bytes())
    };
    let other = Action::response("200 OK", "etag: \"v2\"\r\n", "abcdefghij");
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("hello.wav");
    for first_reply in [other.clone(), partial_content("100-109", 110, "abcdefghij")] {
        let (audio, host) = audio_from([start(), first_reply, other.clone()]).await;
        assert_eq!(audio.save(&path).await.unwrap(), 10);
        assert_eq!(fs::read_to_string(&path).unwrap(), "abcdefghij");
        let requests = host.requests();
        assert!(requests[1].contains("range: bytes=100-"), "{requests:?}");
    }
    let (audio, _host) = audio_from([start(), other.clone(), other]).await;
    let chunks: Vec<_> = audio.stream().collect().await;
    assert_download_error(chunks.last().unwrap().as_ref().unwrap_err(), "audio changed");
    assert_eq!(file_names(directory.path()), ["hello.wav"]);
}

#[tokio::test]
async fn download_shorter_than_announced_fails() {
    let range_not_satisfiable =
        Action::response("416 Range Not Satisfiable", "content-range: bytes */4\r\n", "");
    let (audio, _host) = audio_from([truncated("0123"), range_not_satisfiable]).await;
    assert_download_error(&audio.bytes().await.unwrap_err(), "rejected the request: 416");

    // The second response starts over, but ends before the missing bytes.
    let chunked =
        "HTTP/1.1 200 OK\r\netag: \"v1\"\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n";
    let first = Action::SendRaw(format!("{chunked}4\r\n0123\r\n").into_bytes());
    let shorter = Action::SendRaw(format!("{chunked}2\r\n01\r\n0\r\n\r\n").into_bytes());
    let (audio, _host) = audio_from([first, shorter]).await;
    assert_download_error(&audio.bytes().await.unwrap_err(), "interrupted after 4 bytes");
}

#[tokio::test]
async fn download_of_non_audio_response_fails() {
    for (headers, body, expected) in [
        ("content-type: text/html\r\n", "<h1>Log in</h1>", "sent a page (text/html)"),
        ("content-type: Text/HTML; charset=utf-8\r\n", "Log in", "sent a page (text/html)"),
        ("content-type: application/json\r\n", "\"no\"", "sent a page (application/json)"),
        (
            "content-type: audio/wav\r\n",
            "<!DOCTYPE html>",
            "sent a page that starts with \"<!DOCTYPE html>\"",
        ),
        ("", "<?xml version=\"1.0\"?><Error/>", "sent a page that starts with"),
        ("content-encoding: gzip\r\n", "x", "sent compressed data (gzip)"),
        ("", "", "audio is empty"),
    ] {
        let (audio, host) = audio_from([Action::response("200 OK", headers, body)]).await;
        assert_download_error(&audio.bytes().await.unwrap_err(), expected);
        assert!(host.requests()[0].contains("accept-encoding: identity\r\n"), "{:?}", host.requests());
    }
}

#[tokio::test]
async fn download_with_content_encoding_that_compresses_nothing_is_complete() {
    for encoding in ["", "Identity", "aws-chunked", "binary", "UTF-8"] {
        let headers = format!("content-encoding: {encoding}\r\ncontent-type: text/html\r\n");
        let (audio, _host) = audio_from([Action::response("200 OK", &headers, "RIFF")]).await;
        assert_eq!(audio.bytes().await.unwrap(), "RIFF", "{encoding}");
    }
}

/// Returns a response that ends when the connection is closed.
fn unmarked_end(file: &[u8]) -> Action {
    Action::SendRaw([b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n", file].concat())
}

#[tokio::test]
async fn download_without_marked_end_is_checked_with_the_wav_header() {
    let whole = Simulator::audio_of("Hi");
    let (audio, _host) = audio_from([unmarked_end(&whole)]).await;
    assert!(audio.bytes().await.unwrap() == whole);

    let directory = tempfile::tempdir().unwrap();
    let (audio, _host) = audio_from([unmarked_end(&whole[..1000])]).await;
    let error = audio.save(directory.path().join("a.wav")).await.unwrap_err();
    assert_download_error(&error, "interrupted after 1000 bytes");
    assert!(file_names(directory.path()).is_empty());

    // HTTP marks the end, so the header is wrong.
    let chunk = format!("{:x}\r\n", 1000).into_bytes();
    let head = b"HTTP/1.1 200 OK\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n";
    let chunked = [&head[..], &chunk, &whole[..1000], b"\r\n0\r\n\r\n"].concat();
    let (audio, _host) = audio_from([Action::SendRaw(chunked)]).await;
    assert_eq!(audio.bytes().await.unwrap().len(), 1000);
}

fn redirect_to(url: &str) -> Action {
    Action::response("302 Found", &format!("location: {url}\r\n"), "")
}

#[tokio::test]
async fn download_follows_redirect_and_resumes_at_the_new_host() {
    let target = ScriptedServer::start([truncated("0123"), partial_content("4-9", 10, "456789")]).await;
    let (audio, host) = audio_from([redirect_to(&format!("{}/b.wav", target.url))]).await;
    assert_eq!(audio.bytes().await.unwrap(), "0123456789");
    let requests = [host.requests(), target.requests()].concat();
    assert_eq!(requests.len(), 4);
    assert!(requests.iter().all(|request| !request.contains("referer")), "{requests:?}");
    assert!(requests[3].contains("range: bytes=4-\r\n"), "{requests:?}");
}

#[tokio::test]
async fn download_with_redirect_loop_sends_eleven_requests() {
    let (audio, host) = audio_from([redirect_to("/a.wav")]).await;
    assert_download_error(&audio.bytes().await.unwrap_err(), "redirected the request more than 10 times");
    assert_eq!(host.requests().len(), 11);
}

/// The API is on a loopback address, so loopback is the only network that is allowed.
#[tokio::test]
async fn download_from_private_address_or_plain_http_host_is_refused() {
    for (url, expected) in [
        ("https://10.0.0.1/a.wav?s3cr3t", "host 10.0.0.1 has the private address 10.0.0.1"),
        ("https://169.254.169.254/latest?s3cr3t", "has the link-local address"),
        ("https://[::ffff:192.168.0.1]/a.wav", "has the private address"),
        ("http://cdn.example.com/a.wav?s3cr3t", "http://cdn.example.com is not encrypted"),
        ("ftp://127.0.0.1/a.wav", "unsupported scheme `ftp:`"),
    ] {
        let (redirected, host) = audio_from([redirect_to(url)]).await;
        assert_download_error(&redirected.bytes().await.unwrap_err(), expected);
        assert_eq!(host.requests().len(), 1);
        if !url.starts_with("ftp") {
            assert_download_error(&audio_at(url).await.bytes().await.unwrap_err(), expected);
        }
    }
}

#[tokio::test]
async fn download_from_private_address_is_tried_if_allowed() {
    let host = ScriptedServer::start([redirect_to("https://[fe80::1]:9/a.wav")]).await;
    let server = serve_result(completed_result(&format!("{}/a.wav", host.url)));
    let connect_timeout = std::time::Duration::from_millis(10);
    let allowing = builder(&server.base_url()).allow_private_audio_hosts().connect_timeout(connect_timeout);
    let audio = allowing.build().unwrap().speak("Hello").await.unwrap().audio().unwrap();
    assert_download_error(&audio.bytes().await.unwrap_err(), "did not respond");
}

/// The user's client resolves names and follows redirects itself, so only two URLs are checked.
#[tokio::test]
async fn download_with_own_http_client_checks_first_and_last_url() {
    let audio_with = async |client: reqwest::Client, url: &str| {
        let server = serve_result(completed_result(url));
        let own = builder(&server.base_url()).http_client(client).build().unwrap();
        own.speak("Hello").await.unwrap().audio().unwrap()
    };
    let audio = audio_with(reqwest::Client::new(), "https://10.0.0.1/a.wav").await;
    assert_download_error(&audio.bytes().await.unwrap_err(), "has the private address");

    let host = ScriptedServer::start([Action::response("200 OK", "", "secret")]).await;
    let (_, port) = host.url.rsplit_once(':').unwrap();
    let redirecting =
        ScriptedServer::start([redirect_to(&format!("http://cdn.example.com:{port}/b.wav"))]).await;
    let resolving = || {
        let client = reqwest::Client::builder().no_proxy();
        client.resolve("cdn.example.com", "127.0.0.1:0".parse().unwrap())
    };
    let url = format!("{}/a.wav", redirecting.url);
    let audio = audio_with(resolving().build().unwrap(), &url).await;
    assert_download_error(&audio.bytes().await.unwrap_err(), "http://cdn.example.com is not encrypted");
    assert_eq!(host.requests().len(), 1, "the user's client has followed the redirect");

    let audio =
        audio_with(resolving().redirect(reqwest::redirect::Policy::none()).build().unwrap(), &url).await;
    assert_download_error(&audio.bytes().await.unwrap_err(), "rejected the request: 302");

    let looping = ScriptedServer::start([redirect_to("/a.wav")]).await;
    let audio = audio_with(resolving().build().unwrap(), &format!("{}/a.wav", looping.url)).await;
    assert_download_error(&audio.bytes().await.unwrap_err(), "redirected the request too often");
    assert_eq!(looping.requests().len(), 11);
}

#[tokio::test]
async fn download_with_expired_url_gets_a_new_one_and_resumes() {
    let host = ScriptedServer::start([
        truncated("0123"),
        Action::response("403 Forbidden", "", "expired"),
        partial_content("4-9", 10, "456789"),
    ])
    .await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("hello.wav");
    let result = |number| Action::json("200 OK", &completed_result(&format!("{}/{number}.wav", host.url)));
    let create = Action::json("200 OK", &json!({"id": ID}));
    let api = ScriptedServer::start([create, result(1), result(2)]).await;
    let speech = client(&api.url).speak("Hello").await.unwrap();
    assert_eq!(speech.save(&path).await.unwrap(), 10);
    assert_eq!(fs::read_to_string(&path).unwrap(), "0123456789");
    let requests = host.requests();
    let lines: Vec<_> = requests.iter().map(|request| request.lines().next().unwrap()).collect();
    assert_eq!(lines, ["GET /1.wav HTTP/1.1", "GET /1.wav HTTP/1.1", "GET /2.wav HTTP/1.1"]);
    assert!(requests[2].contains("range: bytes=4-\r\n"), "{requests:?}");
}

#[tokio::test]
async fn download_resumes_after_host_stalls() {
    let stalled =
        Action::Stall(b"HTTP/1.1 200 OK\r\netag: \"v1\"\r\ncontent-length: 10\r\n\r\n0123".to_vec());
    let host = ScriptedServer::start([stalled, partial_content("4-9", 10, "456789")]).await;
    let server = serve_result(completed_result(&format!("{}/a.wav", host.url)));
    let impatient =
        builder(&server.base_url()).request_timeout(std::time::Duration::from_secs(1)).build().unwrap();
    let audio = impatient.speak("Hello").await.unwrap().audio().unwrap();
    assert_eq!(audio.bytes().await.unwrap(), "0123456789");
}

#[tokio::test]
async fn download_above_max_bytes_fails_with_or_without_content_length() {
    let announced = Action::response("200 OK", "", "0123456789");
    let unannounced = Action::SendRaw(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n0123456789".to_vec());
    for action in [announced, unannounced] {
        let (audio, _host) = audio_from([action]).await;
        assert_eq!(audio.clone().max_bytes(10).bytes().await.unwrap().len(), 10);
        assert_download_error(&audio.max_bytes(9).bytes().await.unwrap_err(), "expected at most 9");
    }
}

#[tokio::test]
async fn download_403_is_permanent_and_503_is_retried() {
    let (audio, host) = audio_from([Action::response("403 Forbidden", "", "expired")]).await;
    let error = audio.bytes().await.unwrap_err();
    assert_download_error(&error, "rejected the request: 403 Forbidden");
    assert_eq!(error.status().unwrap(), 403);
    assert_eq!(host.requests().len(), 2, "the second one is for the URL of another poll");

    let (audio, _host) = audio_from([
        Action::response("503 Service Unavailable", "", ""),
        Action::response("200 OK", "", "ok"),
    ])
    .await;
    assert_eq!(audio.bytes().await.unwrap(), "ok");
}

#[tokio::test]
async fn download_from_unreachable_host_fails_after_retries() {
    let audio = audio_at(&format!("{UNREACHABLE_URL}/a.wav")).await;
    let mut stream = audio.stream();
    assert_download_error(&stream.next().await.unwrap().unwrap_err(), "did not respond");
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn download_save_to_unwritable_path_fails_before_request() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("missing/hello.wav");
    let (audio, host) = audio_from([Action::Close]).await;
    for (path, expected) in [(directory.path(), "could not write"), (&missing, "could not create a file in")]
    {
        let error = audio.save(path).await.unwrap_err();
        assert!(error.is_io(), "{error:?}");
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(error.task_id().unwrap().as_str(), ID);
    }
    assert!(host.requests().is_empty());
    assert!(file_names(directory.path()).is_empty());
}

#[tokio::test]
async fn download_with_invalid_url_fails() {
    for (url, expected) in
        [("a.wav", "not a valid URL"), ("file:///etc/passwd", "unsupported scheme"), ("", "audio URL: empty")]
    {
        let server = serve_result(completed_result(url));
        let speech = client(&server.base_url()).speak("Hello").await.unwrap();
        assert_download_error(&speech.audio().unwrap_err(), expected);
    }
}

#[tokio::test]
async fn download_with_relative_url_is_resolved_against_the_base_url() {
    for url in ["/audio/a.wav", "//127.0.0.1:9/audio/a.wav"] {
        let server = serve_result(completed_result(url));
        server.mock(|when, then| {
            when.path("/audio/a.wav");
            then.status(200).body("RIFF");
        });
        let audio = client(&server.base_url()).speak("Hello").await.unwrap().audio().unwrap();
        if url.starts_with("//") {
            assert_eq!(audio.url(), "http://127.0.0.1:9/audio/a.wav");
        } else {
            assert_eq!(audio.bytes().await.unwrap(), "RIFF");
        }
    }
}

/// The API is on a loopback address and is reached without the proxy.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn download_from_remote_host_uses_proxy_from_environment() {
    let proxy = ScriptedServer::start([Action::response("502 Bad Gateway", "", "")]).await;
    let server = serve_result(completed_result("https://cdn.example.com/a.wav"));
    let directory = tempfile::tempdir().unwrap();
    let output = tokio::process::Command::new(example_path("speak"))
        .args(["Hello", "--out", directory.path().join("a.wav").to_str().unwrap()])
        .env("DISTRIBUTE_AI_API_KEY", "key")
        .env("DISTRIBUTE_AI_BASE_URL", server.base_url())
        .env("HTTP_PROXY", &proxy.url)
        .env("HTTPS_PROXY", &proxy.url)
        .env_remove("NO_PROXY")
        .output()
        .await
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let requests = proxy.requests();
    assert_eq!(requests.len(), 5, "{requests:?}");
    assert!(
        requests.iter().all(|request| request.starts_with("CONNECT cdn.example.com:443 ")),
        "{requests:?}"
    );
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn download_of_killed_process_leaves_temp_file_until_next_save_to_the_path() {
    let half = Action::Stall(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n0123".to_vec());
    let host = ScriptedServer::start([half, Action::response("200 OK", "", "0123456789")]).await;
    let server = serve_result(completed_result(&format!("{}/a.wav", host.url)));
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.wav");
    let speak = || {
        let mut command = tokio::process::Command::new(example_path("speak"));
        command
            .args(["Hello", "--out", path.to_str().unwrap()])
            .env("DISTRIBUTE_AI_API_KEY", "key")
            .env("DISTRIBUTE_AI_BASE_URL", server.base_url());
        command
    };
    let mut child = speak().stdout(std::process::Stdio::null()).spawn().unwrap();
    while host.requests().is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    child.kill().await.unwrap();
    let [left] = file_names(directory.path()).try_into().unwrap();
    assert!(left.starts_with(".distribute-ai-") && left.contains("-0.part"), "{left}");

    let output = speak().output().await.unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(file_names(directory.path()), ["a.wav"]);
    assert_eq!(fs::read_to_string(&path).unwrap(), "0123456789");
}

#[tokio::test]
async fn download_debug_output_hides_url_query() {
    let (audio, _host) = audio_from([Action::Close]).await;
    let debug = format!("{audio:?}");
    assert!(debug.contains("/a.wav") && !debug.contains("s3cr3t"), "{debug}");
}

/// Returns a WAV file of 24,000 samples per second whose header announces `announced` bytes of audio, cut to `length` bytes
/// of audio.
fn wav(announced: u32, length: usize) -> Vec<u8> {
    let mut file = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
    for number in [24_000_u32, 48_000] {
        file.extend_from_slice(&number.to_le_bytes());
    }
    file.extend_from_slice(b"\x02\0\x10\0data");
    file.extend_from_slice(&announced.to_le_bytes());
    file.resize(44 + length, 1);
    file
}

fn wav_response(content_length: usize, body: &[u8]) -> Action {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {content_length}\r\n\r\n");
    Action::SendRaw([head.as_bytes(), body].concat())
}

#[tokio::test]
async fn duration_of_audio_with_known_length_needs_only_its_start() {
    // The connection is closed after the first bytes. Reading on would send another request.
    let (audio, host) = audio_from([wav_response(44 + 16_000, &wav(16_000, 100))]).await;
    assert_eq!(audio.duration().await.unwrap().as_nanos(), 333_333_333);
    assert_eq!(host.requests().len(), 1);
}

#[tokio::test]
async fn duration_of_audio_with_unknown_length_is_read_to_its_end() {
    for announced in [0, 0x7fff_0000, u32::MAX] {
        let (audio, host) = audio_from([wav_response(44 + 16_000, &wav(announced, 16_000))]).await;
        assert_eq!(audio.duration().await.unwrap().as_nanos(), 333_333_333, "{announced}");
        assert_eq!(host.requests().len(), 1);
    }
}

#[tokio::test]
async fn duration_of_other_formats_and_of_a_header_alone_is_an_error() {
    let mut compressed = wav(16_000, 16_000);
    compressed[20] = 0x55;
    for body in [b"ID3 not a WAV file".to_vec(), compressed, wav(16_000, 0)[..40].to_vec()] {
        let (audio, _host) = audio_from([wav_response(body.len(), &body)]).await;
        assert_download_error(&audio.duration().await.unwrap_err(), "not a WAV file of a supported format");
    }
}
