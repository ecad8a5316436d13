//! What goes wrong on the wire: a submission is never repeated silently, a wait goes on, the server's words arrive.

use std::time::Duration;

use distribute_ai::testing::httpmock::MockServer;
use serde_json::json;

use crate::support::{Act, CREATE, ID, KEY, NOBODY, Socket, builder, client, completed, result};

#[tokio::test]
async fn does_not_resubmit_when_in_doubt() {
    let acts = [
        Act::HangUp,
        Act::cut(r#"{"id": ""#),
        Act::Say(b"HTTP/1.1 200 OK\r\n".to_vec()),
        Act::Say(b"gibberish\r\n\r\n".to_vec()),
        Act::json("200 OK", &json!({"id": 7})),
        Act::json("200 OK", &json!({"id": ""})),
        Act::reply("200 OK", "", "<html>Welcome to the hotel</html>"),
        Act::reply("204 No Content", "", ""),
        Act::json("500 Internal Server Error", &json!({"message": "oh"})),
        Act::reply("502 Bad Gateway", "", ""),
        Act::reply("503 Service Unavailable", "", ""),
        Act::reply("504 Gateway Timeout", "retry-after: 0\r\n", ""),
        Act::reply("302 Found", "location: /login\r\n", ""),
    ];
    for act in acts {
        let server = Socket::play([act.clone()]).await;
        let error = client(&server.url).speak("Hello").submit().await.unwrap_err();
        assert!(error.is_in_doubt(), "{act:?}: {error}");
        assert!(error.to_string().starts_with("in doubt: "), "{error}");
        assert_eq!(server.requests().len(), 1, "{act:?}");
    }
}

#[tokio::test]
async fn a_reply_that_does_not_come_leaves_a_doubt() {
    let server = Socket::play([Act::Keep]).await;
    let client = builder(&server.url).request_timeout(Duration::from_millis(500)).build().unwrap();
    let error = client.speak("Hello").submit().await.unwrap_err();
    assert!(error.is_in_doubt(), "{error}");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn the_words_of_a_reply_in_doubt_are_kept() {
    let server =
        Socket::play([Act::reply("502 Bad Gateway", "content-type: text/html\r\n", "<h1>Oops</h1>")]).await;
    let error = client(&server.url).speak("Hello").submit().await.unwrap_err();
    assert_eq!(error.status().unwrap(), 502);
    assert_eq!(error.message(), Some("<h1>Oops</h1>"));

    let server = Socket::play([Act::reply("200 OK", "", "<h1>Welcome</h1>")]).await;
    let error = client(&server.url).speak("Hello").submit().await.unwrap_err();
    assert_eq!(error.status().unwrap(), 200);
    assert_eq!(error.message(), Some("<h1>Welcome</h1>"));
}

#[tokio::test]
async fn submits_again_when_it_was_refused_for_now() {
    let taken = Act::json("200 OK", &json!({"id": ID}));
    for refusal in ["429 Too Many Requests", "503 Service Unavailable"] {
        let server = Socket::play([Act::reply(refusal, "retry-after-ms: 300\r\n", ""), taken.clone()]).await;
        let start = std::time::Instant::now();
        client(&server.url).speak("Hello").submit().await.unwrap();
        assert!(start.elapsed() >= Duration::from_millis(300), "{refusal}");
        assert_eq!(server.requests().len(), 2);
    }
}

#[tokio::test]
async fn a_host_that_is_not_there_is_tried_and_then_named_unreachable() {
    let error = client(NOBODY).speak("Hello").submit().await.unwrap_err();
    assert!(error.is_unreachable(), "{error:?}");
    assert!(!error.is_in_doubt());
    assert_eq!(error.to_string(), "the server was not reached; nothing was sent");
    assert!(format!("{error:?}").contains("refused"), "the cause is in the chain: {error:?}");
}

#[tokio::test]
async fn a_refused_submission_is_final_and_brings_the_servers_words() {
    let bodies = [
        (r#"{"message": "top up your account"}"#, Some("top up your account")),
        ("<html><h1>Forbidden</h1></html>", Some("<html><h1>Forbidden</h1></html>")),
        (r#"{"error": {"code": 7}}"#, Some(r#"{"error": {"code": 7}}"#)),
        ("", None),
    ];
    for status in
        ["400 Bad Request", "401 Unauthorized", "402 Payment Required", "403 Forbidden", "404 Not Found"]
    {
        for (body, words) in bodies {
            let server = Socket::play([Act::reply(status, "", body)]).await;
            let error = client(&server.url).speak("Hello").submit().await.unwrap_err();
            assert!(error.is_rejected(), "{status}: {error}");
            assert_eq!(error.is_unauthorized(), status.starts_with("401") || status.starts_with("403"));
            assert!(status.starts_with(error.status().unwrap().as_str()));
            assert_eq!(error.message(), words, "{status}");
            assert_eq!(server.requests().len(), 1);
        }
    }
}

#[tokio::test]
async fn a_rate_limit_beyond_the_deadline_is_told_with_its_hint() {
    for (header, expected) in [("retry-after: 3600\r\n", 3600), ("retry-after-ms: 90000\r\n", 90)] {
        let server = Socket::play([Act::reply("429 Too Many Requests", header, "slow down")]).await;
        let client = client(&server.url);
        let error = client.speak("Hello").deadline(Duration::from_secs(5)).submit().await.unwrap_err();
        assert!(error.is_rate_limited());
        assert_eq!(error.retry_after(), Some(Duration::from_secs(expected)));
        assert_eq!(error.message(), Some("slow down"));
        // It holds for every request of this client, its clones included.
        let clone = client.clone();
        let held = [
            clone.speak("Hello").deadline(Duration::from_secs(5)).submit().await.unwrap_err(),
            clone.task(ID.parse().unwrap()).status().await.unwrap_err(),
        ];
        for error in held {
            assert!(error.is_rate_limited() && !error.is_invalid(), "{error}");
            assert!(error.retry_after().unwrap() > Duration::from_secs(expected - 10), "{error:?}");
            assert!(error.to_string().contains("hold off"), "{error}");
        }
        assert_eq!(server.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_hint_is_heeded_whatever_the_reply_was_else() {
    for status in ["403 Forbidden", "502 Bad Gateway"] {
        let server = Socket::play([Act::reply(status, "retry-after: 3600\r\n", "")]).await;
        let client = client(&server.url);
        client.speak("Hello").submit().await.unwrap_err();
        assert!(client.speak("Hello").submit().await.unwrap_err().is_rate_limited());
        assert_eq!(server.requests().len(), 1);
    }
}

#[tokio::test]
async fn polls_again_after_everything_that_may_pass() {
    let mut faults = vec![
        Act::HangUp,
        Act::cut("{"),
        Act::reply("200 OK", "", "<html>"),
        Act::json("200 OK", &json!({"status": "COMPLETED"})),
    ];
    for status in ["404 Not Found", "408 Request Timeout", "425 Too Early", "429 Too Many Requests"] {
        faults.push(Act::reply(status, "retry-after: 0\r\n", ""));
    }
    for status in
        ["500 Internal Server Error", "502 Bad Gateway", "503 Service Unavailable", "504 Gateway Timeout"]
    {
        faults.push(Act::reply(status, "", "<html>"));
    }
    // An answer after each, so that the pauses don't add up; the first with a status that nobody knows.
    let answers = ["A_NEW_STATUS"].into_iter().chain(std::iter::repeat("PROCESSING"));
    let mut script: Vec<_> = faults
        .into_iter()
        .zip(answers)
        .flat_map(|(fault, status)| [fault, Act::json("200 OK", &result(status))])
        .collect();
    script.push(Act::json("200 OK", &completed("https://example.com/a.wav")));
    let polls = script.len();
    let server = Socket::play(script).await;
    let speech = client(&server.url).task(ID.parse().unwrap()).wait().await.unwrap();
    assert_eq!(speech.id().as_str(), ID);
    assert_eq!(server.requests().len(), polls);
}

#[tokio::test]
async fn a_single_status_request_is_one_request() {
    for (act, unanswered) in [
        (Act::HangUp, true),
        (Act::reply("502 Bad Gateway", "", ""), true),
        (Act::reply("429 Too Many Requests", "", ""), true),
        (Act::reply("404 Not Found", "", ""), false),
        (Act::reply("403 Forbidden", "", ""), false),
    ] {
        let server = Socket::play([act]).await;
        let error = client(&server.url).task(ID.parse().unwrap()).status().await.unwrap_err();
        assert_eq!(error.is_unanswered(), unanswered, "{error}");
        assert_eq!(error.task_id().unwrap().as_str(), ID);
        assert_eq!(server.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_redirect_that_a_client_of_the_users_follows_leaves_a_doubt() {
    // The first host may have carried the request out before it sent us on, whatever the second one says.
    let elsewhere = [
        Act::reply("429 Too Many Requests", "retry-after: 0\r\n", ""),
        Act::reply("503 Service Unavailable", "retry-after: 0\r\n", ""),
        Act::reply("404 Not Found", "", ""),
        Act::reply("200 OK", "", "<html>"),
        Act::json("200 OK", &json!({"id": ID})),
    ];
    let mut targets = vec![NOBODY.to_owned(), "ftp://127.0.0.1".into(), "mailto:nobody@example.com".into()];
    // To itself: only what comes back tells.
    targets.push(CREATE.into());
    let mut hosts = Vec::new();
    for act in elsewhere {
        hosts.push(Socket::play([act]).await);
    }
    targets.extend(hosts.iter().map(|host| host.url.clone()));
    for target in targets {
        let redirect = Act::reply("303 See Other", &format!("location: {target}\r\n"), "");
        let refusal = Act::reply("429 Too Many Requests", "retry-after: 0\r\n", "");
        let server = Socket::play([redirect, refusal, Act::json("200 OK", &json!({"id": ID}))]).await;
        let client = builder(&server.url).http_client(reqwest::Client::new()).build().unwrap();
        let error = client.speak("Hello").submit().await.unwrap_err();
        assert!(error.is_in_doubt(), "{target}: {error:?}");
        let posts = server.requests().iter().filter(|request| request.starts_with("POST")).count();
        assert_eq!(posts, 1, "{target}");
    }
}

/// What is called unsent never arrives, also when the time runs out at the worst moment.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_submission_that_is_sent_again_was_never_seen() {
    let server = Socket::play([Act::json("200 OK", &json!({"id": ID}))]).await;
    let shared = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let submissions: Vec<_> = (0..300_u64)
        .map(|number| {
            let time = Duration::from_micros(1 + number * 10);
            let client =
                builder(&server.url).request_timeout(time).http_client(shared.clone()).build().unwrap();
            tokio::spawn(async move {
                let text = format!("number {number};");
                // However it ends: what counts is how often it was seen.
                let _ = client.speak(&text).submit().await;
                text
            })
        })
        .collect();
    for submission in submissions {
        let text = submission.await.unwrap();
        let seen = server.requests().iter().filter(|request| request.contains(&text)).count();
        assert!(seen <= 1, "{text} was seen {seen} times");
    }
}

#[tokio::test]
async fn the_users_own_http_client_keeps_its_headers() {
    let server = MockServer::start();
    let create = server.mock(|when, then| {
        when.path(CREATE)
            .header("x-team", "radio")
            .header("user-agent", "radio/1")
            .header("authorization", KEY);
        then.status(200).json_body(json!({"id": ID}));
    });
    let headers = [("x-team", "radio"), ("authorization", "not the key")];
    let headers =
        headers.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).into_iter().collect();
    let own = reqwest::Client::builder().default_headers(headers).user_agent("radio/1").build().unwrap();
    let client = builder(&server.base_url()).http_client(own.clone()).build().unwrap();
    client.speak("Hello").submit().await.unwrap();
    create.assert_calls(1);
    assert!(!format!("{client:?}").contains("not the key"));

    let client = builder(&server.base_url()).http_client(own).user_agent("tv/2").build().unwrap();
    assert!(client.speak("Hello").submit().await.is_err(), "asked for here, it wins");
}
