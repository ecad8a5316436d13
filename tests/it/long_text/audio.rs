//! Audio of pieces that is missing, empty or cannot be joined, and audio hosts that fail.

use super::*;

fn wav(samples_per_second: u32) -> Action {
    let mut head = Simulator::audio_of("Hello")[..44].to_vec();
    head[24..28].copy_from_slice(&samples_per_second.to_le_bytes());
    head[40..44].copy_from_slice(&4_u32.to_le_bytes());
    let body = [&head[..], b"abcd"].concat();
    let response_head =
        format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
    Action::SendRaw([response_head.as_bytes(), &body].concat())
}

/// Saves a text of two pieces. Each download performs the next of these actions.
async fn save_from(actions: impl IntoIterator<Item = Action>, path: &Path) -> Result<Recording, Error> {
    let host = ScriptedServer::start(actions).await;
    let mut result = crate::support::completed_result(&format!("{}/a.wav", host.url));
    result["id"] = json!(ID);
    let server = serve_result(result);
    let speak = client(&server.base_url()).speak("One one one. Two two two.");
    speak.in_pieces().max_characters(14).save(path).await
}

#[tokio::test]
async fn long_text_audio_that_cannot_be_joined_names_both_values() {
    let (_directory, path) = temp_path();
    let error = save_from([wav(24_000), wav(16_000)], &path).await.unwrap_err();
    assert!(error.is_download(), "{error}");
    let expected = "piece 2, bytes 13..25 of the text: could not join the audio: sample rate is 16000, \
        expected 24000 as in the audio before [task ";
    assert!(error.to_string().starts_with(expected), "{error}");

    let error = save_from([Action::response("200 OK", "", "ID3 is no WAV file")], &path).await.unwrap_err();
    assert!(error.to_string().contains("not a WAV file, starts with \"ID3 \""), "{error}");
    assert!(!path.exists());
}

const OTHER_ID: &str = "2c671a64-40d5-491e-99b0-da01ff1f3342";

/// Returns a response of the audio host with this body.
fn audio_response(body: &[u8]) -> Action {
    let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
    Action::SendRaw([head.as_bytes(), body].concat())
}

/// Returns a WAV file without samples.
fn wav_without_samples() -> Vec<u8> {
    [&Simulator::audio_of("Hello")[..40], b"\0\0\0\0LIST\x04\0\0\0INFO"].concat()
}

/// Starts an API that completes two pieces in order, with these results.
async fn api_of(results: [serde_json::Value; 2]) -> ScriptedServer {
    let responses = [ID, OTHER_ID].into_iter().zip(results).flat_map(|(id, mut result)| {
        result["id"] = json!(id);
        [json!({"id": id}), result].map(|body| Action::json("200 OK", &body))
    });
    ScriptedServer::start(responses).await
}

/// Saves a text of two pieces, of which the first has this response of the audio host.
async fn save_with_first(response: Action, skip: bool, path: &Path) -> Result<Recording, Error> {
    let host = ScriptedServer::start([response, wav(24_000)]).await;
    let result = crate::support::completed_result(&format!("{}/a.wav", host.url));
    let server = api_of([result.clone(), result]).await;
    let pieces = client(&server.url).speak("One one one. Two two two.").in_pieces();
    pieces.max_characters(14).max_in_flight(1).skip_empty_audio(skip).save(path).await
}

#[tokio::test]
async fn long_text_piece_without_audio_ends_narration_and_error_tells_what_to_do() {
    for body in [Vec::new(), wav_without_samples()] {
        let (_directory, path) = temp_path();
        let error = save_with_first(audio_response(&body), false, &path).await.unwrap_err();
        assert_eq!((error.kind(), error.billed()), (ErrorKind::Download, Billed::Yes), "{error}");
        assert_eq!(error.task_id().unwrap(), ID);
        let expected = "piece 1, bytes 0..12 of the text: audio is empty; speak the piece again with `redo([1])`, which \
            is billed again, or skip it with `skip_empty_audio(true)` [task ";
        assert!(error.to_string().starts_with(expected), "{error}");
        assert!(!path.exists());
    }
}

#[tokio::test]
async fn long_text_piece_without_audio_is_skipped_if_allowed() {
    for body in [Vec::new(), wav_without_samples()] {
        let (_directory, path) = temp_path();
        let recording = save_with_first(audio_response(&body), true, &path).await.unwrap();
        assert_eq!(audio_data(&path), b"abcd");
        let frames = |count| Duration::from_nanos(count * 1_000_000_000_u64 / 24_000);
        let times: Vec<_> = recording.pieces().iter().map(|cue| (cue.start(), cue.duration())).collect();
        assert_eq!(times, [(frames(0), frames(0)), (frames(0), frames(2))]);
    }
}

