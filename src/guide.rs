// The pages of `docs/guide`. As files they lead to each other and to docs.rs; here, to the items themselves. For of two
// definitions of a link the first one counts: `guide/links.md` stands before each page, and rustdoc checks what it says.
#![doc = include_str!("guide/links.md")]
#![doc = include_str!("../docs/guide/README.md")]

#[doc = include_str!("guide/links.md")]
#[doc = include_str!("../docs/guide/first_speech.md")]
pub mod first_speech {}

#[doc = include_str!("guide/links.md")]
#[doc = include_str!("../docs/guide/waiting.md")]
pub mod waiting {}

#[doc = include_str!("guide/links.md")]
#[doc = include_str!("../docs/guide/batches.md")]
pub mod batches {}

#[doc = include_str!("guide/links.md")]
#[doc = include_str!("../docs/guide/long_texts.md")]
pub mod long_texts {}

#[doc = include_str!("guide/links.md")]
#[doc = include_str!("../docs/guide/errors.md")]
pub mod errors {}

#[doc = include_str!("guide/links.md")]
#[doc = include_str!("../docs/guide/testing.md")]
pub mod testing {}

#[doc = include_str!("guide/links.md")]
#[doc = include_str!("../docs/guide/tuning.md")]
pub mod tuning {}

#[doc = include_str!("guide/links.md")]
#[doc = include_str!("../docs/guide/refreshing.md")]
pub mod refreshing {}
