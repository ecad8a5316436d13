//! Decodes a compressed body. The library asks for none, but a proxy may compress anyway.

use std::io::Read;

use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use reqwest::header::{CONTENT_ENCODING, HeaderMap};

/// Decodes gzip and deflate, up to a number of bytes. A truncated body is decoded up to its end. A JSON object is returned
/// unchanged, also after white space: a proxy may have decoded the body without removing the header.
///
/// # Errors
///
/// The name of another encoding.
pub(crate) fn decode(headers: &HeaderMap, body: Vec<u8>, limit: usize) -> Result<Vec<u8>, (Vec<u8>, String)> {
    let values =
        headers.get_all(CONTENT_ENCODING).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
    let encoding = values.collect::<Vec<_>>().join(", ").trim().to_ascii_lowercase();
    match &*encoding {
        "" | "identity" => Ok(body),
        // Neither gzip nor zlib begins like this. A deflate stream without header can, but is no text.
        "gzip" | "x-gzip" if is_object(&body) => Ok(body),
        "deflate" if is_object(&body) && is_text(&body) => Ok(body),
        "gzip" | "x-gzip" => Ok(read(MultiGzDecoder::new(&*body), limit)),
        // The standard says zlib. Some servers send the deflate stream without its header.
        "deflate" => {
            let zlib = read(ZlibDecoder::new(&*body), limit);
            Ok(if zlib.is_empty() { read(DeflateDecoder::new(&*body), limit) } else { zlib })
        }
        _ => Err((body, encoding.chars().take(40).collect())),
    }
}

fn is_object(body: &[u8]) -> bool {
    body.trim_ascii_start().starts_with(b"{")
}

/// Returns `true` for UTF-8, also if the last character is cut off.
fn is_text(body: &[u8]) -> bool {
    str::from_utf8(body).map_or_else(|error| error.error_len().is_none(), |_| true)
}

fn read(source: impl Read, limit: usize) -> Vec<u8> {
    let mut decoded = Vec::new();
    // An error leaves the bytes before it, and the caller checks whether they are complete.
    let _ = source.take(limit as u64).read_to_end(&mut decoded);
    decoded
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{
        Compression,
        write::{DeflateEncoder, GzEncoder, ZlibEncoder},
    };
    use reqwest::header::HeaderValue;

    use super::*;

    const BODY: &[u8] = br#"{"id": "1b671a64-40d5-491e-99b0-da01ff1f3341"}"#;

    fn encodings() -> [(&'static str, Vec<u8>); 3] {
        let level = Compression::default();
        let mut gzip = GzEncoder::new(Vec::new(), level);
        let mut zlib = ZlibEncoder::new(Vec::new(), level);
        let mut raw = DeflateEncoder::new(Vec::new(), level);
        gzip.write_all(BODY).unwrap();
        zlib.write_all(BODY).unwrap();
        raw.write_all(BODY).unwrap();
        [
            ("gzip", gzip.finish().unwrap()),
            ("deflate", zlib.finish().unwrap()),
            ("deflate", raw.finish().unwrap()),
        ]
    }

    fn headers(encoding: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(CONTENT_ENCODING, HeaderValue::from_static(encoding))])
    }

    #[test]
    fn gzip_and_deflate_are_decoded() {
        for (encoding, body) in encodings() {
            assert_eq!(decode(&headers(encoding), body, 1_000).unwrap(), BODY, "{encoding}");
        }
        assert_eq!(decode(&headers("GZip"), encodings()[0].1.clone(), 1_000).unwrap(), BODY);
        for encoding in ["", "identity", "Identity"] {
            assert_eq!(decode(&headers(encoding), BODY.to_vec(), 1_000).unwrap(), BODY);
        }
    }

    #[test]
    fn json_object_that_is_not_encoded_is_returned_unchanged() {
        for (encoding, space) in [("gzip", ""), ("x-gzip", "\n"), ("deflate", ""), ("deflate", " \t\r\n")] {
            for end in 1..=BODY.len() {
                let body = [space.as_bytes(), &BODY[..end]].concat();
                assert_eq!(decode(&headers(encoding), body.clone(), 1_000), Ok(body), "{encoding}");
            }
        }
    }

    #[test]
    fn deflate_stream_that_begins_like_an_object_is_decoded() {
        // From zlib, which uses the fixed codes for a short text.
        let raw = b"{\xbf{\x7f\xb5Rf\x8a\x92\x95\x92a\x92\x99\xb9a\xa2\x99\x89\xae\x89A\x8a\xa9\xae\x89\xa5a\xaa\xae\xa5e\x92\x81nJ\xa2\x81aZ\x9aa\x9a\xb1\xb1\x89\xa1R-\x00";
        let text = "\u{feff}{\"id\":\"1b671a64-40d5-491e-99b0-da01ff1f3341\"}";
        assert!(raw.starts_with(b"{"));
        assert_eq!(decode(&headers("deflate"), raw.to_vec(), 1_000).unwrap(), text.as_bytes());
    }

    #[test]
    fn truncated_body_is_decoded_up_to_its_end() {
        for (encoding, body) in encodings() {
            for end in 0..body.len() {
                let decoded = decode(&headers(encoding), body[..end].to_vec(), 1_000).unwrap();
                assert!(BODY.starts_with(&decoded), "{encoding} {end}");
            }
        }
    }

    #[test]
    fn decoded_body_is_limited() {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(&vec![0; 1_000_000]).unwrap();
        assert_eq!(decode(&headers("gzip"), gzip.finish().unwrap(), 1_000).unwrap().len(), 1_000);
    }

    #[test]
    fn other_encoding_is_named() {
        for encoding in ["br", "zstd", "gzip, br"] {
            assert_eq!(decode(&headers(encoding), vec![1], 9), Err((vec![1], encoding.to_owned())));
        }
    }
}
