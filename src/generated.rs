//! The typed client that progenitor generates from `openapi/distribute-ai.json` at build time.

#![allow(
    clippy::all,
    clippy::allow_attributes_without_reason,
    clippy::pedantic,
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    reason = "generated code is not edited; correct `build.rs` or the OpenAPI document instead"
)]
#![allow(
    unreachable_patterns,
    reason = "the generator puts the range 4XX before 404, which has the same body"
)]

include!(concat!(env!("OUT_DIR"), "/client.rs"));

#[cfg(feature = "schemars")]
mod schemas {
    include!(concat!(env!("OUT_DIR"), "/schemas.rs"));
}
