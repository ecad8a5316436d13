//! The audio arrives whole, or an error says why; no file is left half written.

use std::{fs, path::Path};

use distribute_ai::{Audio, Error};
use futures_util::StreamExt;

use crate::support::{Act, ID, NOBODY, Socket, builder, client, completed, serving};

/// The audio at this address, as a finished task has it.
async fn audio_at(url: &str) -> Audio {
    let server = serving(completed(url));
    client(&server.base_url()).speak("Hello").await.unwrap().audio().unwrap()
}

async fn audio_of(script: impl IntoIterator<Item = Act>) -> (Audio, Socket) {
    let host = Socket::play(script).await;
    (audio_at(&format!("{}/a.wav?signature=s3cr3t", host.url)).await, host)
}

fn part(range: &str, total: usize, body: &str) -> Act {
    Act::reply("206 Partial Content", &format!("content-range: bytes {range}/{total}\r\n"), body)
}

/// Announces ten bytes and sends these.
fn cut(body: &str) -> Act {
    Act::Say(format!("HTTP/1.1 200 OK\r\netag: \"v1\"\r\ncontent-length: 10\r\n\r\n{body}").into_bytes())
}

fn entries(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[track_caller]
fn is_download(error: &Error, expected: &str) {
    assert!(error.is_download(), "{error:?}");
    assert!(error.to_string().contains(expected), "{error:?}");
    assert_eq!(error.task_id().unwrap().as_str(), ID);
    assert!(!format!("{error:?}").contains("s3cr3t"), "the address may be a secret: {error:?}");
}

#[tokio::test]
async fn arrives_as_bytes_as_a_stream_and_as_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("hello.wav");
    let (audio, host) = audio_of([Act::reply("200 OK", "", "0123456789")]).await;
    assert_eq!(audio.bytes().await.unwrap(), "0123456789");
    let pieces: Vec<_> = audio.stream().map(Result::unwrap).collect().await;
    assert_eq!(pieces.concat(), b"0123456789");
    for audio in [audio.clone(), audio.without_sync()] {
        fs::write(&path, "old").unwrap();
        assert_eq!(audio.save(&path).await.unwrap(), 10);
        assert_eq!(fs::read_to_string(&path).unwrap(), "0123456789");
        assert_eq!(entries(directory.path()), ["hello.wav"]);
    }
    assert_eq!(host.requests().len(), 4);
}

#[cfg(unix)]
#[tokio::test]
async fn what_stands_there_is_replaced_in_kind() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let directory = tempfile::tempdir().unwrap();
    let (file, link) = (directory.path().join("file"), directory.path().join("link"));
    fs::write(&file, "old").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    symlink("file", &link).unwrap();
    let (audio, host) = audio_of([Act::reply("200 OK", "", "new")]).await;
    audio.save(&link).await.unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), "new");
    assert!(link.is_symlink(), "a link stays one");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);

    let error = audio.save("/dev/null").await.unwrap_err();
    assert!(error.is_io() && error.to_string().contains("no regular file"), "{error}");
    let long = directory.path().join("x".repeat(250));
    audio.save(&long).await.unwrap();
    let fetched = host.requests().len();
    let error = audio.save(directory.path().join("x".repeat(300))).await.unwrap_err();
    assert!(error.is_io(), "{error}");
    assert_eq!(host.requests().len(), fetched, "said before anything is fetched");
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_is_as_readable_as_any_other() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let (ours, other) = (directory.path().join("ours"), directory.path().join("other"));
    fs::write(&other, "").unwrap();
    audio_of([Act::reply("200 OK", "", "x")]).await.0.save(&ours).await.unwrap();
    let mode = |path| fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(&ours), mode(&other));
}

#[tokio::test]
async fn goes_on_where_it_was_cut() {
    let (audio, host) = audio_of([cut("0123"), Act::HangUp, part("4-9", 10, "456789")]).await;
    assert_eq!(audio.bytes().await.unwrap(), "0123456789");
    let requests = host.requests();
    assert!(!requests[0].contains("range:"), "{requests:?}");
    for again in &requests[1..] {
        assert!(
            again.contains("range: bytes=4-\r\n") && again.contains("if-range: \"v1\"\r\n"),
            "{requests:?}"
        );
    }
}

#[tokio::test]
async fn goes_on_without_an_announced_length_and_from_the_start_if_need_be() {
    let chunked = "HTTP/1.1 200 OK\r\netag: \"v1\"\r\ntransfer-encoding: chunked\r\n\r\n";
    let some = Act::Say(format!("{chunked}4\r\n0123\r\n").into_bytes());
    let (audio, _host) = audio_of([some, part("4-9", 10, "456789")]).await;
    assert_eq!(audio.bytes().await.unwrap(), "0123456789");

    // All of it, but not the end of the reply.
    let all = Act::Say(format!("{chunked}a\r\n0123456789\r\n").into_bytes());
    let nothing_more = Act::reply("416 Range Not Satisfiable", "content-range: bytes */10\r\n", "");
    let (audio, _host) = audio_of([all, nothing_more]).await;
    assert_eq!(audio.bytes().await.unwrap(), "0123456789");

    // A host that knows no ranges sends the same again.
    let (audio, _host) =
        audio_of([cut("0123"), Act::reply("200 OK", "etag: \"v1\"\r\n", "0123456789")]).await;
    assert_eq!(audio.bytes().await.unwrap(), "0123456789");
}

