"""Every fault, outcome, limit and record of the simulator, over its control API."""

import time

import conftest
import pytest
import requests

TEXT = "Hello from Python."
LENGTH = 44 + 18 * 2880


def test_counts_and_received_describe_every_request(simulator):
    task = simulator.submit(voice="nora", temperature=0.5)
    assert simulator.download(task).status_code == 200
    simulator.create("x")
    received = simulator.received()
    assert [(r["host"], r["route"], r["method"], r["status"], r["attempt"]) for r in received] == [
        ("api", "create", "POST", 200, 1),
        ("api", "result", "POST", 200, 1),
        ("audio", "audio", "GET", 200, 1),
        ("api", "create", "POST", 400, 1),
    ]
    assert {r["task"] for r in received[:3]} == {task} and {r["text"] for r in received[:3]} == {TEXT}
    assert '"voice": "nora"' in received[0]["body"] and '"temperature": 0.5' in received[0]["body"]
    assert dict(received[0]["headers"])["authorization"] == "[redacted]"
    assert received[3]["refused"] == "body/input must have at least 2 characters"
    assert received[0]["at"] <= received[1]["at"] and received[0]["fault"] is None
    assert simulator.counts() == {
        "requests": 3,
        "creates": 1,
        "polls": 1,
        "downloads": 1,
        "leaks": 0,
        "faults": 0,
        "rate_limited": 0,
        "refused": 1,
        "billed": 18 * 0.06,
        "peak_per_second": 3,
    }
    assert simulator.control("GET", "tasks") == [{"id": task, "text": TEXT, "status": "COMPLETED"}]


def test_key_sent_to_the_audio_host_is_a_leak(simulator):
    url = simulator.audio_url(simulator.submit())
    assert requests.get(url, headers={"authorization": simulator.key}, timeout=20).status_code == 403
    assert simulator.counts()["leaks"] == 1


@pytest.mark.parametrize("accepted", [False, True])
@pytest.mark.parametrize("response", ["reset", "close", {"crash": 0.05}])
def test_connection_ends_without_response(simulator, response, accepted):
    simulator.first("create", {"response": response, "after_accepting": accepted})
    with pytest.raises(requests.ConnectionError):
        simulator.create()
    time.sleep(0.2)
    assert simulator.counts()["creates"] == accepted
    assert simulator.received()[0]["status"] is None
    assert simulator.received()[0]["fault"]["response"] == response


@pytest.mark.parametrize("accepted", [False, True])
def test_never_answer_is_a_timeout(simulator, accepted):
    simulator.first("create", {"response": "never_answer", "after_accepting": accepted})
    with pytest.raises(requests.ReadTimeout):
        simulator.post("create", {"model": "Chatterbox", "input": TEXT}, timeout=0.3)
    assert simulator.counts()["creates"] == accepted


@pytest.mark.parametrize("accepted", [False, True])
@pytest.mark.parametrize("status", [200, 307, 408, 429, 500, 503, 599])
def test_respond_replaces_the_response(simulator, status, accepted):
    response = {"respond": {"status": status, "body": {"html": "<h1>Oh</h1>"}, "retry_after": 2}}
    headers = {"via": "proxy"}
    simulator.first("create", {"response": response, "headers": headers, "after_accepting": accepted})
    response = simulator.post("create", {"model": "Chatterbox", "input": TEXT}, allow_redirects=False)
    assert (response.status_code, response.text) == (status, "<h1>Oh</h1>")
    assert response.headers["retry-after"] == "2" and response.headers["via"] == "proxy"
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert simulator.counts()["creates"] == accepted


@pytest.mark.parametrize(
    ("body", "format", "expected"),
    [
        ({"json": '{"error": 7}'}, "millis", '{"error": 7}'),
        ("message", "seconds", '{"message":"Service Unavailable"}'),
        ("none", "date", ""),
        ("none", "missing", ""),
    ],
)
def test_respond_has_body_and_retry_after_in_each_format(simulator, body, format, expected):
    response = {"status": 503, "body": body, "retry_after": 1.5, "retry_after_format": format}
    simulator.first("create", {"response": {"respond": response}})
    response = simulator.create()
    assert (response.status_code, response.text) == (503, expected)
    header = {"millis": "retry-after-ms"}.get(format, "retry-after")
    assert (header in response.headers) == (format != "missing")


