use std::ops::Bound::{Excluded, Included, Unbounded};

use super::*;
use crate::types::UnitInterval;

#[track_caller]
fn assert_out_of_bounds(value: f64, range: (Bound<f64>, Bound<f64>), expected: &str) {
    assert_eq!(f64::within(value.into(), range).unwrap_err().to_string(), expected);
}

#[test]
fn check_includes_bounds_unless_excluded() {
    for value in [0.0, 0.5, 1.0] {
        assert_eq!(f64::within(value.into(), (Included(0.0), Included(1.0))), Ok(value));
    }
    assert_eq!(f64::within(1e300.into(), (Excluded(0.0), Unbounded)), Ok(1e300));
    assert_out_of_bounds(0.0, (Excluded(0.0), Unbounded), "0 is out of range, expected above 0");
}

#[allow(
    clippy::pedantic,
    unreachable_pub,
    reason = "the lints that are off in generated code, where the macro is used"
)]
mod generated {
    use std::ops::Bound::{Included, Unbounded};

    bounded_number!(Width(i64), Included(1), Included(4096));
    bounded_number!(Seed(i64), Included(0), Unbounded);
}

use generated::{Seed, Width};

#[test]
fn integer_from_fraction_is_rejected() {
    assert_eq!(Width::try_from(7.0).unwrap().get(), 7);
    assert_eq!(Width::try_from(2.7).unwrap_err().to_string(), "2.7 is not a whole number");
    assert_eq!(serde_json::to_string(&Width::try_from(7.0).unwrap()).unwrap(), "7");
}

#[test]
fn integer_is_converted_from_every_common_integer_type() {
    let widths = [Width::try_from(7), Width::try_from(7_i64), Width::try_from(7_u32), Width::try_from(7_u64)];
    assert_eq!(widths.map(|width| width.unwrap().get()), [7; 4]);
    let widths = [Width::try_from(7_u8), Width::try_from(7_i16), Width::try_from("7 bytes".len())];
    assert_eq!(widths.map(|width| width.unwrap().get()), [7; 3]);
    // The type of the literal is inferred.
    let width = || -> Result<Width, Box<dyn std::error::Error>> { Ok(Width::try_from(7)?) };
    assert_eq!(width().unwrap().get(), 7);
    let too_large = "4097 is out of range, expected 1 to 4096";
    assert_eq!(Width::try_from(4097_i64).unwrap_err().to_string(), too_large);
    let too_large = "18446744073709551615 is out of range, expected 1 to 4096";
    assert_eq!(Width::try_from(u64::MAX).unwrap_err().to_string(), too_large);
}

#[test]
fn integer_beyond_the_precision_of_a_float_stays_exact() {
    // An f64 rounds it to 9007199254740992.
    const ODD: i64 = (1 << 53) + 1;
    assert_eq!(Seed::try_from(ODD).unwrap().get(), ODD);
    let seed: Seed = serde_json::from_str(&ODD.to_string()).unwrap();
    assert_eq!(serde_json::to_string(&seed).unwrap(), ODD.to_string());
    let seed: Seed = serde_json::from_str(&i64::MAX.to_string()).unwrap();
    assert_eq!(seed.get(), i64::MAX);
}

#[test]
fn number_beyond_the_integer_type_is_rejected() {
    let range = "expected 0 to 9223372036854775807";
    // The first f64 above i64::MAX, which a saturating cast would accept.
    let error = Seed::try_from(9_223_372_036_854_775_808.0).unwrap_err().to_string();
    assert!(error.ends_with(range), "{error}");
    let error = serde_json::from_str::<Seed>("9223372036854775808").unwrap_err().to_string();
    assert!(error.starts_with(&format!("9223372036854775808 is out of range, {range}")), "{error}");
    for value in [f64::NAN, f64::INFINITY, 1e300, -1e300] {
        let error = Seed::try_from(value).unwrap_err().to_string();
        assert!(error.ends_with(range), "{error}");
    }
}

#[test]
fn deserialised_number_of_any_json_form_is_checked() {
    let one = UnitInterval::try_from(1.0).unwrap();
    for text in ["1", "1.0", "1e0"] {
        assert_eq!(serde_json::from_str::<UnitInterval>(text).unwrap(), one);
        assert_eq!(serde_json::from_str::<Width>(text).unwrap().get(), 1);
    }
    for text in ["-1", "1.5", "true", "\"1\"", "null", "18446744073709551615"] {
        assert!(serde_json::from_str::<UnitInterval>(text).is_err(), "{text}");
        assert!(serde_json::from_str::<Width>(text).is_err(), "{text}");
    }
    assert_eq!(serde_json::from_value::<UnitInterval>(serde_json::json!(1)).unwrap(), one);
}

#[test]
fn message_names_value_and_limits() {
    assert_out_of_bounds(7.0, (Included(0.0), Included(1.0)), "7 is out of range, expected 0 to 1");
    assert_out_of_bounds(f64::NAN, (Included(0.0), Included(1.0)), "NaN is out of range, expected 0 to 1");
    assert_out_of_bounds(
        f64::INFINITY,
        (Unbounded, Included(2.0)),
        "inf is out of range, expected at most 2",
    );
    assert_out_of_bounds(
        0.0,
        (Included(1.0), Excluded(9.0)),
        "0 is out of range, expected at least 1 and below 9",
    );
    assert_out_of_bounds(f64::NAN, (Unbounded, Unbounded), "NaN is out of range, expected a number");
}
