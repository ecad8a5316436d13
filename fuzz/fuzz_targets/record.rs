//! Fuzzes the records of a store: what is read, written and changed keeps task ids and doubts.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = distribute_ai::fuzzing::check_record(data);
});