def test_redirect_has_location(simulator):
    redirect = {"response": {"respond": {"status": 302}}, "headers": {"location": "/elsewhere"}}
    simulator.first("result", redirect)
    task = simulator.submit()
    assert simulator.poll(task).status_code == 404
    assert simulator.received()[-1]["path"] == "/elsewhere"


def test_truncated_json_wrong_shape_and_unknown_fields(simulator):
    steps = ["truncated_json", "wrong_shape", "unknown_fields", "unknown_status", "genuine"]
    task = simulator.submit()
    simulator.script("result", {"select": {"steps": [{"response": step} for step in steps]}})
    with pytest.raises(requests.exceptions.JSONDecodeError):
        simulator.poll(task).json()
    assert simulator.poll(task).json()["data"]["id"] == task
    assert "a_new_field" in simulator.poll(task).json()
    assert simulator.poll(task).json()["status"] == "A_NEW_STATUS"
    assert simulator.poll(task).json()["status"] == "COMPLETED"
    assert simulator.counts()["faults"] == 5


@pytest.mark.parametrize("response", ["cut_short", "reset_mid_response"])
def test_response_ends_early(simulator, response):
    simulator.script("audio", {"select": {"always": {"response": response}}})
    with pytest.raises(requests.RequestException):
        simulator.download(simulator.submit())
    assert simulator.counts()["downloads"] == 1


def test_longer_than_announced_has_extra_bytes_after_the_response(simulator):
    simulator.first("audio", {"response": "longer_than_announced"})
    assert len(simulator.download(simulator.submit()).content) == LENGTH


def test_slow_drip_and_delay_take_time(simulator):
    simulator.script(
        "create",
        {"select": {"nth": [1, {"response": {"slow_drip": {"bytes": 9, "every": 0.02}}}]}},
        {"select": {"nth": [2, {"response": "genuine", "delay": 0.2, "jitter": 0.2}]}},
    )
    for least, most in [(0.09, 5), (0.2, 5)]:
        start = time.monotonic()
        simulator.submit()
        assert least <= time.monotonic() - start < most


def test_range_refused_and_ignored(simulator):
    task = simulator.submit()
    assert len(simulator.download(task, Range="bytes=-7").content) == 7
    simulator.script("audio", {"select": {"steps": [{"response": "range_refused"}, {"response": "range_ignored"}]}})
    assert simulator.download(task, Range="bytes=-7").status_code == 416
    assert len(simulator.download(task, Range="bytes=-7").content) == LENGTH


def test_chunked_response_has_no_length(simulator):
    simulator.first("audio", {"response": "genuine", "chunked": True})
    response = simulator.download(simulator.submit())
    assert "content-length" not in response.headers and response.headers["transfer-encoding"] == "chunked"
    assert len(response.content) == LENGTH


def test_idle_connection_is_closed(simulator):
    simulator.script("create", {"select": {"always": {"response": "genuine", "close_idle_after": 0.05}}})
    session = requests.Session()
    body = {"model": "Chatterbox", "input": TEXT}
    send = lambda: session.post(
        f"{simulator.url}/async/speech/create", json=body, headers={"authorization": simulator.key}, stream=True, timeout=20
    )
    response = send()
    sock = response.raw.connection.sock
    assert "connection" not in response.headers
    response.raw.read()
    sock.settimeout(5)
    assert sock.recv(1) == b"", "the server closes the connection"


def test_faults_by_text_task_attempt_and_probability(simulator):
    reset = {"response": {"respond": {"status": 502}}}
    first, second = simulator.submit("First text"), simulator.submit("Second text")
    polls = lambda: [simulator.poll(task).status_code for task in [first, second, first, second]]
    for rule, expected in [
        ({"select": {"nth": [1, reset]}, "for_each_task": True}, [502, 502, 200, 200]),
        ({"select": {"nth": [2, reset]}, "only": {"text": "Second text"}}, [200, 200, 200, 502]),
        ({"select": {"always": reset}, "only": {"text_contains": "First"}}, [502, 200, 502, 200]),
        ({"select": {"always": reset}, "only": {"task": second}}, [200, 502, 200, 502]),
        ({"select": {"next": [1, reset]}}, [502, 200, 200, 200]),
        ({"select": {"from_nth": [4, reset]}}, [200, 200, 200, 502]),
        ({"select": {"during": [60, reset]}}, [502, 502, 502, 502]),
        ({"select": {"random": {"seed": 1, "probability": 0, "choices": [reset]}}}, [200, 200, 200, 200]),
    ]:
        simulator.script("result", rule)
        assert polls() == expected, rule
    simulator.script("result")
    assert polls() == [200, 200, 200, 200]