/// A lost connection looks like an empty body, if neither a length nor a chunk marks the end.
#[tokio::test]
async fn long_text_piece_whose_audio_may_be_missing_is_not_skipped() {
    let (_directory, path) = temp_path();
    let unmarked = Action::SendRaw(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n".to_vec());
    let error = save_with_first(unmarked, true, &path).await.unwrap_err();
    assert!(error.is_download() && error.piece().unwrap().number == 1, "{error}");
    assert!(error.to_string().contains("or the connection was lost"), "{error}");

    let truncated = &Simulator::audio_of("Hello")[..36];
    let error = save_with_first(audio_response(truncated), true, &path).await.unwrap_err();
    assert!(error.to_string().contains("file ends before the audio starts"), "{error}");

    let mut without_url = crate::support::completed_result("");
    without_url.as_object_mut().unwrap().remove("results");
    let server = api_of([without_url.clone(), without_url]).await;
    let pieces = client(&server.url).speak("One one one. Two two two.").in_pieces();
    let pieces = pieces.max_characters(14).max_in_flight(1).skip_empty_audio(true);
    let error = pieces.save(&path).await.unwrap_err();
    assert!(error.is_download() && error.to_string().contains("audio URL is missing"), "{error}");
    assert!(!path.exists());
}

#[tokio::test]
async fn long_text_piece_without_audio_can_be_spoken_again_several_times() {
    let (_directory, path) = temp_path();
    let host = ScriptedServer::start([audio_response(b""), audio_response(b""), wav(24_000)]).await;
    let responses = [ID, OTHER_ID, "3c671a64-40d5-491e-99b0-da01ff1f3343"].into_iter().flat_map(|id| {
        let mut result = crate::support::completed_result(&format!("{}/a.wav", host.url));
        result["id"] = json!(id);
        [json!({"id": id}), result].map(|body| Action::json("200 OK", &body))
    });
    let server = ScriptedServer::start(responses).await;
    let client = client(&server.url);
    let pieces = || client.speak("One one one.").deadline(Duration::from_secs(5)).in_pieces();
    for pieces in [pieces(), pieces().redo([1])] {
        let error = pieces.save(&path).await.unwrap_err();
        assert!(error.to_string().contains("audio is empty"), "{error}");
    }
    pieces().redo([1]).save(&path).await.unwrap();
    assert_eq!(audio_data(&path), b"abcd");
    let creates = server.requests().iter().filter(|request| request.contains("/create")).count();
    assert_eq!(creates, 3);
}

#[tokio::test]
async fn long_text_without_any_audio_is_an_error_even_if_pieces_are_skipped() {
    let (_directory, path) = temp_path();
    let host = ScriptedServer::start([audio_response(b""), audio_response(&wav_without_samples())]).await;
    let result = crate::support::completed_result(&format!("{}/a.wav", host.url));
    let server = api_of([result.clone(), result]).await;
    let pieces = client(&server.url).speak("One one one. Two two two.").in_pieces();
    let pieces = pieces.max_characters(14).max_in_flight(1).skip_empty_audio(true);
    let error = pieces.save(&path).await.unwrap_err();
    assert!(error.is_download() && error.to_string().contains("audio of all pieces is empty"), "{error}");
    assert_eq!(error.billed(), Billed::Yes);
}

#[tokio::test]
async fn long_text_expired_audio_url_is_refreshed_once() {
    let (_directory, path) = temp_path();
    let expired = || Action::response("403 Forbidden", "", "expired");
    save_from([wav(24_000), expired(), wav(24_000)], &path).await.unwrap();
    assert_eq!(audio_data(&path), b"abcdabcd");
    let error = save_from([expired()], &path).await.unwrap_err();
    assert_eq!(error.status().unwrap(), 403);
}

#[tokio::test]
async fn long_text_outlives_outage_of_the_audio_host() {
    let (simulator, (_directory, path)) = (quick().start().await.unwrap(), temp_path());
    // An impatient download gives up after about four seconds.
    simulator.down_for(Host::Audio, Duration::from_secs(6)).await.unwrap();
    in_pieces(&simulator.client()).save(&path).await.unwrap();
    assert!(audio_data(&path) == pieces().into_iter().flat_map(audio_data_of).collect::<Vec<_>>());
}
