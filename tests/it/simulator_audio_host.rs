//! The audio host as storage providers behave.

use std::time::Duration;

use distribute_ai::testing::{AudioHost, Fault, Route, Script, Simulator};
use reqwest::{Client, redirect::Policy};

const TEXT: &str = "Hello from Rust.";

/// Starts a simulator with this audio host, and returns it with the URL of audio.
async fn audio_on(host: AudioHost) -> (Simulator, String) {
    let builder = Simulator::builder().waiting(Duration::ZERO).running(Duration::ZERO);
    let simulator = builder.audio_host(host).start().await.unwrap();
    let speech = simulator.client().speak(TEXT).await.unwrap();
    let url = speech.result().results[0].url.clone().unwrap();
    (simulator, url)
}

#[tokio::test(start_paused = true)]
async fn signed_url_expires_and_a_poll_returns_another() {
    let lifetime = Duration::from_secs(60);
    let (simulator, url) = audio_on(AudioHost::new().signed_urls(lifetime)).await;
    let get = async |url: &str| reqwest::get(url).await.unwrap();
    assert_eq!(get(&url).await.bytes().await.unwrap(), Simulator::audio_of(TEXT));
    tokio::time::sleep(lifetime).await;
    let expired = get(&url).await;
    assert_eq!(
        (expired.status().as_u16(), &expired.headers()["content-type"]),
        (403, &"application/xml".parse().unwrap())
    );
    simulator.assert_nothing_refused();
    assert_eq!(simulator.downloads(), 1);

    // The library polls again for another URL.
    let speech = simulator.client().task(simulator.tasks()[0].0.clone()).wait().await.unwrap();
    tokio::time::sleep(lifetime).await;
    assert_eq!(speech.audio().unwrap().bytes().await.unwrap(), Simulator::audio_of(TEXT));

    let (unsigned, _) = url.split_once('?').unwrap();
    for wrong in
        [unsigned.to_owned(), url.replace("signature=", "signature=0"), url.replace("expires=", "expires=9")]
    {
        assert_eq!(get(&wrong).await.status(), 403, "{wrong}");
    }
    let refused = simulator.received().into_iter().filter(|request| request.refused.is_some()).count();
    assert_eq!(refused, 3);
}

#[tokio::test]
async fn redirects_lead_to_the_audio() {
    let (simulator, url) = audio_on(AudioHost::new().redirects(2).signed_urls(Duration::from_secs(60))).await;
    let client = Client::builder().redirect(Policy::none()).build().unwrap();
    let mut next = url;
    for _ in 0..2 {
        let response = client.get(&next).send().await.unwrap();
        assert_eq!(response.status(), 302);
        next = response.headers()["location"].to_str().unwrap().to_owned();
    }
    assert_eq!(client.get(&next).send().await.unwrap().bytes().await.unwrap(), Simulator::audio_of(TEXT));
    assert_eq!((simulator.downloads(), simulator.leaks()), (1, 0));
    let speech = simulator.client().speak("Again").await.unwrap();
    assert_eq!(speech.audio().unwrap().bytes().await.unwrap(), Simulator::audio_of("Again"));
    simulator.assert_nothing_refused();
}

#[tokio::test]
async fn host_without_ranges_or_etag_sends_the_whole_audio() {
    let host = AudioHost::new().without_etag().without_ranges().media_type("application/octet-stream");
    let (simulator, url) = audio_on(host).await;
    let response = Client::new().get(&url).header("range", "bytes=10-").send().await.unwrap();
    assert_eq!(response.status(), 200);
    let headers = response.headers();
    assert_eq!((headers.get("etag"), headers.get("accept-ranges")), (None, None));
    assert_eq!(headers["content-type"], "application/octet-stream");
    assert_eq!(response.bytes().await.unwrap(), Simulator::audio_of(TEXT));

    // The library begins a cut download again.
    simulator.script(Route::Audio, Script::nth(1, Fault::cut_short()));
    let speech = simulator.client().speak("Again").await.unwrap();
    assert_eq!(speech.audio().unwrap().bytes().await.unwrap(), Simulator::audio_of("Again"));

    simulator.audio_host(AudioHost::new().without_etag());
    let part = Client::new().get(&url).header("range", "bytes=10-19").send().await.unwrap();
    assert_eq!((part.status().as_u16(), part.headers().get("etag")), (206, None));
    let conditional = Client::new().get(&url).header("range", "bytes=10-19").header("if-range", "\"x\"");
    assert_eq!(conditional.send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn public_urls_replace_those_of_the_sockets() {
    let builder = Simulator::builder().waiting(Duration::ZERO).running(Duration::ZERO);
    let builder =
        builder.public_url("https://api.example.com/").public_audio_url("https://audio.example.com");
    let simulator = builder.start().await.unwrap();
    assert_eq!(simulator.base_url(), "https://api.example.com");
    assert_eq!(simulator.audio_url(), "https://audio.example.com");
}
