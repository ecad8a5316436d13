//! The hash that identifies a request in a store.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Number, Value};
use sha2::{Digest, Sha256};

use crate::{Error, types::SpeechRequest};

/// The start of each encoding. Another encoding would get another version.
const DOMAIN: &[u8] = b"distribute-ai request 1\n";

/// The hash of a request, which identifies its entry in a [`Store`](super::Store).
///
/// It is a SHA-256 of the text, the model, the voice, the parameters, the base URL of the API and the
/// [take](crate::Speak::take). [`Speak::hash`](crate::Speak::hash) returns it. It does not contain the API key, the label, or a
/// setting of this library such as the deadline. It will not change in later versions: a property that the API adds later
/// takes part only in requests that set it.
///
/// `Display` writes 64 lower-case hexadecimal digits, and `FromStr` reads them.
///
/// ```
/// # fn main() -> Result<(), distribute_ai::Error> {
/// use distribute_ai::{Client, store::RequestHash};
///
/// let client = Client::builder().api_key("your-key").build()?;
/// let hash = client.speak("Good morning.").hash()?;
/// assert_eq!(hash.to_string().parse::<RequestHash>()?, hash);
/// assert_ne!(client.speak("Good morning!").hash()?, hash);
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestHash([u8; 32]);

impl RequestHash {
    /// Returns the hash of a request to the API at this base URL.
    pub(crate) fn of(base_url: &str, request: &SpeechRequest, take: u32) -> Self {
        let request = serde_json::to_value(request).expect("a request is JSON");
        Self::of_json(base_url, &request, take)
    }

    fn of_json(base_url: &str, request: &Value, take: u32) -> Self {
        let mut encoding = DOMAIN.to_vec();
        encode_text(&mut encoding, base_url);
        encode(&mut encoding, request);
        encode_number(&mut encoding, f64::from(take));
        Self(Sha256::digest(&encoding).into())
    }

    pub(crate) fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Appends a value: a letter for its type, the length of what has a length, and the content.
///
/// The encoding is our own, because the text of JSON has several forms for the same value. Properties are sorted, and those
/// without a value are left out. A number is its value as 64-bit float, so 1 and 1.0 are the same. An integer that a 64-bit
/// float cannot hold, such as a large seed, is written in full, so that its neighbours differ.
fn encode(encoding: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => encoding.push(b'0'),
        Value::Bool(value) => encoding.push(if *value { b't' } else { b'f' }),
        Value::Number(number) => match inexact_integer(number) {
            Some(integer) => {
                encoding.push(b'i');
                encoding.extend_from_slice(&integer.to_be_bytes());
            }
            None => encode_number(encoding, number.as_f64().unwrap_or(f64::INFINITY)),
        },
        Value::String(text) => encode_text(encoding, text),
        Value::Array(items) => {
            encode_start(encoding, b'a', items.len());
            for item in items {
                encode(encoding, item);
            }
        }
        Value::Object(properties) => {
            let mut present: Vec<_> = properties.iter().filter(|(_, value)| !value.is_null()).collect();
            present.sort_unstable_by_key(|(name, _)| *name);
            encode_start(encoding, b'o', present.len());
            for (name, value) in present {
                encode_text(encoding, name);
                encode(encoding, value);
            }
        }
    }
}

fn encode_text(encoding: &mut Vec<u8>, text: &str) {
    encode_start(encoding, b's', text.len());
    encoding.extend_from_slice(text.as_bytes());
}

fn encode_number(encoding: &mut Vec<u8>, number: f64) {
    encoding.push(b'n');
    // Adding zero turns -0 into 0.
    encoding.extend_from_slice(&(number + 0.0).to_be_bytes());
}

/// Returns the number if it is an integer that a 64-bit float cannot hold.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "what is lost is the question"
)]
fn inexact_integer(number: &Number) -> Option<i128> {
    let integer = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))?;
    (integer as f64 as i128 != integer).then_some(integer)
}

fn encode_start(encoding: &mut Vec<u8>, kind: u8, length: usize) {
    encoding.push(kind);
    encoding.extend_from_slice(&(length as u64).to_be_bytes());
}

impl fmt::Display for RequestHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for RequestHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// # Errors
///
/// [`is_invalid`](Error::is_invalid): the text, without the white space around it, is not 64 hexadecimal digits
impl FromStr for RequestHash {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let digits = text.trim();
        let invalid = || {
            let excerpt: String = digits.chars().take(80).collect();
            Error::invalid("hash", format!("{excerpt:?} is invalid, expected 64 hexadecimal digits"))
        };
        let mut bytes = [0; 32];
        let (pairs, []) = digits.as_bytes().as_chunks::<2>() else { return Err(invalid()) };
        if pairs.len() != bytes.len() {
            return Err(invalid());
        }
        for (byte, pair) in bytes.iter_mut().zip(pairs) {
            let digit = |digit: u8| char::from(digit).to_digit(16);
            let (Some(high), Some(low)) = (digit(pair[0]), digit(pair[1])) else { return Err(invalid()) };
            *byte = u8::try_from(high << 4 | low).expect("two digits are a byte");
        }
        Ok(Self(bytes))
    }
}