def test_outcomes_decide_how_tasks_end(simulator):
    simulator.outcome(ending="error")
    assert simulator.poll(simulator.submit()).json()["status"] == "ERROR"
    simulator.outcome(ending="no_url")
    assert simulator.poll(simulator.submit()).json()["results"] == [{}]
    simulator.outcome(ending={"audio": 0})
    assert simulator.poll(simulator.submit()).json()["results"] == []
    simulator.outcome(ending={"audio": 2})
    urls = [result["url"] for result in simulator.poll(simulator.submit()).json()["results"]]
    assert len(set(urls)) == 2 and all(requests.get(url, timeout=20).status_code == 200 for url in urls)
    simulator.outcome(ending="never", running_as="WARMING_UP")
    assert simulator.poll(simulator.submit()).json()["status"] == "WARMING_UP"
    simulator.outcome(not_found=60)
    assert simulator.poll(simulator.submit()).status_code == 404
    simulator.outcome(postponed=60)
    assert simulator.poll(simulator.submit()).json()["status"] == "POSTPONED"
    simulator.outcome(waiting=60)
    assert simulator.poll(simulator.submit()).json()["status"] == "CREATED"
    simulator.outcome(running=60)
    assert simulator.poll(simulator.submit()).json()["status"] == "PROCESSING"
    simulator.outcome(times_in_millis=True)
    assert simulator.poll(simulator.submit()).json()["created"] > 1e12
    assert simulator.counts()["refused"] == 0


def test_tasks_are_completed_and_failed_by_the_test(simulator):
    simulator.outcome(ending="never")
    first, second = simulator.submit(), simulator.submit()
    simulator.control("POST", f"tasks/{first}/complete")
    simulator.control("POST", f"tasks/{second}/fail")
    assert [simulator.poll(task).json()["status"] for task in [first, second]] == ["COMPLETED", "ERROR"]
    assert "already ended" in simulator.control("POST", f"tasks/{first}/fail", status=400)["message"]
    assert "does not exist" in simulator.control("POST", "tasks/x/complete", status=400)["message"]


def test_capacity_lets_tasks_queue(simulator):
    simulator.control("PUT", "capacity", 1)
    simulator.outcome(running=60)
    first, second = simulator.submit(), simulator.submit()
    assert [simulator.poll(task).json()["status"] for task in [first, second]] == ["PROCESSING", "QUEUED"]
    simulator.control("POST", f"tasks/{first}/complete")
    assert simulator.poll(second).json()["status"] == "PROCESSING"
    third = simulator.submit()
    simulator.control("PUT", "capacity", None)
    assert simulator.poll(third).json()["status"] == "PROCESSING"


def test_rate_limit_answers_429(simulator):
    simulator.control("PUT", "rate_limit", {"requests": 1, "window": 60, "retry_after_format": "millis"})
    assert simulator.create().status_code == 200
    response = simulator.create()
    assert response.status_code == 429 and "retry-after-ms" in response.headers
    assert simulator.counts()["rate_limited"] == 1
    simulator.control("PUT", "rate_limit", None)
    assert simulator.create().status_code == 200


def test_audio_host_signs_redirects_and_has_no_ranges(simulator):
    simulator.control(
        "PUT",
        "audio_host",
        {"signed_urls": 0.3, "redirects": 2, "etag": False, "ranges": False, "media_type": "audio/x-wav"},
    )
    task = simulator.submit()
    url = simulator.audio_url(task)
    response = requests.get(url, headers={"range": "bytes=5-"}, timeout=20)
    assert (response.status_code, len(response.history), len(response.content)) == (200, 2, LENGTH)
    assert response.headers["content-type"] == "audio/x-wav"
    assert "etag" not in response.headers and "accept-ranges" not in response.headers
    time.sleep(0.4)
    assert "expired" in requests.get(url, timeout=20).text
    assert simulator.download(task).status_code == 200
    assert requests.get(url.split("?")[0], timeout=20).status_code == 403


