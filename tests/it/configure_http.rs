//! Settings of the HTTP clients by `configure_http`: those that take effect, and those that stay.

use std::{
    io::Write,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use distribute_ai::{
    ClientBuilder,
    reqwest::{
        Proxy,
        dns::{Addrs, Name, Resolve, Resolving},
        header::{HeaderMap, HeaderValue},
        redirect, retry,
    },
};
use flate2::{Compression, write::GzEncoder};
use serde_json::json;

use crate::support::{Action, ID, KEY, ScriptedServer, builder, completed_result};

/// The responses to a submission, to a poll and to a request for the audio at `url`.
fn responses(url: &str) -> [Action; 3] {
    let [created, completed] =
        [json!({"id": ID}), completed_result(url)].map(|body| Action::json("200 OK", &body));
    [created, completed, Action::response("200 OK", "", "RIFF")]
}

async fn download(builder: ClientBuilder) -> Result<Vec<u8>, distribute_ai::Error> {
    let speech = builder.build()?.speak("Hello").await?;
    Ok(speech.audio()?.bytes().await?.to_vec())
}

/// Returns the start line of each request.
fn targets(server: &ScriptedServer) -> Vec<String> {
    server.requests().iter().map(|request| request.lines().next().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn configured_proxy_receives_submission_poll_and_audio() {
    // Without the proxy, nothing answers at these hosts.
    for (api, cdn) in [("speech.test", "cdn.test"), ("127.0.0.1:9", "localhost:9")] {
        let proxy = ScriptedServer::start(responses(&format!("http://{cdn}/a.wav"))).await;
        // A name, because the addresses of names are checked for audio hosts. This proxy has a loopback address.
        let url = proxy.url.replace("127.0.0.1", "localhost");
        let through_proxy = builder(&format!("http://{api}"))
            .allow_http()
            .configure_http(move |http| http.proxy(Proxy::all(&url).unwrap()));
        assert_eq!(download(through_proxy).await.unwrap(), b"RIFF");
        let expected = [
            format!("POST http://{api}/async/speech/create HTTP/1.1"),
            format!("POST http://{api}/async/speech/result HTTP/1.1"),
            format!("GET http://{cdn}/a.wav HTTP/1.1"),
        ];
        assert_eq!(targets(&proxy), expected);
        assert!(!proxy.requests()[2].contains(KEY));
    }
}

#[tokio::test]
async fn configured_proxy_gets_no_request_to_loopback_without_allow_http() {
    let host = ScriptedServer::start([Action::response("200 OK", "", "RIFF")]).await;
    let server = ScriptedServer::start(responses(&format!("{}/a.wav", host.url))).await;
    let proxy = ScriptedServer::start([Action::Close]).await;
    let url = proxy.url.clone();
    let through_proxy =
        builder(&server.url).configure_http(move |http| http.proxy(Proxy::all(&url).unwrap()));
    assert_eq!(download(through_proxy).await.unwrap(), b"RIFF");
    assert_eq!((proxy.requests().len(), server.requests().len(), host.requests().len()), (0, 2, 1));
}

/// Runs itself again with a proxy in the environment, which a process cannot change safely.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn proxy_of_the_environment_gets_no_request_to_loopback_even_with_allow_http() {
    const TEST: &str =
        "configure_http::proxy_of_the_environment_gets_no_request_to_loopback_even_with_allow_http";
    const IS_CHILD: &str = "TEST_WITH_PROXY_OF_ENVIRONMENT";
    if std::env::var_os(IS_CHILD).is_some() {
        let host = ScriptedServer::start([Action::response("200 OK", "", "RIFF")]).await;
        let server = ScriptedServer::start(responses(&format!("{}/a.wav", host.url))).await;
        assert_eq!(download(builder(&server.url).allow_http()).await.unwrap(), b"RIFF");
        return;
    }
    let proxy = ScriptedServer::start([Action::Close]).await;
    let output = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", TEST])
        .env(IS_CHILD, "1")
        .env("HTTP_PROXY", &proxy.url)
        .env("http_proxy", &proxy.url)
        .env_remove("NO_PROXY")
        .env_remove("no_proxy")
        .output()
        .await
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    assert_eq!(targets(&proxy), [""; 0]);
}

#[tokio::test]
async fn audio_from_localhost_does_not_block_a_proxy_there() {
    // The audio from localhost is refused before a request.
    let refused = responses("http://localhost:9/a.wav").into_iter().take(2);
    let proxy = ScriptedServer::start(refused.chain(responses("http://cdn.test/a.wav"))).await;
    let url = proxy.url.replace("127.0.0.1", "localhost");
    let client = builder("http://93.184.216.34")
        .allow_http()
        .configure_http(move |http| http.proxy(Proxy::all(&url).unwrap()))
        .build()
        .unwrap();
    let refused = client.speak("Hello").await.unwrap().audio().unwrap().bytes().await.unwrap_err();
    assert!(refused.to_string().contains("has the loopback address"), "{refused}");
    let audio = client.speak("Hello again").await.unwrap().audio().unwrap().bytes().await;
    assert_eq!(audio.unwrap(), "RIFF");
}

#[tokio::test]
async fn audio_address_is_checked_if_only_the_api_is_behind_a_proxy() {
    let host = ScriptedServer::start([Action::response("200 OK", "", "secret")]).await;
    let (_, port) = host.url.rsplit_once(':').unwrap();
    let proxy = ScriptedServer::start(responses(&format!("http://localhost:{port}/a.wav"))).await;
    let url = proxy.url.clone();
    let api_only = builder("http://93.184.216.34").allow_http().configure_http(move |http| {
        let url = url.clone();
        http.proxy(Proxy::custom(move |to| (to.host_str()? == "93.184.216.34").then(|| url.clone())))
    });
    let error = download(api_only).await.unwrap_err();
    assert!(error.is_download() && error.to_string().contains("has the loopback address"), "{error:?}");
    assert_eq!((proxy.requests().len(), host.requests().len()), (2, 0));
}

#[tokio::test]
async fn configured_headers_reach_every_request_and_the_key_only_the_api() {
    let host = ScriptedServer::start([Action::response("200 OK", "", "RIFF")]).await;
    let server = ScriptedServer::start(responses(&format!("{}/a.wav", host.url))).await;
    let with_headers = builder(&server.url).user_agent("reader/1").configure_http(|http| {
        let team = ("x-team".parse().unwrap(), HeaderValue::from_static("speech"));
        http.default_headers(HeaderMap::from_iter([team])).user_agent("reader/2")
    });
    download(with_headers).await.unwrap();
    let (api, audio) = (server.requests(), host.requests());
    assert_eq!((api.len(), audio.len()), (2, 1));
    for request in api.iter().chain(&audio) {
        assert!(
            request.contains("x-team: speech\r\n") && request.contains("user-agent: reader/2\r\n"),
            "{request}"
        );
    }
    assert!(api.iter().all(|request| request.contains(&format!("authorization: {KEY}\r\n"))), "{api:?}");
    assert!(!audio[0].contains(KEY) && !audio[0].contains("authorization"), "{audio:?}");
}

#[tokio::test]
async fn functions_run_in_order_on_the_building_thread_for_each_http_client() {
    let calls = Arc::new(Mutex::new(Vec::new()));
    let configured = |mut builder: ClientBuilder| {
        for name in ["first", "second"] {
            let calls = Arc::clone(&calls);
            builder = builder.configure_http(move |http| {
                calls.lock().unwrap().push((name, thread::current().id()));
                http.user_agent(name)
            });
        }
        builder
    };
    let server = ScriptedServer::start([Action::json("200 OK", &json!({"id": ID}))]).await;
    for (builder, clients) in
        [(builder(&server.url), 4), (builder(&server.url).reuse_submit_connections(), 3)]
    {
        let client = configured(builder).build().unwrap();
        let once = ["first", "second"].map(|name| (name, thread::current().id()));
        assert_eq!(std::mem::take(&mut *calls.lock().unwrap()), once.repeat(clients));
        client.speak("Hello").submit().await.unwrap();
        assert!(calls.lock().unwrap().is_empty());
    }
    assert!(server.requests().iter().all(|request| request.contains("user-agent: second\r\n")));
}

#[tokio::test]
async fn configured_redirect_policy_has_no_effect() {
    let redirect =
        |url: &str| Action::response("307 Temporary Redirect", &format!("location: {url}\r\n"), "");
    let following =
        |url: &str| builder(url).configure_http(|http| http.redirect(redirect::Policy::limited(10)));

    let other = ScriptedServer::start([Action::json("200 OK", &json!({"id": ID}))]).await;
    let server = ScriptedServer::start([redirect(&other.url)]).await;
    let error = following(&server.url).build().unwrap().speak("Hello").submit().await.unwrap_err();
    assert_eq!(error.status().unwrap().as_u16(), 307);
    assert!(other.requests().is_empty(), "{:?}", other.requests());

    let host = ScriptedServer::start([redirect("http://192.0.2.1/b.wav")]).await;
    let server = ScriptedServer::start(responses(&format!("{}/a.wav", host.url))).await;
    let error = download(following(&server.url)).await.unwrap_err();
    assert!(error.to_string().contains("http://192.0.2.1 is not encrypted"), "{error:?}");
}

#[tokio::test]
async fn configured_retry_policy_has_no_effect() {
    let seen = Arc::new(AtomicUsize::new(0));
    let retrying = |url: &str| {
        let seen = Arc::clone(&seen);
        builder(url).configure_http(move |http| {
            let seen = Arc::clone(&seen);
            http.retry(retry::for_host("127.0.0.1").no_budget().classify_fn(move |attempt| {
                seen.fetch_add(1, Ordering::Relaxed);
                attempt.retryable()
            }))
        })
    };
    let server = ScriptedServer::start([Action::Close]).await;
    let error = retrying(&server.url).build().unwrap().speak("Hello").submit().await.unwrap_err();
    assert!(error.is_in_doubt());
    assert_eq!(server.requests().len(), 1);

    let server = ScriptedServer::start(responses("/a.wav")).await;
    assert_eq!(download(retrying(&server.url)).await.unwrap(), b"RIFF");
    assert_eq!((server.requests().len(), seen.load(Ordering::Relaxed)), (3, 0));
}

#[tokio::test]
async fn configured_timeout_has_no_effect_but_a_read_timeout_leaves_a_submission_in_doubt() {
    let server = ScriptedServer::start(responses("/a.wav")).await;
    let hasty = builder(&server.url).configure_http(|http| http.timeout(Duration::from_nanos(1)));
    assert_eq!(download(hasty).await.unwrap(), b"RIFF");

    let server = ScriptedServer::start([Action::StayOpen]).await;
    let hasty = builder(&server.url).configure_http(|http| http.read_timeout(Duration::from_millis(50)));
    let error = hasty.build().unwrap().speak("Hello").submit().await.unwrap_err();
    assert!(error.is_in_doubt(), "{error:?}");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn configured_decompression_has_no_effect() {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(b"RIFF").unwrap();
    let body = gzip.finish().unwrap();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n", body.len());
    let host = ScriptedServer::start([Action::SendRaw([head.as_bytes(), &body].concat())]).await;
    let server = ScriptedServer::start(responses(&format!("{}/a.wav", host.url))).await;
    let error = download(builder(&server.url).configure_http(|http| http.gzip(true))).await.unwrap_err();
    assert!(error.to_string().contains("gzip"), "{error:?}");
    for request in server.requests().iter().chain(&host.requests()) {
        assert!(request.contains("accept-encoding: identity\r\n"), "{request}");
    }
}

/// Resolves every name to this machine, and records the names.
#[derive(Clone, Default)]
struct Recording(Arc<Mutex<Vec<String>>>);

impl Resolve for Recording {
    fn resolve(&self, name: Name) -> Resolving {
        self.0.lock().unwrap().push(name.as_str().to_owned());
        let addresses: Addrs = Box::new([SocketAddr::from(([127, 0, 0, 1], 0))].into_iter());
        Box::pin(async { Ok(addresses) })
    }
}

#[tokio::test]
async fn configured_resolver_is_used_for_audio_only_without_the_address_check() {
    let host = ScriptedServer::start([Action::response("200 OK", "", "RIFF")]).await;
    let (_, port) = host.url.rsplit_once(':').unwrap();
    for (allow_private, resolved) in [(false, 2), (true, 3)] {
        let server = ScriptedServer::start(responses(&format!("http://localhost:{port}/a.wav"))).await;
        let resolver = Recording::default();
        let configured = resolver.clone();
        let resolving = builder(&server.url.replace("127.0.0.1", "localhost"))
            .configure_http(move |http| http.dns_resolver(configured.clone()));
        let resolving = if allow_private { resolving.allow_private_audio_hosts() } else { resolving };
        assert_eq!(download(resolving).await.unwrap(), b"RIFF");
        assert_eq!(*resolver.0.lock().unwrap(), vec!["localhost"; resolved]);
    }
}

/// Panics instead of resolving a name.
struct Panicking;

impl Resolve for Panicking {
    fn resolve(&self, _: Name) -> Resolving {
        panic!("expected by the test")
    }
}

#[tokio::test]
async fn panic_of_configured_resolver_is_named_by_the_error_of_a_stored_submission() {
    let directory = tempfile::tempdir().unwrap();
    let panicking = builder("http://localhost:9")
        .store(directory.path())
        .configure_http(|http| http.dns_resolver(Arc::new(Panicking)));
    let error = panicking.build().unwrap().speak("Hello").submit().await.unwrap_err();
    assert!(error.is_in_doubt(), "{error}");
    let expected = "code that `configure_http` has added to the HTTP client panicked: ";
    assert!(format!("{error:?}").contains(expected), "{error:?}");
}
