//! Network faults. A submission is never repeated silently, a wait continues, and errors keep the server's
//! message.

use std::time::Duration;

use distribute_ai::testing::httpmock::MockServer;
use serde_json::json;

use crate::support::{
    Action, CREATE, ID, KEY, Log, ScriptedServer, UNREACHABLE_URL, builder, client, completed_result, result,
};

#[tokio::test]
async fn submit_in_doubt_is_not_sent_again() {
    let acts = [
        Action::Close,
        Action::truncated(r#"{"id": ""#),
        Action::SendRaw(b"HTTP/1.1 200 OK\r\n".to_vec()),
        Action::SendRaw(b"gibberish\r\n\r\n".to_vec()),
        Action::json("200 OK", &json!({"id": 7})),
        Action::json("200 OK", &json!({"id": ""})),
        Action::response("200 OK", "", "<html>Welcome to the hotel</html>"),
        Action::response("204 No Content", "", ""),
        Action::json("500 Internal Server Error", &json!({"message": "oh"})),
        Action::response("502 Bad Gateway", "", ""),
        Action::response("503 Service Unavailable", "", ""),
        Action::response("503 Service Unavailable", "retry-after: 0\r\n", ""),
        Action::response("504 Gateway Timeout", "retry-after: 0\r\n", ""),
        Action::response("302 Found", "location: /login\r\n", ""),
    ];
    for action in acts {
        let server = ScriptedServer::start([action.clone()]).await;
        let error = client(&server.url).speak("Hello").submit().await.unwrap_err();
        assert!(error.is_in_doubt(), "{action:?}: {error}");
        assert!(error.to_string().starts_with("in doubt: "), "{error}");
        assert_eq!(server.requests().len(), 1, "{action:?}");
    }
}

#[tokio::test]
async fn submit_without_response_is_in_doubt() {
    let server = ScriptedServer::start([Action::StayOpen]).await;
    let client = builder(&server.url).request_timeout(Duration::from_millis(500)).build().unwrap();
    let error = client.speak("Hello").submit().await.unwrap_err();
    assert!(error.is_in_doubt(), "{error}");
    assert!(error.to_string().contains(": no response before the timeout; check the bill"), "{error}");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn submit_in_doubt_keeps_server_message() {
    let server = ScriptedServer::start([Action::response(
        "502 Bad Gateway",
        "content-type: text/html\r\n",
        "<h1>Oops</h1>",
    )])
    .await;
    let error = client(&server.url).speak("Hello").submit().await.unwrap_err();
    assert_eq!(error.status().unwrap(), 502);
    assert_eq!(error.message(), Some("<h1>Oops</h1>"));

    let server = ScriptedServer::start([Action::response("200 OK", "", "<h1>Welcome</h1>")]).await;
    let error = client(&server.url).speak("Hello").submit().await.unwrap_err();
    assert_eq!(error.status().unwrap(), 200);
    assert_eq!(error.message(), Some("<h1>Welcome</h1>"));
}

#[tokio::test]
async fn submit_after_429_is_sent_again() {
    let limited = Action::response("429 Too Many Requests", "retry-after-ms: 300\r\n", "");
    let server = ScriptedServer::start([limited, Action::json("200 OK", &json!({"id": ID}))]).await;
    let start = std::time::Instant::now();
    client(&server.url).speak("Hello").submit().await.unwrap();
    assert!(start.elapsed() >= Duration::from_millis(300));
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn submit_after_503_with_retry_after_is_resent_only_if_the_caller_allows_it() {
    let unavailable = Action::response("503 Service Unavailable", "retry-after: 0\r\n", "");
    let server = ScriptedServer::start([unavailable, Action::json("200 OK", &json!({"id": ID}))]).await;
    client(&server.url).speak("Hello").resubmit_in_doubt(1).submit().await.unwrap();
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn submit_error_response_with_other_id_has_no_task_id() {
    for (status, in_doubt) in
        [("401 Unauthorized", false), ("404 Not Found", false), ("502 Bad Gateway", true)]
    {
        let body = json!({"id": "unauthorized", "message": "Unable to authenticate you"});
        let server = ScriptedServer::start([Action::json(status, &body)]).await;
        let error = client(&server.url).speak("Hello").submit().await.unwrap_err();
        assert_eq!((error.is_in_doubt(), error.is_rejected()), (in_doubt, !in_doubt), "{error}");
        assert_eq!(error.task_id(), None, "{status}");
    }
}

#[tokio::test]
async fn submit_whose_callback_panics_returns_the_task() {
    let server = ScriptedServer::start([Action::json("200 OK", &json!({"id": ID}))]).await;
    let speak = client(&server.url).speak("Hello").on_submitted(|_| panic!("on purpose"));
    assert_eq!(speak.submit().await.unwrap().id(), ID);
}

#[tokio::test]
async fn submission_in_doubt_is_logged_with_its_task_and_a_rejected_one_is_not() {
    for (status, body, in_doubt) in [
        ("502 Bad Gateway", json!({"id": ID, "message": "busy"}), true),
        ("400 Bad Request", json!({"message": "invalid"}), false),
    ] {
        let log = Log::default();
        let _guard = log.capture();
        let server = ScriptedServer::start([Action::json(status, &body)]).await;
        let error = client(&server.url).speak("Hello").submit().await.unwrap_err();
        assert_eq!(error.is_in_doubt(), in_doubt, "{error}");
        let text = log.text();
        let is_logged = |line: &str| {
            line.contains("ERROR")
                && line.contains("submission in doubt, it may be billed")
                && line.contains(ID)
        };
        assert_eq!(text.lines().any(is_logged), in_doubt, "{text}");
    }
}

#[tokio::test]
async fn dropped_submission_is_logged_with_its_request() {
    let log = Log::default();
    let _guard = log.capture();
    let server = ScriptedServer::start([Action::StayOpen]).await;
    let client = client(&server.url);
    let mut requests = Vec::new();
    for text in ["One.", "Two.", "One."] {
        let submission = client.speak(text).submit();
        tokio::time::timeout(Duration::from_millis(200), submission).await.unwrap_err();
        let line = log.text().lines().last().unwrap().to_owned();
        assert!(line.contains("submission dropped before the response, it may be billed"), "{line}");
        requests.push(line.split_once("request=").expect("the request is named").1.to_owned());
    }
    assert!(requests[0] == requests[2] && requests[0] != requests[1], "{requests:?}");
}

#[tokio::test]
async fn submit_response_with_id_of_unfinished_task_is_in_doubt() {
    let upper_case = json!({"id": ID.to_uppercase()});
    let server = ScriptedServer::start([
        Action::json("200 OK", &json!({"id": ID})),
        Action::json("200 OK", &upper_case),
        Action::json("200 OK", &completed_result("https://example.com/a.wav")),
        Action::json("200 OK", &json!({"id": ID})),
    ])
    .await;
    let client = client(&server.url);
    let task = client.speak("One").submit().await.unwrap();
    let error = client.speak("Two").submit().await.unwrap_err();
    assert!(error.is_in_doubt() && error.task_id().is_none(), "{error}");
    assert!(error.message().unwrap().contains("belongs to another task"), "{error}");
    task.wait().await.unwrap();
    client.speak("Three").submit().await.unwrap();
}

#[tokio::test]
async fn submit_response_with_id_of_a_resumed_unfinished_task_is_in_doubt() {
    let server = ScriptedServer::start([
        Action::json("200 OK", &json!({"id": ID, "status": "PROCESSING"})),
        Action::json("200 OK", &json!({"id": ID})),
    ])
    .await;
    let client = client(&server.url);
    client.task(ID.parse().unwrap()).status().await.unwrap();
    let error = client.speak("Two").submit().await.unwrap_err();
    assert!(error.is_in_doubt() && error.task_id().is_none(), "{error}");
    assert!(error.message().unwrap().contains("belongs to another task"), "{error}");
}

#[tokio::test]
async fn poll_response_of_another_task_is_not_used() {
    let mut other = completed_result("https://example.com/other.wav");
    other["id"] = json!("1b671a64-40d5-491e-99b0-da01ff1f3342");
    let script = [other, completed_result("https://example.com/a.wav")];
    let server = ScriptedServer::start(script.map(|body| Action::json("200 OK", &body))).await;
    let task = client(&server.url).task(ID.parse().unwrap());
    let error = task.status().await.unwrap_err();
    assert!(error.is_unanswered(), "{error}");
    assert!(error.message().unwrap().contains("the result is that of task 1b671a64"), "{error}");
    let speech = task.wait().await.unwrap();
    assert_eq!(speech.result().results[0].url.as_deref(), Some("https://example.com/a.wav"));
}

#[tokio::test]
async fn poll_response_without_unneeded_fields_completes_the_wait() {
    let url = json!([{"url": "https://example.com/a.wav"}]);
    for body in [
        json!({"status": "COMPLETED", "results": url}),
        json!({"id": null, "status": "COMPLETED", "created": null, "model": null, "results": url}),
        json!({"id": ID, "status": "COMPLETED", "created": "2026-11-26", "finished": [], "model": 7, "results": url}),
    ] {
        let server = ScriptedServer::start([Action::json("200 OK", &body)]).await;
        let speech = client(&server.url).task(ID.parse().unwrap()).wait().await.unwrap();
        assert_eq!((speech.created_at(), speech.server_time()), (None, None), "{body}");
        assert!(speech.audio().is_ok(), "{body}");
    }
}

#[tokio::test]
async fn poll_response_with_invalid_status_names_the_field_and_shows_the_body() {
    let mut body = completed_result("https://example.com/a.wav?signature=s3cr3t");
    body["status"] = json!(["COMPLETED"]);
    let server = ScriptedServer::start([Action::json("200 OK", &body)]).await;
    let error = client(&server.url).task(ID.parse().unwrap()).status().await.unwrap_err();
    let output = format!("{error:?}");
    assert!(output.contains("`status`: invalid value"), "{output}");
    assert!(error.message().unwrap().contains(r#""status":["COMPLETED"]"#), "{error}");
    assert!(!output.contains("s3cr3t"), "{output}");
}

#[tokio::test]
async fn submit_to_unreachable_host_fails_after_retries() {
    let error = client(UNREACHABLE_URL).speak("Hello").submit().await.unwrap_err();
    assert!(error.is_unreachable(), "{error:?}");
    assert!(!error.is_in_doubt());
    let message = error.to_string();
    assert!(
        message.starts_with(
            "server not reached in 4 attempts, the request was not accepted: 127.0.0.1:9: Connection refused"
        ),
        "{message}"
    );
}

#[tokio::test]
async fn submit_rejected_is_not_sent_again_and_keeps_server_message() {
    let bodies = [
        (r#"{"message": "top up your account"}"#, Some("top up your account")),
        ("<html><h1>Forbidden</h1></html>", Some("<html><h1>Forbidden</h1></html>")),
        (r#"{"error": {"code": 7}}"#, Some(r#"{"error": {"code": 7}}"#)),
        ("", None),
    ];
    for status in
        ["400 Bad Request", "401 Unauthorized", "402 Payment Required", "403 Forbidden", "404 Not Found"]
    {
        for (body, message) in bodies {
            let server = ScriptedServer::start([Action::response(status, "", body)]).await;
            let error = client(&server.url).speak("Hello").submit().await.unwrap_err();
            assert!(error.is_rejected(), "{status}: {error}");
            assert_eq!(error.is_unauthorized(), status.starts_with("401") || status.starts_with("403"));
            assert!(status.starts_with(error.status().unwrap().as_str()));
            assert_eq!(error.message(), message, "{status}");
            assert_eq!(server.requests().len(), 1);
        }
    }
}

#[tokio::test]
async fn submit_rate_limited_past_deadline_reports_retry_after() {
    for (header, expected) in [("retry-after: 3600\r\n", 3600), ("retry-after-ms: 90000\r\n", 90)] {
        let server =
            ScriptedServer::start([Action::response("429 Too Many Requests", header, "slow down")]).await;
        let client = client(&server.url);
        let error = client.speak("Hello").deadline(Duration::from_secs(5)).submit().await.unwrap_err();
        assert!(error.is_rate_limited());
        assert_eq!(error.retry_after(), Some(Duration::from_secs(expected)));
        assert_eq!(error.message(), Some("slow down"));
        // The cooldown applies to every request of this client and its clones.
        let clone = client.clone();
        let errors = [
            clone.speak("Hello").deadline(Duration::from_secs(5)).submit().await.unwrap_err(),
            clone.task(ID.parse().unwrap()).status().await.unwrap_err(),
        ];
        for (error, what) in errors.into_iter().zip(["request", "poll"]) {
            assert!(error.is_rate_limited() && !error.is_invalid(), "{error}");
            // The client pauses for at most five minutes.
            let cooldown = Duration::from_secs(expected.min(300) - 10);
            assert!(error.retry_after().unwrap() > cooldown, "{error:?}");
            assert!(
                error.to_string().starts_with(&format!("{what} not sent: requests are paused")),
                "{error}"
            );
        }
        assert_eq!(server.requests().len(), 1);
    }
}

#[tokio::test]
async fn poll_after_transient_failure_is_retried() {
    let mut faults = vec![
        Action::Close,
        Action::truncated("{"),
        Action::response("200 OK", "", "<html>"),
        Action::json("200 OK", &json!({"id": ID, "results": []})),
    ];
    for status in ["404 Not Found", "408 Request Timeout", "425 Too Early", "429 Too Many Requests"] {
        faults.push(Action::response(status, "retry-after: 0\r\n", ""));
    }
    for status in
        ["500 Internal Server Error", "502 Bad Gateway", "503 Service Unavailable", "504 Gateway Timeout"]
    {
        faults.push(Action::response(status, "", "<html>"));
    }
    // A response after each fault keeps the pauses short. The first response has an unknown status.
    let statuses = ["A_NEW_STATUS"].into_iter().chain(std::iter::repeat("PROCESSING"));
    let mut script: Vec<_> = faults
        .into_iter()
        .zip(statuses)
        .flat_map(|(fault, status)| [fault, Action::json("200 OK", &result(status))])
        .collect();
    script.push(Action::json("200 OK", &completed_result("https://example.com/a.wav")));
    let polls = script.len();
    let server = ScriptedServer::start(script).await;
    let speech = client(&server.url).task(ID.parse().unwrap()).wait().await.unwrap();
    assert_eq!(speech.id(), ID);
    assert_eq!(server.requests().len(), polls);
}

#[tokio::test]
async fn poll_with_status_method_is_not_retried() {
    for (action, unanswered) in [
        (Action::Close, true),
        (Action::response("502 Bad Gateway", "", ""), true),
        (Action::response("429 Too Many Requests", "", ""), true),
        (Action::response("404 Not Found", "", ""), false),
        (Action::response("403 Forbidden", "", ""), false),
    ] {
        let server = ScriptedServer::start([action]).await;
        let error = client(&server.url).task(ID.parse().unwrap()).status().await.unwrap_err();
        assert_eq!(error.is_unanswered(), unanswered, "{error}");
        assert_eq!(error.task_id().unwrap().as_str(), ID);
        assert_eq!(server.requests().len(), 1);
    }
}

#[tokio::test]
async fn submit_redirect_followed_by_custom_http_client_is_in_doubt() {
    // The first host may have accepted the request before it redirected, whatever the second host responds.
    let second_host_actions = [
        Action::response("429 Too Many Requests", "retry-after: 0\r\n", ""),
        Action::response("503 Service Unavailable", "retry-after: 0\r\n", ""),
        Action::response("404 Not Found", "", ""),
        Action::response("200 OK", "", "<html>"),
        Action::json("200 OK", &json!({"id": ID})),
    ];
    let mut targets =
        vec![UNREACHABLE_URL.to_owned(), "ftp://127.0.0.1".into(), "mailto:nobody@example.com".into()];
    // To the same host, where only the response can show the redirect.
    targets.push(CREATE.into());
    let mut hosts = Vec::new();
    for action in second_host_actions {
        hosts.push(ScriptedServer::start([action]).await);
    }
    targets.extend(hosts.iter().map(|host| host.url.clone()));
    for target in targets {
        let redirect = Action::response("303 See Other", &format!("location: {target}\r\n"), "");
        let rate_limited = Action::response("429 Too Many Requests", "retry-after: 0\r\n", "");
        let server =
            ScriptedServer::start([redirect, rate_limited, Action::json("200 OK", &json!({"id": ID}))]).await;
        let client = builder(&server.url).http_client(reqwest::Client::new()).build().unwrap();
        let error = client.speak("Hello").submit().await.unwrap_err();
        assert!(error.is_in_doubt(), "{target}: {error:?}");
        let posts = server.requests().iter().filter(|request| request.starts_with("POST")).count();
        assert_eq!(posts, 1, "{target}");
    }
}

#[tokio::test]
async fn submit_redirected_to_same_origin_keeps_task_id_of_the_response() {
    let redirect = Action::response("303 See Other", "location: /tasks/1\r\n", "");
    let server = ScriptedServer::start([redirect, Action::json("200 OK", &json!({"id": ID}))]).await;
    let client = builder(&server.url).http_client(reqwest::Client::new()).build().unwrap();
    let error = client.speak("Hello").submit().await.unwrap_err();
    assert!(error.is_in_doubt(), "{error}");
    assert_eq!(error.task_id().unwrap().as_str(), ID);
}

#[tokio::test]
async fn submit_redirected_to_another_origin_takes_no_task_id_from_there() {
    let other = ScriptedServer::start([Action::json("200 OK", &json!({"id": ID}))]).await;
    let redirect = Action::response("303 See Other", &format!("location: {}/tasks/1\r\n", other.url), "");
    let server = ScriptedServer::start([redirect]).await;
    let client = builder(&server.url).http_client(reqwest::Client::new()).build().unwrap();
    let error = client.speak("Hello").submit().await.unwrap_err();
    assert!(error.is_in_doubt() && error.task_id().is_none(), "{error:?}");
    assert_eq!(other.requests().len(), 1);
}

#[tokio::test]
async fn task_of_submission_in_doubt_has_the_grace_period_of_an_own_task() {
    let not_found = Action::response("404 Not Found", "", "");
    let server = ScriptedServer::start([
        Action::json("502 Bad Gateway", &json!({"id": ID})),
        not_found.clone(),
        not_found,
        Action::json("200 OK", &completed_result("https://example.com/a.wav")),
    ])
    .await;
    let client = client(&server.url);
    let error = client.speak("Hello").submit().await.unwrap_err();
    // A task of another client would be not found at the second 404.
    client.task(error.task_id().unwrap().clone()).wait().await.unwrap();
}

#[tokio::test]
async fn submit_with_custom_http_client_is_not_retried_after_429() {
    // The redirect leads to the same URL with the mark that shows other redirects, so it stays unnoticed.
    let redirect = Action::response("303 See Other", &format!("location: {CREATE}?\r\n"), "");
    let limited = Action::response("429 Too Many Requests", "retry-after: 0\r\n", "slow down");
    for script in [vec![redirect, limited.clone()], vec![limited]] {
        let server = ScriptedServer::start(script).await;
        let client = builder(&server.url).http_client(reqwest::Client::new()).build().unwrap();
        let error = client.speak("Hello").submit().await.unwrap_err();
        assert!(error.is_rate_limited() && error.message() == Some("slow down"), "{error}");
        let posts = server.requests().iter().filter(|request| request.starts_with("POST")).count();
        assert_eq!(posts, 1);
    }
}

/// A request that is reported as not sent never arrives, even if the timeout expires at the worst moment.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn submit_with_short_timeout_arrives_at_most_once() {
    let server = ScriptedServer::start([Action::json("200 OK", &json!({"id": ID}))]).await;
    let shared = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let submissions: Vec<_> = (0..300_u64)
        .map(|number| {
            let timeout = Duration::from_micros(1 + number * 10);
            let client =
                builder(&server.url).request_timeout(timeout).http_client(shared.clone()).build().unwrap();
            tokio::spawn(async move {
                let text = format!("number {number};");
                // Ignore the outcome: the test counts how often the text arrives.
                let _ = client.speak(&text).submit().await;
                text
            })
        })
        .collect();
    for submission in submissions {
        let text = submission.await.unwrap();
        let arrivals = server.requests().iter().filter(|request| request.contains(&text)).count();
        assert!(arrivals <= 1, "{text} arrived {arrivals} times");
    }
}

#[tokio::test]
async fn custom_http_client_keeps_its_headers() {
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
    let custom = reqwest::Client::builder().default_headers(headers).user_agent("radio/1").build().unwrap();
    let client = builder(&server.base_url()).http_client(custom.clone()).build().unwrap();
    client.speak("Hello").submit().await.unwrap();
    create.assert_calls(1);
    assert!(!format!("{client:?}").contains("not the key"));

    let client = builder(&server.base_url()).http_client(custom).user_agent("tv/2").build().unwrap();
    assert!(client.speak("Hello").submit().await.is_err(), "the user agent of the builder takes precedence");
}
