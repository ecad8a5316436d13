//! Pairs of JSON documents: bytes alone would seldom get past the parser.

use serde_json::{Map, Value, json};

/// Between two documents. No JSON has it: a line break is no part of a string.
const SEPARATOR: &str = "\n---\n";

/// The two documents in a fuzzer's input.
pub fn documents(data: &[u8]) -> Option<[&str; 2]> {
    std::str::from_utf8(data).ok()?.split_once(SEPARATOR).map(|(one, other)| [one, other])
}

/// Changes one value somewhere in one of the documents, most of the time; otherwise bytes, so that the parser has its
/// turn. Returns the length of the input then.
pub fn mutate(data: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
    let mut random = fastrand::Rng::with_seed(seed.into());
    let changed = if random.u8(..8) == 0 { None } else { changed(&data[..size], &mut random) };
    match changed {
        Some(text) if text.len() <= max_size => {
            data[..text.len()].copy_from_slice(text.as_bytes());
            text.len()
        }
        _ => libfuzzer_sys::fuzzer_mutate(data, size, max_size),
    }
}

fn changed(data: &[u8], random: &mut fastrand::Rng) -> Option<String> {
    let [one, other] = documents(data)?;
    let mut pair: [Value; 2] = [serde_json::from_str(one).ok()?, serde_json::from_str(other).ok()?];
    if random.u8(..16) == 0 {
        // Two that are all but the same, so that the next changes are seen as such.
        pair[1] = pair[0].clone();
    }
    for _ in 0..=random.u8(..2) {
        let with = material(&pair, random);
        let document = random.choice(&mut pair)?;
        let place = random.usize(..count(document));
        change(nth(document, place)?, with, random);
    }
    Some(format!("{}{SEPARATOR}{}", pair[0], pair[1]))
}

/// Something to put in a place: what stands elsewhere, or what means something in a document.
fn material(pair: &[Value; 2], random: &mut fastrand::Rng) -> Value {
    let mut from = random.choice(pair).expect("there are two").clone();
    if random.bool() {
        let place = random.usize(..count(&from));
        return nth(&mut from, place).expect("it was counted").take();
    }
    let values = [
        Value::Null,
        json!(true),
        json!(false),
        json!(0),
        json!(1.0),
        json!(-1),
        json!(1e300),
        json!(u64::MAX),
        json!(""),
        json!("é|`\n\u{1b}<&\""),
        json!([]),
        json!({}),
        json!({"$ref": "#/components/schemas/A"}),
        json!({"$ref": "#"}),
        json!({"$ref": "#/paths/~1a~1{id}/post"}),
        json!({"type": "string", "enum": ["a", "b"], "nullable": true}),
        json!({"type": "object", "properties": {"p": {"type": "number", "minimum": 1}}, "required": ["p"]}),
        json!({"type": "array", "items": {"type": "string", "pattern": "^a+$", "maxLength": 3}}),
        json!({"oneOf": [{"type": "string"}, {"type": "integer"}]}),
        json!({"allOf": [{"type": "object", "additionalProperties": false}]}),
        json!({"description": "d", "content": {"application/json": {"schema": {"type": "string"}}}}),
        json!({"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}),
        json!([{"url": "https://{host}/v1", "variables": {"host": {"default": "a", "enum": ["a"]}}}]),
        json!([{"apiKey": []}, {}]),
        json!({"type": "apiKey", "in": "header", "name": "authorization"}),
        json!({"operationId": "b", "responses": {"default": {"description": "d"}}}),
        json!("string"),
        json!("3.0.3"),
        json!("3.1.0"),
    ];
    random.choice(values).expect("there are some")
}

fn change(value: &mut Value, with: Value, random: &mut fastrand::Rng) {
    match value {
        Value::Object(members) if !members.is_empty() && random.u8(..3) > 0 => {
            let at = random.usize(..members.len());
            let key = members.keys().nth(at).expect("it was counted").clone();
            match random.u8(..3) {
                0 => drop(members.remove(&key)),
                1 => rename(members, &key, random),
                _ => drop(members.insert(word(random), with)),
            }
        }
        Value::Object(members) if random.bool() => drop(members.insert(word(random), with)),
        Value::Array(items) if random.u8(..3) > 0 => {
            let at = random.usize(..=items.len());
            if at < items.len() && random.bool() {
                items.remove(at);
            } else {
                items.insert(at, with);
            }
        }
        value => *value = with,
    }
}

fn rename(members: &mut Map<String, Value>, key: &str, random: &mut fastrand::Rng) {
    let value = members.remove(key).unwrap_or_default();
    members.insert(word(random), value);
}

fn word(random: &mut fastrand::Rng) -> String {
    let words = "openapi info title version paths /a /a/{id} /a/{x} get post put parameters requestBody content schema \
        application/json text/plain responses 200 2XX 404 default headers components schemas securitySchemes security \
        servers url variables properties items anyOf oneOf allOf not enum type format required name in description \
        minimum maximum exclusiveMinimum minLength maxLength pattern nullable readOnly writeOnly deprecated \
        additionalProperties discriminator propertyName mapping tags flows scopes operationId x-a A $ref example \
        examples style explode allowReserved encoding links callbacks externalDocs multipleOf uniqueItems";
    let words: Vec<_> = words.split_whitespace().collect();
    (*random.choice(&words).expect("there are some")).to_owned()
}

/// How many values there are, itself included.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Object(members) => members.values().map(count).sum(),
        Value::Array(items) => items.iter().map(count).sum(),
        _ => 0,
    }
}

fn nth(value: &mut Value, place: usize) -> Option<&mut Value> {
    if place == 0 {
        return Some(value);
    }
    let mut left = place - 1;
    let children: Vec<&mut Value> = match value {
        Value::Object(members) => members.values_mut().collect(),
        Value::Array(items) => items.iter_mut().collect(),
        _ => return None,
    };
    for child in children {
        let size = count(child);
        if left < size {
            return nth(child, left);
        }
        left -= size;
    }
    None
}
