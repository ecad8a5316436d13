//! Values that are sent as text, where 1 is "1", and how a receiver may read them.

use serde_json::{Map, Value, json};

use crate::json::normalized;

/// The number of texts in one form. Each has up to two readings.
const MAX_TEXTS: usize = 6;

/// Returns the value with texts in the place of numbers and flags. Returns `None` if the encoding does not
/// determine how the value is sent: null, an empty list, or a list within a list.
///
/// A single value is sent as a list of one is, if `is_list`.
pub(super) fn sent(value: &Value, is_list: bool) -> Option<Value> {
    match value {
        Value::Bool(_) | Value::Number(_) => Some(json!(normalized(value))),
        Value::String(text) => Some(json!(text)),
        Value::Array(items) => {
            let scalar = |item: &Value| sent(item, false).filter(Value::is_string);
            let items: Vec<_> = items.iter().map(scalar).collect::<Option<_>>()?;
            match items.as_slice() {
                [] => None,
                [item] if is_list => Some(item.clone()),
                _ => Some(Value::from(items)),
            }
        }
        Value::Null | Value::Object(_) => None,
    }
}

/// Equivalent to [`sent`] for the fields of a form. Returns `None` for forms of many texts.
pub(super) fn sent_form(value: &Value) -> Option<Value> {
    let fields = value.as_object()?.iter().map(|(name, field)| Some((name.clone(), sent(field, false)?)));
    let fields = fields.collect::<Option<Map<_, _>>>()?;
    let texts: usize = fields.values().map(|field| field.as_array().map_or(1, Vec::len)).sum();
    (texts <= MAX_TEXTS).then_some(Value::Object(fields))
}

/// Returns all values that a receiver may read. A single text is also a list of one, if `is_list`.
pub(super) fn readings(sent: &Value, is_list: bool) -> Vec<Value> {
    let mut all = match sent {
        Value::String(text) => {
            let flag = text.parse::<bool>().ok().map(Value::Bool);
            let number = serde_json::from_str(text).ok().filter(Value::is_number);
            [Some(json!(text)), number, flag].into_iter().flatten().collect()
        }
        Value::Array(items) => {
            products(items.iter().map(|item| readings(item, false))).into_iter().map(Value::from).collect()
        }
        Value::Object(fields) => products(fields.values().map(|field| readings(field, false)))
            .into_iter()
            .map(|values| fields.keys().cloned().zip(values).collect())
            .collect(),
        other => vec![other.clone()],
    };
    if is_list && sent.is_string() {
        let lists: Vec<_> = all.iter().map(|value| json!([value])).collect();
        all.extend(lists);
    }
    all
}

/// Returns all lists with one value of each list of choices.
fn products(choices: impl Iterator<Item = Vec<Value>>) -> Vec<Vec<Value>> {
    choices.fold(vec![Vec::new()], |lists, values| {
        let longer = |list: &Vec<Value>| {
            let list = list.clone();
            values.clone().into_iter().map(move |value| [list.clone(), vec![value]].concat())
        };
        lists.iter().flat_map(longer).collect()
    })
}
