use super::*;

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap())).collect()
}

/// Returns a download that has received 4 of 10 bytes of the version `"v1"`.
fn known() -> Known {
    Known {
        received: 4,
        total: Some(10),
        validator: Validator::from_headers(&headers(&[("etag", "\"v1\"")])),
        has_page_type: false,
    }
}

/// Returns a download that has received 4 bytes, and knows neither the length nor the version.
fn unknown() -> Known {
    Known { received: 4, ..Known::default() }
}

fn classify(status: u16, pairs: &[(&'static str, &str)], known: &Known) -> Content {
    Content::classify(StatusCode::from_u16(status).unwrap(), &headers(pairs), known, true)
}

fn partial(range: &str, known: &Known) -> Content {
    classify(206, &[("content-range", range)], known)
}

#[test]
fn partial_content_continues_if_it_is_the_rest() {
    for range in ["bytes 4-9/10", "bytes 4-9/*", "Bytes 4-9/10", "BYTES  4-9/10", "bytes 4-7/10"] {
        assert_eq!(partial(range, &known()), Content::Rest(10), "{range}");
    }
    assert_eq!(partial("bytes 4-9/10", &unknown()), Content::Rest(10));
    let same = [("content-range", "bytes 4-9/10"), ("etag", "\"v1\"")];
    assert_eq!(classify(206, &same, &known()), Content::Rest(10));
}

#[test]
fn partial_content_that_is_not_the_rest_is_unusable() {
    for range in
        ["bytes 2-9/10", "bytes 5-9/10", "bytes 4-9/12", "bytes 4-10/10", "items 4-9/10", "bytes 4-9"]
    {
        assert!(matches!(partial(range, &known()), Content::UnusableRange(_)), "{range}");
    }
    assert!(matches!(partial("bytes 4-9/*", &unknown()), Content::UnusableRange(_)));
    let other = [("content-range", "bytes 4-9/10"), ("etag", "\"v2\"")];
    assert!(matches!(classify(206, &other, &known()), Content::UnusableRange(_)));
    assert!(matches!(classify(206, &[], &known()), Content::UnusableRange(_)));
}

#[test]
fn partial_content_that_is_compressed_or_a_page_is_unusable() {
    let rest = |header| classify(206, &[("content-range", "bytes 4-9/10"), header], &known());
    for unusable in [("content-encoding", "gzip"), ("content-type", "text/html")] {
        assert!(matches!(rest(unusable), Content::UnusableRange(_)), "{unusable:?}");
    }
    for harmless in [("content-encoding", "aws-chunked"), ("content-type", "audio/wav")] {
        assert_eq!(rest(harmless), Content::Rest(10), "{harmless:?}");
    }
}

#[test]
fn partial_content_of_an_audio_that_began_with_the_type_of_a_page_continues() {
    let known = Known { has_page_type: true, ..known() };
    let page = [("content-range", "bytes 4-9/10"), ("content-type", "text/html")];
    assert_eq!(classify(206, &page, &known), Content::Rest(10));
}

#[test]
fn partial_content_from_first_to_last_byte_is_the_whole_audio() {
    assert_eq!(partial("bytes 0-9/10", &known()), Content::Whole(Some(10)));
    assert_eq!(partial("bytes 0-11/12", &known()), Content::OtherVersion(Some(12)));
    assert!(matches!(partial("bytes 0-8/10", &known()), Content::UnusableRange(_)));
    let status = StatusCode::PARTIAL_CONTENT;
    let unasked = Content::classify(status, &headers(&[("content-range", "bytes 4-9/10")]), &known(), false);
    assert_eq!(unasked, Content::Rejected);
}

#[test]
fn ok_response_is_the_whole_audio_unless_version_or_length_differ() {
    assert_eq!(classify(200, &[], &known()), Content::Whole(None));
    assert_eq!(classify(200, &[("content-length", "10")], &known()), Content::Whole(Some(10)));
    assert_eq!(classify(200, &[("content-length", "11")], &known()), Content::OtherVersion(Some(11)));
    assert_eq!(classify(200, &[("etag", "\"v2\"")], &known()), Content::OtherVersion(None));
    let first = Known::default();
    assert_eq!(classify(200, &[("content-length", "11")], &first), Content::Whole(Some(11)));
    // A transfer coding overrides the length.
    let both = [("content-length", "11"), ("transfer-encoding", "chunked")];
    assert_eq!(classify(200, &both, &first), Content::Whole(None));
}

#[test]
fn unsatisfiable_range_at_the_end_means_that_nothing_is_missing() {
    let complete = Known { received: 10, ..known() };
    for range in ["bytes */10", "Bytes */10"] {
        assert_eq!(classify(416, &[("content-range", range)], &complete), Content::Nothing);
    }
    for (range, known) in [("bytes */4", known()), ("bytes */10", known()), ("bytes */*", complete)] {
        let content = classify(416, &[("content-range", range)], &known);
        assert!(matches!(content, Content::UnusableRange(_)), "{range}");
    }
    let other_version = [("content-range", "bytes */10"), ("etag", "\"v2\"")];
    let content = classify(416, &other_version, &Known { received: 10, ..known() });
    assert!(matches!(content, Content::UnusableRange(_)), "{content:?}");
    let whole = Content::classify(StatusCode::RANGE_NOT_SATISFIABLE, &HeaderMap::new(), &known(), false);
    assert_eq!(whole, Content::Expired);
}

#[test]
fn error_status_is_busy_expired_or_rejected() {
    for (statuses, content) in [
        (&[408, 425, 429, 500, 502, 503, 504, 599][..], Content::Busy),
        (&[400, 401, 403, 404, 410], Content::Expired),
        (&[204, 302, 304], Content::Rejected),
    ] {
        for status in statuses {
            assert_eq!(classify(*status, &[], &known()), content, "{status}");
        }
    }
}

#[test]
fn end_is_marked_by_length_final_chunk_or_http2() {
    for (pairs, marked) in [
        (&[][..], false),
        (&[("content-length", "10")], true),
        (&[("transfer-encoding", "gzip, Chunked")], true),
        (&[("transfer-encoding", "chunked, gzip")], false),
    ] {
        assert_eq!(has_marked_end(Version::HTTP_11, &headers(pairs)), marked, "{pairs:?}");
    }
    assert!(has_marked_end(Version::HTTP_2, &HeaderMap::new()));
    assert!(!has_marked_end(Version::HTTP_10, &HeaderMap::new()));
}

#[test]
fn content_encoding_is_refused_only_if_it_compresses() {
    for harmless in ["", "identity", "Identity", "aws-chunked", "binary", "UTF-8", "none"] {
        assert_eq!(compression(&headers(&[("content-encoding", harmless)])), None, "{harmless}");
    }
    for (compressed, name) in [
        ("gzip", "gzip"),
        ("GZip", "gzip"),
        ("aws-chunked,gzip", "gzip"),
        ("br", "br"),
        ("identity, zstd", "zstd"),
    ] {
        assert_eq!(compression(&headers(&[("content-encoding", compressed)])), Some(name), "{compressed}");
    }
    let mut two = headers(&[("content-encoding", "aws-chunked")]);
    two.append(CONTENT_ENCODING, "deflate".parse().unwrap());
    assert_eq!(compression(&two), Some("deflate"));
}

#[test]
fn page_type_is_html_xml_or_json_in_any_case() {
    for page in [
        "text/html",
        "Text/HTML; charset=utf-8",
        "application/json",
        "application/problem+json",
        "application/xml",
        "text/xml",
        "application/xhtml+xml",
    ] {
        assert!(page_type(&headers(&[("content-type", page)])).is_some(), "{page}");
    }
    for audio in ["audio/wav", "application/octet-stream", "binary/octet-stream", "text/plain", ""] {
        assert_eq!(page_type(&headers(&[("content-type", audio)])), None, "{audio}");
    }
}

#[test]
fn redirect_location_is_resolved_against_the_url() {
    let from = "https://example.com/audio/a.wav".parse().unwrap();
    let target = |status: u16, location: &'static str| {
        redirect(StatusCode::from_u16(status).unwrap(), &headers(&[("location", location)]), &from)
    };
    for (location, expected) in [
        ("/b.wav", "https://example.com/b.wav"),
        ("b.wav", "https://example.com/audio/b.wav"),
        ("//cdn.example.com/b.wav", "https://cdn.example.com/b.wav"),
        ("http://10.0.0.1/", "http://10.0.0.1/"),
    ] {
        assert_eq!(target(307, location).unwrap().unwrap().as_str(), expected);
    }
    assert_eq!(target(302, "http://").unwrap_err(), "audio host redirected to an invalid URL");
    assert_eq!(target(200, "/b.wav").unwrap(), None);
    assert_eq!(redirect(StatusCode::FOUND, &HeaderMap::new(), &from).unwrap(), None);
}

#[test]
fn content_range_yields_positions_and_total_length() {
    assert_eq!(content_range("bytes 7-9/10"), Some((7, 9, Some(10))));
    assert_eq!(content_range("bytes 7-9/*"), Some((7, 9, None)));
    for invalid in
        ["", "bytes */10", "bytes 7/10", "items 7-9/10", "bytes 7-9/many", "bytes 9-7/10", "bytes7-9/10"]
    {
        assert_eq!(content_range(invalid), None, "{invalid}");
    }
}

#[test]
fn validator_matches_by_strong_etag_and_date_and_differs_by_any_etag() {
    let headers = |tag: &str, date: &str| -> HeaderMap {
        let pairs = [(ETAG, tag), (LAST_MODIFIED, date)];
        pairs
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(k, v)| (k, v.parse().unwrap()))
            .collect()
    };
    let first = Validator::from_headers(&headers("\"a\"", "Monday"));
    assert_eq!(first.matches(&headers("\"a\"", "Monday")), Some(true));
    assert_eq!(first.matches(&headers("\"a\"", "")), Some(true));
    assert_eq!(first.matches(&headers("\"b\"", "Monday")), Some(false));
    assert_eq!(first.matches(&headers("\"a\"", "Tuesday")), Some(false));
    assert_eq!(first.matches(&headers("", "")), None);
    let weak = Validator::from_headers(&headers("W/\"a\"", ""));
    assert_eq!(weak.matches(&headers("W/\"b\"", "")), Some(false));
    assert_eq!(weak.matches(&headers("\"b\"", "")), Some(false));
    assert_eq!(weak.matches(&headers("W/\"a\"", "Monday")), None);
    assert_eq!(weak.matches(&headers("\"a\"", "")), None);
    assert_eq!(first.matches(&headers("W/\"a\"", "")), None);
    assert_eq!(first.matches(&headers("W/\"a\"", "Monday")), Some(true));
    assert_eq!(first.matches(&headers("W/\"b\"", "Monday")), Some(false));
    assert_eq!(Validator::from_headers(&headers("W/\"a\"", "")).condition(), None);
}

