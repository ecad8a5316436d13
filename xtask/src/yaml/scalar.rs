//! The types of scalars, by the core schema of YAML 1.2.

use serde_json::{Number, Value};

/// The type that a tag such as `!!str` gives a scalar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ScalarTag {
    Text,
    Null,
    Bool,
    Int,
    Float,
}

impl ScalarTag {
    /// Returns the type of a full tag, or `None` if JSON lacks it.
    pub(super) fn of(tag: &str) -> Option<Self> {
        Some(match tag.strip_prefix("tag:yaml.org,2002:") {
            Some("str") => Self::Text,
            Some("null") => Self::Null,
            Some("bool") => Self::Bool,
            Some("int") => Self::Int,
            Some("float") => Self::Float,
            // The tag that says that the value is not a plain one.
            None if tag == "!" => Self::Text,
            _ => return None,
        })
    }

    fn accepts(self, value: &Value) -> bool {
        match self {
            Self::Text => value.is_string(),
            Self::Null => value.is_null(),
            Self::Bool => value.is_boolean(),
            Self::Int => value.as_f64().is_some_and(|number| number.fract() == 0.0),
            Self::Float => value.is_number(),
        }
    }
}

/// Returns the value of a scalar. Quoted and block scalars are strings, unless they have a tag.
///
/// # Errors
///
/// Returns a message if JSON lacks such a value, or if the value does not fit the tag.
pub(super) fn value(text: &str, is_plain: bool, tag: Option<ScalarTag>) -> Result<Value, String> {
    match tag {
        Some(ScalarTag::Text) => Ok(text.into()),
        None if !is_plain => Ok(text.into()),
        None => plain(text),
        Some(tag) => {
            let value = plain(text)?;
            if tag.accepts(&value) {
                return Ok(value);
            }
            Err(format!("expected a value of the type {tag:?}, which its tag names, found {text:?}"))
        }
    }
}

fn plain(text: &str) -> Result<Value, String> {
    Ok(match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => true.into(),
        "false" | "False" | "FALSE" => false.into(),
        text if is_not_finite(text) => {
            return Err(format!("expected a number that JSON can represent, found {text}"));
        }
        text => number(text)?.map_or_else(|| text.into(), Value::Number),
    })
}

fn is_not_finite(text: &str) -> bool {
    let infinity = text.strip_prefix(['-', '+']).unwrap_or(text);
    matches!(infinity, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN")
}

/// Returns the number that `serde_json` reads, or `None` if the text is not a number.
fn number(text: &str) -> Result<Option<Number>, String> {
    if let Some((digits, radix)) = radix(text) {
        let Ok(number) = u64::from_str_radix(digits, radix) else {
            return Err(format!("expected a number of at most {}, found {text}", u64::MAX));
        };
        return Ok(Some(number.into()));
    }
    let Some(json) = as_json(text) else { return Ok(None) };
    // Only a number that is too large can fail.
    json.parse().map(Some).map_err(|_| format!("expected a number of at most {:e}, found {text}", f64::MAX))
}

/// Returns the digits and the radix of an octal or hexadecimal number.
fn radix(text: &str) -> Option<(&str, u32)> {
    let octal = text.strip_prefix("0o").map(|digits| (digits, 8));
    let (digits, radix) = octal.or_else(|| text.strip_prefix("0x").map(|digits| (digits, 16)))?;
    let are_digits = !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix));
    are_digits.then_some((digits, radix))
}

/// Returns a decimal number as JSON writes it: without `+` and leading zeros, and with digits around the point.
fn as_json<'a>(text: &'a str) -> Option<String> {
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let is_number = are_digits(whole)
        && fraction.is_none_or(are_digits)
        && !(whole.is_empty() && fraction.unwrap_or_default().is_empty())
        && exponent.is_none_or(|exponent| {
            let digits = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
            !digits.is_empty() && are_digits(digits)
        });
    if !is_number {
        return None;
    }
    let or_zero = |digits: &'a str| if digits.is_empty() { "0" } else { digits };
    let sign = if text.starts_with('-') { "-" } else { "" };
    let (point, fraction) = fraction.map_or(("", ""), |digits| (".", or_zero(digits)));
    let (e, exponent) = exponent.map_or(("", ""), |exponent| ("e", exponent));
    Some([sign, or_zero(whole.trim_start_matches('0')), point, fraction, e, exponent].concat())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn plain_scalars_have_the_types_of_the_core_schema() {
        for (text, expected) in [
            ("", json!(null)),
            ("~", json!(null)),
            ("NULL", json!(null)),
            ("nULL", json!("nULL")),
            ("true", json!(true)),
            ("False", json!(false)),
            ("yes", json!("yes")),
            ("on", json!("on")),
            ("No", json!("No")),
            ("0o17", json!(15)),
            ("0xfF", json!(255)),
            ("0x", json!("0x")),
            ("017", json!(17)),
            ("-0", json!(-0.0)),
            ("+12", json!(12)),
            ("1.", json!(1.0)),
            (".5", json!(0.5)),
            ("-.5e-3", json!(-0.0005)),
            ("1e3", json!(1000.0)),
            (".", json!(".")),
            ("-", json!("-")),
            ("+.e1", json!("+.e1")),
            ("1_000", json!("1_000")),
            ("1:30", json!("1:30")),
            ("2020-01-31", json!("2020-01-31")),
            ("3.0.3", json!("3.0.3")),
            ("١", json!("١")),
        ] {
            assert_eq!(value(text, true, None), Ok(expected), "{text}");
        }
    }

    #[test]
    fn numbers_are_those_of_serde_json() {
        for text in [
            "18446744073709551615",
            "18446744073709551616",
            "-9223372036854775808",
            "-9223372036854775809",
            "123456789012345678901234567890",
            "0.1",
            "1.7976931348623157e308",
            "5e-324",
            "1e-400",
            "100000000000000000000000.5",
        ] {
            assert_eq!(value(text, true, None), Ok(serde_json::from_str(text).unwrap()), "{text}");
        }
    }

    #[test]
    fn number_that_json_cannot_represent_is_an_error() {
        for text in [".inf", "-.INF", "+.Inf", ".nan", "1e999", "0x10000000000000000"] {
            let error = value(text, true, None).unwrap_err();
            assert!(error.starts_with("expected a number ") && error.ends_with(text), "{error}");
            assert_eq!(value(text, false, None), Ok(text.into()));
        }
    }

    #[test]
    fn tag_determines_the_type() {
        let tagged = |tag: &str, text| value(text, false, ScalarTag::of(&format!("tag:yaml.org,2002:{tag}")));
        assert_eq!(tagged("str", "1"), Ok(json!("1")));
        assert_eq!(tagged("int", "1"), Ok(json!(1)));
        assert_eq!(tagged("float", "1"), Ok(json!(1)));
        assert!(tagged("int", "1.5").unwrap_err().contains("the type Int"));
        assert_eq!(value("1", true, ScalarTag::of("!")), Ok(json!("1")));
        assert_eq!(ScalarTag::of("tag:yaml.org,2002:binary"), None);
    }
}
