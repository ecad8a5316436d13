//! Generates documents for a schema of the API: valid ones, and ones that break each of its rules.

use serde_json::{Map, Value, json};

/// A UUID of version 4.
const ID: &str = "1b671a64-40d5-491e-99b0-da01ff1f3341";

/// Returns documents that approach each bound from both sides, use each enum value and similar strings, and
/// put each type in the place of every other. `mixtures` random documents follow. The same seed yields the
/// same documents.
pub(super) fn documents(schema: &Value, seed: u64, mixtures: usize) -> Vec<Value> {
    let mut found = variants(schema);
    let mut random = fastrand::Rng::with_seed(seed);
    found.extend((0..mixtures).map(|_| mixture(schema, &mut random)));
    found
}

fn variants(schema: &Value) -> Vec<Value> {
    let mut found = vec![json!(null), json!(true), json!(7), json!("text"), json!([]), json!({})];
    for member in members(schema) {
        found.extend(variants(member));
    }
    match schema["type"].as_str() {
        Some("string") => found.extend(strings(schema).into_iter().map(Value::from)),
        Some("number") => found.extend(numbers(schema).into_iter().map(Value::from)),
        Some("boolean") => found.extend([json!(false), json!("true")]),
        Some("array") => {
            found.extend(variants(&schema["items"]).into_iter().map(|item| json!([item])));
            found.push(json!([valid(&schema["items"]), valid(&schema["items"])]));
        }
        Some("object") => found.extend(objects(schema)),
        _ => {}
    }
    found
}

fn members(schema: &Value) -> impl Iterator<Item = &Value> {
    schema["anyOf"].as_array().into_iter().flatten()
}

fn strings(schema: &Value) -> Vec<String> {
    let mut strings = vec![String::new()];
    for known in schema["enum"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        strings.extend([known.to_owned(), known.to_lowercase(), known.to_uppercase(), format!("{known} ")]);
    }
    for limit in ["minLength", "maxLength"].iter().filter_map(|limit| schema[limit].as_u64()) {
        let limit = usize::try_from(limit).unwrap();
        // A character of four bytes counts as one.
        strings.extend(["a", "é", "😀"].iter().flat_map(|character| {
            [limit.saturating_sub(1), limit, limit + 1].map(|length| character.repeat(length))
        }));
    }
    if schema["pattern"].is_string() {
        strings.extend([ID.to_owned(), ID.to_uppercase(), format!("{ID}0"), format!("{{{ID}}}")]);
        for (index, _) in ID.char_indices() {
            strings.push(format!("{}{}", &ID[..index], &ID[index + 1..]));
            strings.extend(
                ["g", "8", "5"].map(|character| format!("{}{character}{}", &ID[..index], &ID[index + 1..])),
            );
        }
    }
    strings
}

fn numbers(schema: &Value) -> Vec<f64> {
    let mut numbers = vec![-1.0, 0.0, 0.25, 1e300];
    for limit in ["minimum", "maximum"].iter().filter_map(|limit| schema[limit].as_f64()) {
        numbers.extend([limit, limit - 1e-9, limit + 1e-9, limit - 1.0, limit + 1.0]);
    }
    numbers
}

/// Returns objects that change one thing at a time: a variant of a property, a missing property, or an
/// unknown one.
fn objects(schema: &Value) -> Vec<Value> {
    let (all, required) = (with_all_properties(schema), object(valid(schema)));
    let mut found = vec![all.clone().into(), required.clone().into()];
    for (name, property) in properties(schema) {
        for value in variants(property) {
            for mut object in [all.clone(), required.clone()] {
                object.insert(name.clone(), value.clone());
                found.push(object.into());
            }
        }
        let mut without = all.clone();
        without.remove(name);
        found.push(without.into());
    }
    let mut more = all;
    more.insert("unheard_of".to_owned(), json!(1));
    found.push(more.into());
    found
}

/// Returns a valid document with only the required properties.
fn valid(schema: &Value) -> Value {
    if let Some(known) = schema["enum"].get(0) {
        return known.clone();
    }
    if let Some(member) = members(schema).next() {
        return valid(member);
    }
    match schema["type"].as_str() {
        Some("string") if schema["pattern"].is_string() => ID.into(),
        Some("string") => "text".into(),
        Some("number") => json!(0.5),
        Some("boolean") => true.into(),
        Some("array") => json!([valid(&schema["items"])]),
        Some("object") => {
            let required = schema["required"].as_array().into_iter().flatten();
            let name = |name: &Value| name.as_str().unwrap().to_owned();
            required
                .map(name)
                .map(|name| {
                    let value = valid(&schema["properties"][&name]);
                    (name, value)
                })
                .collect::<Map<_, _>>()
                .into()
        }
        kind => panic!("unsupported type {kind:?}"),
    }
}

fn with_all_properties(schema: &Value) -> Map<String, Value> {
    properties(schema).map(|(name, schema)| (name.clone(), valid(schema))).collect()
}

fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema["properties"].as_object().into_iter().flatten()
}

fn object(value: Value) -> Map<String, Value> {
    let Value::Object(object) = value else { panic!("{value} is not an object") };
    object
}

/// Returns an object whose properties are valid, varied or missing at random.
fn mixture(schema: &Value, random: &mut fastrand::Rng) -> Value {
    let mut mixed = Map::new();
    for (name, property) in properties(schema) {
        match random.u8(..8) {
            0 => {}
            1 => {
                let variants = variants(property);
                mixed.insert(name.clone(), random.choice(variants).unwrap());
            }
            _ => drop(mixed.insert(name.clone(), valid(property))),
        }
    }
    if random.u8(..16) == 0 {
        mixed.insert("unheard_of".to_owned(), json!(null));
    }
    mixed.into()
}
