//! The levels of the diff against a validator: a change that is called compatible must have no value that the
//! sender's schema allows and the receiver's schema refuses. Almost every change that is called breaking has one.
//!
//! Values are judged as a tolerant reader does. The sender sends only properties that its schema declares and
//! that are sent in this direction. The receiver requires only those. Closed objects of responses are opened, and
//! patterns of responses and formats are not checked. `oneOf` is read as `anyOf`.
//!
//! `LONGER=10` judges ten times as many pairs, and others each time.

mod judge;
pub(super) mod schemas;
mod text;
mod translate;
mod values;

use proptest::{collection::vec, prelude::*, test_runner::TestRunner};
use serde_json::Value;

use self::judge::{Counts, Judged, Place};
use super::{config, longer};

/// Judges generated pairs of schemas at the places, and asserts the number of values and the proven share.
#[track_caller]
fn assert_levels(
    pairs: impl Strategy<Value = (Value, Value)>,
    places: &[Place],
    cases: u32,
    later: bool,
    (values, percent): (usize, usize),
) {
    let counts = Counts::default();
    let pairs = (pairs, vec(vec(0_usize..1_000, 1..24), 60));
    let result = TestRunner::new(config(cases)).run(&pairs, |((base, revision), choices)| {
        let (base, revision) = (&base, &revision);
        places
            .iter()
            .try_for_each(|place| Judged { base, revision, place: *place, later }.judge(&choices, &counts))
    });
    assert!(result.is_ok(), "{}", result.unwrap_err());
    println!("{counts:?}");
    let values = values * usize::try_from(longer()).unwrap();
    assert!(counts.values.get() > values, "{counts:?}");
    // The others break values that are hard to find, such as properties that no schema declares.
    assert!(counts.proven.get() * 100 >= counts.breaking.get() * percent, "{counts:?}");
}

#[test]
fn levels_of_json_bodies_agree_with_the_validator() {
    let places = [Place::RequestBody, Place::ResponseBody];
    assert_levels(schemas::pairs(schemas::schema()), &places, 800, false, (40_000, 80));
}

#[test]
fn levels_of_json_bodies_in_openapi_3_1_agree_with_the_validator() {
    let places = [Place::RequestBody, Place::ResponseBody];
    assert_levels(schemas::pairs(schemas::schema()), &places, 400, true, (21_000, 80));
}

#[test]
fn levels_of_unions_with_other_tags_agree_with_the_validator() {
    let places = [Place::RequestBody, Place::ResponseBody];
    assert_levels(schemas::retagged(), &places, 100, false, (2_000, 80));
}

#[test]
fn levels_of_parameters_and_headers_agree_with_the_validator() {
    let places = [Place::Query, Place::ResponseHeader];
    assert_levels(schemas::pairs(schemas::text_schema()), &places, 600, false, (33_000, 80));
}

#[test]
fn levels_of_forms_agree_with_the_validator() {
    let forms = schemas::object(schemas::text_schema());
    assert_levels(schemas::pairs(forms), &[Place::Form], 400, false, (6_000, 80));
}
