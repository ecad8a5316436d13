//! Pairs of JSON documents, and a mutator for them: random bytes alone would seldom pass the parser.

use serde_json::{Map, Value, json};

/// The separator between two documents. It cannot occur in compact JSON, which escapes line breaks in
/// strings.
const SEPARATOR: &str = "\n---\n";

/// Returns the two documents in a fuzzer input.
pub fn documents(data: &[u8]) -> Option<[&str; 2]> {
    std::str::from_utf8(data).ok()?.split_once(SEPARATOR).map(|(first, second)| [first, second])
}

/// Mutates a fuzzer input and returns its new length.
///
/// Mostly changes values in the documents. Sometimes changes bytes instead, to fuzz the parser too.
pub fn mutate(data: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
    let mut random = fastrand::Rng::with_seed(seed.into());
    let mutated = if random.u8(..8) == 0 { None } else { mutate_json(&data[..size], &mut random) };
    match mutated {
        Some(text) if text.len() <= max_size => {
            data[..text.len()].copy_from_slice(text.as_bytes());
            text.len()
        }
        _ => libfuzzer_sys::fuzzer_mutate(data, size, max_size),
    }
}

fn mutate_json(data: &[u8], random: &mut fastrand::Rng) -> Option<String> {
    let [first, second] = documents(data)?;
    let mut pair: [Value; 2] = [serde_json::from_str(first).ok()?, serde_json::from_str(second).ok()?];
    if random.u8(..16) == 0 {
        // Start from two equal documents, so that the next changes are their only differences.
        pair[1] = pair[0].clone();
    }
    for _ in 0..=random.u8(..2) {
        let replacement = random_value(&pair, random);
        let document = random.choice(&mut pair)?;
        let index = random.usize(..count(document));
        replace_or_edit(nth(document, index)?, replacement, random);
    }
    Some(format!("{}{SEPARATOR}{}", pair[0], pair[1]))
}

/// Returns a value from one of the documents, or a value with a meaning in OpenAPI documents.
fn random_value(pair: &[Value; 2], random: &mut fastrand::Rng) -> Value {
    let mut source = random.choice(pair).expect("a pair has two documents").clone();
    if random.bool() {
        let index = random.usize(..count(&source));
        return nth(&mut source, index).expect("the index is below the count").take();
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
    random.choice(values).expect("the list has values")
}

fn replace_or_edit(value: &mut Value, replacement: Value, random: &mut fastrand::Rng) {
    match value {
        Value::Object(members) if !members.is_empty() && random.u8(..3) > 0 => {
            let index = random.usize(..members.len());
            let key = members.keys().nth(index).expect("the index is below the length").clone();
            match random.u8(..3) {
                0 => drop(members.remove(&key)),
                1 => rename(members, &key, random),
                _ => drop(members.insert(random_name(random), replacement)),
            }
        }
        Value::Object(members) if random.bool() => drop(members.insert(random_name(random), replacement)),
        Value::Array(items) if random.u8(..3) > 0 => {
            let index = random.usize(..=items.len());
            if index < items.len() && random.bool() {
                items.remove(index);
            } else {
                items.insert(index, replacement);
            }
        }
        value => *value = replacement,
    }
}

fn rename(members: &mut Map<String, Value>, key: &str, random: &mut fastrand::Rng) {
    let value = members.remove(key).unwrap_or_default();
    members.insert(random_name(random), value);
}

fn random_name(random: &mut fastrand::Rng) -> String {
    let names = "openapi info title version paths /a /a/{id} /a/{x} get post put parameters requestBody content schema \
        application/json text/plain responses 200 2XX 404 default headers components schemas securitySchemes security \
        servers url variables properties items anyOf oneOf allOf not enum type format required name in description \
        minimum maximum exclusiveMinimum minLength maxLength pattern nullable readOnly writeOnly deprecated \
        additionalProperties discriminator propertyName mapping tags flows scopes operationId x-a A $ref example \
        examples style explode allowReserved encoding links callbacks externalDocs multipleOf uniqueItems";
    let names: Vec<_> = names.split_whitespace().collect();
    (*random.choice(&names).expect("the list has names")).to_owned()
}

/// Returns the number of values in a value, including itself.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Object(members) => members.values().map(count).sum(),
        Value::Array(items) => items.iter().map(count).sum(),
        _ => 0,
    }
}

/// Returns the value at `index`, in depth-first order.
fn nth(value: &mut Value, index: usize) -> Option<&mut Value> {
    if index == 0 {
        return Some(value);
    }
    let mut remaining = index - 1;
    let children: Vec<&mut Value> = match value {
        Value::Object(members) => members.values_mut().collect(),
        Value::Array(items) => items.iter_mut().collect(),
        _ => return None,
    };
    for child in children {
        let size = count(child);
        if remaining < size {
            return nth(child, remaining);
        }
        remaining -= size;
    }
    None
}
