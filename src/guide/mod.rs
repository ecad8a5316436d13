//! A guide to this crate.
//!
//! Each module below is one page and takes five to fifteen minutes to read. Start with [`first_speech`]. Each page
//! ends with a link to the next page.
//!
//! The examples run as tests of this crate, against a simulator. In your program, `client` comes from
//! [`Client::from_env`](crate::Client::from_env).

// The pages are files of `docs/guide`, where they link to each other by file name. rustdoc needs module paths
// instead. Markdown uses the first definition of a link label, so `guide/links.md` comes before each page.

#[doc = include_str!("links.md")]
#[doc = include_str!("../../docs/guide/first_speech.md")]
pub mod first_speech {}

#[doc = include_str!("links.md")]
#[doc = include_str!("../../docs/guide/waiting.md")]
pub mod waiting {}

#[doc = include_str!("links.md")]
#[doc = include_str!("../../docs/guide/batches.md")]
pub mod batches {}

#[doc = include_str!("links.md")]
#[doc = include_str!("../../docs/guide/paying_once.md")]
pub mod paying_once {}

#[doc = include_str!("links.md")]
#[doc = include_str!("../../docs/guide/long_texts.md")]
pub mod long_texts {}

#[doc = include_str!("links.md")]
#[doc = include_str!("../../docs/guide/errors.md")]
pub mod errors {}

#[doc = include_str!("links.md")]
#[doc = include_str!("../../docs/guide/testing.md")]
pub mod testing {}

#[doc = include_str!("links.md")]
#[doc = include_str!("../../docs/guide/tuning.md")]
pub mod tuning {}

#[doc = include_str!("links.md")]
#[doc = include_str!("../../docs/guide/refreshing.md")]
pub mod refreshing {}
