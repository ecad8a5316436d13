//! One text for equal values.

use serde_json::{Number, Value};

use super::sorted;

/// Returns the value as text with sorted keys and normalized numbers.
///
/// The texts of two values are equal exactly if [`equivalent`](super::equivalent) returns `true` for the
/// values.
pub(crate) fn normalized(value: &Value) -> String {
    match value {
        Value::Object(object) => {
            let members = sorted(object).into_iter();
            let members =
                members.map(|(key, value)| format!("{}:{}", Value::from(key.as_str()), normalized(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => {
            format!("[{}]", items.iter().map(normalized).collect::<Vec<_>>().join(","))
        }
        Value::Number(number) => normalized_number(number).to_string(),
        scalar => scalar.to_string(),
    }
}

/// Returns the number as an integer if its value is an integer within the range of `i64` or `u64`. Returns
/// any other number unchanged.
///
/// The conversion is exact: 1.0 becomes 1, and 2⁶⁴, which is not a `u64`, stays a float. Two numbers have the
/// same value exactly if their normalized numbers are equal.
#[expect(clippy::cast_possible_truncation, reason = "`from_i128` rejects what the cast saturates")]
pub(crate) fn normalized_number(number: &Number) -> Number {
    let whole = number.as_f64().filter(|float| number.is_f64() && float.fract() == 0.0);
    whole.and_then(|float| Number::from_i128(float as i128)).unwrap_or_else(|| number.clone())
}

#[cfg(test)]
mod tests;
