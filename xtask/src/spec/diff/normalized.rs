//! One spelling for values that say the same.

use serde_json::{Number, Value};

use crate::json::sorted;

/// The value with its keys sorted and 1.0 written as 1: equal texts mean equal values.
pub(super) fn normalized(value: &Value) -> String {
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
        Value::Number(number) => {
            whole_number(number).map_or_else(|| number.to_string(), |whole| whole.to_string())
        }
        scalar => scalar.to_string(),
    }
}

/// The number as an integer, if it is one however it is written.
#[expect(clippy::cast_possible_truncation, reason = "whole, and within the range of exact floats")]
fn whole_number(number: &Number) -> Option<i64> {
    /// Up to here every integer is a float of its own: 2⁵³.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let float = || number.as_f64().filter(|n| n.fract() == 0.0 && n.abs() <= EXACT);
    number.as_i64().or_else(|| float().map(|n| n as i64))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_is_one_point_zero_and_key_order_is_nothing() {
        let (a, b) = (json!({"b": [1.0, -0.0], "a": "x"}), json!({"a": "x", "b": [1, 0]}));
        assert_eq!(normalized(&a), normalized(&b));
        assert_ne!(normalized(&json!(1)), normalized(&json!("1")));
        assert_ne!(normalized(&json!(1.5)), normalized(&json!(1)));
        assert_eq!(normalized(&json!(18_446_744_073_709_551_615_u64)), "18446744073709551615");
    }
}