impl Serialize for RequestHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RequestHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const BASE_URL: &str = "https://api.distribute.ai";

    fn hash(request: &Value) -> RequestHash {
        RequestHash::of_json(BASE_URL, request, 0)
    }

    /// The hashes were computed by another program from the description of the encoding. They must never change.
    #[test]
    fn hashes_of_ten_requests_are_pinned() {
        let minimal = json!({"model": "Chatterbox", "input": "Good morning."});
        let with = |name: &str, value: Value| {
            let mut request = minimal.clone();
            request[name] = value;
            request
        };
        #[rustfmt::skip]
        let pinned = [
            (BASE_URL, minimal.clone(), 0, "fac478cd10f67d099d16218d279af6b314b5c4e3a9176502a60fba36c2943f43"),
            (BASE_URL, minimal.clone(), 2, "d3b2fd514f86412fc35fde2ffe98d44012e6071de0ec7a2002f44a688fbd839c"),
            ("http://127.0.0.1:8080/v1", minimal.clone(), 0, "95fab18d34f5dd47c2ec9c394b6f1ddd2ef247344475e43397fed08a28333e6c"),
            (BASE_URL, with("input", json!("Größe: 3\n\"m\" \u{1f600}")), 0, "0ee501e2f80ae08ac952b1fe615a0882b12aced1b1de8f544696535988c2cf46"),
            (BASE_URL, with("voice", json!("nora")), 0, "9c9f793013c7bf1ce673949595932f48d20d76f1a42a4bed7f17f2df888b167e"),
            (BASE_URL, with("stream", json!(false)), 0, "74634b16f0bbcc6fd28a41a8ac994ab9f272678e4251d982b155e9d17b5293db"),
            (BASE_URL, with("temperature", json!(0.8)), 0, "c7f7ab7e992788fe80f1eae2f4b3359b5bd517531226b81ea5890d9386fc27bd"),
            (BASE_URL, with("temperature", json!(0)), 0, "7661bf215cb661f1e34b76c0f73962a4d46baa5925e6012710f74c4527a54e3e"),
            (BASE_URL, json!({"model": "Chatterbox", "input": "All.", "voice": "file_1", "stream": true, "temperature": 1, "exaggeration": 0.25, "cfg_weight": 0.5}), 7, "7c1129aa57190f1560c577c265b58cdc14d7c8bbf0f16a21c5b4a582d4e9d673"),
            (BASE_URL, with("later", json!([{"a": 1.5, "b": [true, null, "x"]}])), 0, "a158a78e7d96e3eb473a3df357b881456b8ef9239f69efb56526f7c836b183f7"),
        ];
        for (base_url, request, take, expected) in pinned {
            let found = RequestHash::of_json(base_url, &request, take).to_string();
            assert_eq!(found, expected, "{request}");
        }
    }

    #[test]
    fn typed_request_has_the_hash_of_its_json() {
        let request = SpeechRequest::new("Good morning.".parse().unwrap()).voice("nora");
        let json = json!({"voice": "nora", "input": "Good morning.", "model": "Chatterbox"});
        assert_eq!(RequestHash::of(BASE_URL, &request, 0), hash(&json));
    }

    #[test]
    fn order_and_absent_properties_do_not_matter() {
        let one: Value = serde_json::from_str(r#"{"input":"a b","model":"m","temperature":1}"#).unwrap();
        for same in [
            r#"{"temperature":1.0,"model":"m","input":"a b"}"#,
            r#"{"input":"a b","model":"m","temperature":1e0,"later":null}"#,
        ] {
            assert_eq!(hash(&serde_json::from_str(same).unwrap()), hash(&one), "{same}");
        }
        assert_eq!(hash(&json!({"t": -0.0})), hash(&json!({"t": 0})));
    }

    #[test]
    fn different_requests_have_different_hashes() {
        let requests = [
            json!({"input": "ab", "model": "c"}),
            json!({"input": "a", "model": "bc"}),
            json!({"input": "ab", "model": "c", "stream": false}),
            json!({"input": "ab", "model": "c", "stream": true}),
            json!({"input": "ab", "model": "c", "stream": "true"}),
            json!({"input": "ab", "model": "c", "stream": 1}),
            json!({"input": "ab", "model": ["c"]}),
            json!({"input": "ab", "model": [["c"]]}),
            json!({"input": "ab", "model": ["c", null]}),
            json!({"inputs": "ab", "model": "c"}),
            json!({"input": "ab\u{0}", "model": "c"}),
            json!({"input": {"ab": {}}, "model": "c"}),
        ];
        let mut hashes: Vec<_> = requests.iter().map(hash).collect();
        hashes.push(RequestHash::of_json("https://api.distribute.ai/v2", &requests[0], 0));
        hashes.push(RequestHash::of_json(BASE_URL, &requests[0], 1));
        let count = hashes.len();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), count);
    }

    #[test]
    fn integers_beyond_the_precision_of_floats_have_different_hashes() {
        for integer in [(1_u64 << 53) + 1, u64::MAX, (1 << 60) + 1] {
            let [hash, below] = [integer, integer - 1].map(|seed| hash(&json!({"seed": seed})));
            assert_ne!(hash, below, "{integer}");
        }
        assert_ne!(hash(&json!({"seed": i64::MIN + 1})), hash(&json!({"seed": i64::MIN})));
        // Both are the same value, which a float holds.
        assert_eq!(hash(&json!({"seed": 1_u64 << 60})), hash(&json!({"seed": 1_152_921_504_606_846_976.0})));
    }

    /// Changes one value, name or length somewhere in a value. It never only reorders or adds `null` to an object.
    fn mutate(value: &mut Value, rng: &mut fastrand::Rng) {
        let leaf = |rng: &mut fastrand::Rng| match rng.u8(..6) {
            0 => json!(rng.bool()),
            1 => json!(rng.u64(..)),
            2 => json!(rng.i64(..100)),
            3 => json!(rng.f64()),
            4 => json!([]),
            _ => json!(random_text(rng)),
        };
        match value {
            Value::Object(properties) if !properties.is_empty() && rng.u8(..4) > 0 => {
                let name = properties.keys().nth(rng.usize(..properties.len())).unwrap().clone();
                match rng.u8(..3) {
                    0 => drop(properties.remove(&name)),
                    1 => {
                        let value = properties.remove(&name).unwrap();
                        properties.insert(format!("{name}{}", random_text(rng)), value);
                    }
                    _ => mutate(properties.get_mut(&name).unwrap(), rng),
                }
            }
            Value::Object(properties) => drop(properties.insert(random_text(rng), leaf(rng))),
            Value::Array(items) if !items.is_empty() && rng.bool() => {
                let index = rng.usize(..items.len());
                mutate(&mut items[index], rng);
            }
            Value::Array(items) => items.push(if rng.bool() { Value::Null } else { leaf(rng) }),
            Value::String(text) if rng.bool() => text.push_str(&random_text(rng)),
            _ => *value = if rng.u8(..4) == 0 { json!({"x": [leaf(rng)]}) } else { leaf(rng) },
        }
    }

    fn random_text(rng: &mut fastrand::Rng) -> String {
        (0..rng.usize(..4)).map(|_| rng.choice(['a', 'b', 'n', 's', '\0', 'é', '"']).unwrap()).collect()
    }

    /// The text of a value in one form: sorted names, without properties that are `null`, all numbers with one form.
    fn canonical(value: &Value) -> String {
        match value {
            Value::Number(number) if inexact_integer(number).is_none() => {
                format!("{:?}", number.as_f64().unwrap() + 0.0)
            }
            Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
            Value::Object(properties) => {
                let present = properties.iter().filter(|(_, value)| !value.is_null());
                let mut present: Vec<_> =
                    present.map(|(name, value)| format!("{name:?}:{}", canonical(value))).collect();
                present.sort();
                format!("{{{}}}", present.join(","))
            }
            other => other.to_string(),
        }
    }

    #[test]
    fn hashes_of_random_requests_are_equal_exactly_if_the_requests_are() {
        let mut rng = fastrand::Rng::with_seed(7);
        let mut request = json!({"model": "m", "input": "text"});
        let mut known = std::collections::HashMap::new();
        for round in 0..20_000 {
            if round % 50 == 0 {
                request = json!({"model": "m", "input": random_text(&mut rng)});
            }
            mutate(&mut request, &mut rng);
            let text = canonical(&request);
            let found = known.entry(hash(&request)).or_insert_with(|| text.clone());
            assert_eq!(*found, text);
        }
        let texts: std::collections::HashSet<_> = known.values().collect();
        assert!(texts.len() == known.len() && known.len() > 10_000, "{} {}", texts.len(), known.len());
    }

    #[test]
    fn hash_is_read_as_it_is_written() {
        let hash = hash(&json!({}));
        let text = hash.to_string();
        assert_eq!(text.to_uppercase().parse::<RequestHash>().unwrap(), hash);
        assert_eq!(format!(" {text}\n").parse::<RequestHash>().unwrap(), hash);
        let json = serde_json::to_string(&hash).unwrap();
        assert_eq!(serde_json::from_str::<RequestHash>(&json).unwrap(), hash);
        for invalid in ["", "abc", &text[1..], &text.replace(&text[..1], "g"), &format!("{text}00")] {
            let error = invalid.parse::<RequestHash>().unwrap_err();
            assert!(
                error.is_invalid() && error.to_string().contains("expected 64 hexadecimal digits"),
                "{error}"
            );
        }
    }
}