#[tokio::test]
async fn another_version_or_part_is_not_patched_onto_the_first() {
    let another_version = "content-range: bytes 4-9/10\r\netag: \"v2\"\r\n";
    for continuation in [
        Act::reply("200 OK", "", "0123456789"),
        Act::reply("200 OK", "etag: \"v2\"\r\n", "abcdefghij"),
        Act::reply("206 Partial Content", another_version, "456789"),
        part("0-9", 10, "0123456789"),
        part("4-9", 12, "456789"),
        Act::reply("206 Partial Content", "content-range: bytes 4-9/*\r\n", "456789"),
        Act::reply("206 Partial Content", "", "456789"),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("hello.wav");
        fs::write(&path, "old").unwrap();
        let (audio, _host) = audio_of([cut("0123"), continuation]).await;
        is_download(&audio.save(&path).await.unwrap_err(), "could not be continued");
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(entries(directory.path()), ["hello.wav"]);
    }
}

#[tokio::test]
async fn what_is_shorter_than_announced_is_never_whole() {
    let nothing_more = Act::reply("416 Range Not Satisfiable", "content-range: bytes */4\r\n", "");
    let (audio, _host) = audio_of([cut("0123"), nothing_more]).await;
    is_download(&audio.bytes().await.unwrap_err(), "refused it: 416");

    // From the start again, but it ends before it comes to what is missing.
    let chunked =
        "HTTP/1.1 200 OK\r\netag: \"v1\"\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n";
    let some = Act::Say(format!("{chunked}4\r\n0123\r\n").into_bytes());
    let less = Act::Say(format!("{chunked}2\r\n01\r\n0\r\n\r\n").into_bytes());
    let (audio, _host) = audio_of([some, less]).await;
    is_download(&audio.bytes().await.unwrap_err(), "was cut after 4 bytes");
}

#[tokio::test]
async fn what_is_no_audio_is_not_saved_as_one() {
    for (headers, body, expected) in [
        ("content-type: text/html\r\n", "<h1>Log in</h1>", "sent a page instead"),
        ("content-encoding: gzip\r\n", "x", "sent it compressed (gzip)"),
        ("", "", "the audio is empty"),
    ] {
        let (audio, host) = audio_of([Act::reply("200 OK", headers, body)]).await;
        is_download(&audio.bytes().await.unwrap_err(), expected);
        assert!(host.requests()[0].contains("accept-encoding: identity\r\n"), "{:?}", host.requests());
    }
}

#[tokio::test]
async fn a_host_that_falls_silent_is_asked_again() {
    let silent = Act::Stall(b"HTTP/1.1 200 OK\r\netag: \"v1\"\r\ncontent-length: 10\r\n\r\n0123".to_vec());
    let host = Socket::play([silent, part("4-9", 10, "456789")]).await;
    let server = serving(completed(&format!("{}/a.wav", host.url)));
    let impatient =
        builder(&server.base_url()).request_timeout(std::time::Duration::from_secs(1)).build().unwrap();
    let audio = impatient.speak("Hello").await.unwrap().audio().unwrap();
    assert_eq!(audio.bytes().await.unwrap(), "0123456789");
}

#[tokio::test]
async fn is_not_larger_than_allowed_whether_announced_or_not() {
    let announced = Act::reply("200 OK", "", "0123456789");
    let unannounced = Act::Say(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n0123456789".to_vec());
    for act in [announced, unannounced] {
        let (audio, _host) = audio_of([act]).await;
        assert_eq!(audio.clone().max_bytes(10).bytes().await.unwrap().len(), 10);
        is_download(&audio.max_bytes(9).bytes().await.unwrap_err(), "more than the limit of 9");
    }
}

#[tokio::test]
async fn a_refusal_of_the_host_is_final_and_a_stumble_is_not() {
    let (audio, host) = audio_of([Act::reply("403 Forbidden", "", "expired")]).await;
    let error = audio.bytes().await.unwrap_err();
    is_download(&error, "refused it: 403 Forbidden");
    assert_eq!(error.status().unwrap(), 403);
    assert_eq!(host.requests().len(), 1);

    let (audio, _host) =
        audio_of([Act::reply("503 Service Unavailable", "", ""), Act::reply("200 OK", "", "ok")]).await;
    assert_eq!(audio.bytes().await.unwrap(), "ok");
}

#[tokio::test]
async fn a_host_that_is_not_there_is_said_after_a_few_tries() {
    let audio = audio_at(&format!("{NOBODY}/a.wav")).await;
    let mut stream = audio.stream();
    is_download(&stream.next().await.unwrap().unwrap_err(), "did not answer");
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn a_path_that_cannot_be_written_is_said_before_anything_is_fetched() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("missing/hello.wav");
    let (audio, host) = audio_of([Act::HangUp]).await;
    for (path, expected) in [(directory.path(), "could not write"), (&missing, "could not create a file in")]
    {
        let error = audio.save(path).await.unwrap_err();
        assert!(error.is_io(), "{error:?}");
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(error.task_id().unwrap().as_str(), ID);
    }
    assert!(host.requests().is_empty());
    assert!(entries(directory.path()).is_empty());
}

#[tokio::test]
async fn an_address_that_is_none_is_said() {
    for (url, expected) in
        [("/a.wav", "can't be read"), ("file:///etc/passwd", "no web address"), ("", "can't be read")]
    {
        let server = serving(completed(url));
        let speech = client(&server.base_url()).speak("Hello").await.unwrap();
        is_download(&speech.audio().unwrap_err(), expected);
    }
}

#[tokio::test]
async fn debug_keeps_the_signature_of_an_address_to_itself() {
    let (audio, _host) = audio_of([Act::HangUp]).await;
    let shown = format!("{audio:?}");
    assert!(shown.contains("/a.wav") && !shown.contains("s3cr3t"), "{shown}");
}