def test_hosts_go_down_and_up(simulator):
    url = simulator.audio_url(simulator.submit())
    simulator.control("POST", "hosts/audio/down")
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=20)
    simulator.control("POST", "hosts/audio/up")
    assert requests.get(url, timeout=20).status_code == 200
    simulator.control("POST", "hosts/audio/down", 30)
    simulator.control("POST", "reset")
    assert requests.get(url, timeout=20).status_code == 404, "a reset brings the host up, without tasks"

    simulator.control("POST", "hosts/api/down", status=400)
    simulator.control("POST", "hosts/api/down", 0.3)
    time.sleep(0.1)
    with pytest.raises(requests.ConnectionError):
        simulator.create()
    time.sleep(0.6)
    assert simulator.create().status_code == 200


def test_reset_and_clear_records(simulator):
    simulator.outcome(ending="error")
    first = simulator.submit()
    simulator.control("POST", "clear_records")
    assert simulator.counts()["requests"] == 0 and simulator.received() == []
    assert simulator.poll(first).json()["status"] == "ERROR"
    simulator.control("POST", "reset")
    assert simulator.poll(first).status_code == 404
    assert simulator.submit() == first, "with a seed, ids follow from the text"
    assert simulator.poll(first).json()["status"] == "COMPLETED"


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "message"),
    [
        ("GET", "nowhere", None, 404, "/_simulator/nowhere does not exist"),
        ("GET", "reset", None, 405, "Method GET not allowed"),
        ("PUT", "scripts/nowhere", [], 404, "unknown variant `nowhere`, expected one of `create`, `result`, `audio`"),
        ("PUT", "scripts/create", [{"select": {"nth": [0, {"response": "reset"}]}}], 400, "nonzero"),
        ("PUT", "scripts/create", [{"select": {"nth": [1, {"response": "reset"}]}, "text": ""}], 400, "`text`"),
        ("PUT", "scripts/create", [{"select": {"nth": [1, {"response": "restart"}]}}], 400, "`restart`"),
        ("PUT", "scripts/audio", [{"select": {"nth": [1, {"response": "wrong_shape"}]}}], 400, "unsupported"),
        ("PUT", "outcomes", [{"select": {"always": {"ends": "error"}}}], 400, "`ends`"),
        ("PUT", "rate_limit", {"requests": 0, "window": 1}, 400, "nonzero"),
        ("PUT", "rate_limit", {"requests": 1, "window": 0}, 400, "too short"),
        ("PUT", "capacity", -1, 400, "-1"),
        ("PUT", "audio_host", {"e_tag": False}, 400, "`e_tag`"),
        ("POST", "hosts/audio/down", -1, 400, "negative"),
    ],
)
def test_invalid_control_request_is_rejected_with_a_reason(simulator, method, path, body, status, message):
    assert message in simulator.control(method, path, body, status)["message"]
    assert simulator.counts()["requests"] == 0, "requests to the control API are not counted"


def test_flags_set_ports_key_urls_and_capacity():
    first = conftest.Simulator("--key", "sk-python", "--capacity", "0", "--wait", "0")
    try:
        assert first.key == "sk-python"
        assert first.post("create", {}, key="simulator-key").status_code == 401
        assert first.poll(first.submit()).json()["status"] == "QUEUED"
    finally:
        log = first.stop()
    assert 'request received method="POST" path="/async/speech/create" status=401' in log
    assert 'refused="Invalid API key"' in log and "sk-python" not in log and TEXT not in log
    api, audio = first.url.rpartition(":")[2], "0"
    urls = ["--public-url", f"http://localhost:{api}", "--public-audio-url", "http://audio.example"]
    second = conftest.Simulator("--port", api, "--audio-port", audio, "--wait", "0", "--run", "0", "--quiet", *urls)
    try:
        assert second.url == f"http://localhost:{api}"
        task = second.submit()
        assert second.audio_url(task) == f"http://audio.example/audio/{task}.wav"
    finally:
        log = second.stop()
    assert "request received" not in log
