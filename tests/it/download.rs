//! Downloads. Either the complete audio arrives, or an error gives the reason and no partial file remains.

use std::{fs, path::Path};

use distribute_ai::{Audio, Error};
use futures_util::StreamExt;

use crate::support::{
    Action, ID, ScriptedServer, UNREACHABLE_URL, builder, client, completed_result, example_path,
    serve_result,
};

/// Returns the audio of a completed task whose URL is `url`.
async fn audio_at(url: &str) -> Audio {
    let server = serve_result(completed_result(url));
    client(&server.base_url()).speak("Hello").await.unwrap().audio().unwrap()
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
    for audio in [audio.clone(), audio.without_sync()] {
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
async fn download_does_not_join_other_version_or_range() {
    let another_version = "content-range: bytes 4-9/10\r\netag: \"v2\"\r\n";
    for continuation in [
        Action::response("200 OK", "", "0123456789"),
        Action::response("200 OK", "etag: \"v2\"\r\n", "abcdefghij"),
        Action::response("206 Partial Content", another_version, "456789"),
        partial_content("0-9", 10, "0123456789"),
        partial_content("4-9", 12, "456789"),
        Action::response("206 Partial Content", "content-range: bytes 4-9/*\r\n", "456789"),
        Action::response("206 Partial Content", "", "456789"),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("hello.wav");
        fs::write(&path, "old").unwrap();
        let (audio, _host) = audio_from([truncated("0123"), continuation]).await;
        assert_download_error(&audio.save(&path).await.unwrap_err(), "could not be resumed");
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(file_names(directory.path()), ["hello.wav"]);
    }
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
        ("content-encoding: gzip\r\n", "x", "sent compressed data (gzip)"),
        ("", "", "audio is empty"),
    ] {
        let (audio, host) = audio_from([Action::response("200 OK", headers, body)]).await;
        assert_download_error(&audio.bytes().await.unwrap_err(), expected);
        assert!(host.requests()[0].contains("accept-encoding: identity\r\n"), "{:?}", host.requests());
    }
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
    assert_eq!(host.requests().len(), 1);

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
        [("/a.wav", "not a valid URL"), ("file:///etc/passwd", "unsupported scheme"), ("", "not a valid URL")]
    {
        let server = serve_result(completed_result(url));
        let speech = client(&server.base_url()).speak("Hello").await.unwrap();
        assert_download_error(&speech.audio().unwrap_err(), expected);
    }
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