#[test]
fn range_that_was_not_requested_and_is_not_named_is_rejected() {
    let unasked =
        |pairs| Content::classify(StatusCode::PARTIAL_CONTENT, &headers(pairs), &Known::default(), false);
    assert_eq!(unasked(&[]), Content::Rejected);
    assert_eq!(unasked(&[("content-range", "bytes 0-9/10")]), Content::Whole(Some(10)));
}

#[test]
fn audio_of_which_nothing_has_arrived_has_no_other_version() {
    let announced = Known { received: 0, ..known() };
    assert_eq!(classify(200, &[("content-length", "11")], &announced), Content::Whole(Some(11)));
    assert_eq!(classify(200, &[("etag", "\"v2\"")], &announced), Content::Whole(None));
}

#[test]
fn condition_is_the_strong_tag_or_else_the_time_of_the_last_change() {
    let condition =
        |pairs: [(&'static str, &str); 2]| Validator::from_headers(&headers(&pairs)).condition().cloned();
    let time = ("last-modified", "Sat, 01 Nov 2025 10:00:00 GMT");
    assert_eq!(condition([("etag", "\"v1\""), time]).unwrap(), "\"v1\"");
    assert_eq!(condition([("etag", "W/\"v1\""), time]).unwrap(), time.1);
}
