//! The listing of small crates.

use super::Api;
use crate::layers::parsed;

/// A crate whose module `api` is `text`.
#[track_caller]
fn assert_listing(lib: &str, api: &str, expected: &[&str]) {
    let sources = [parsed("lib.rs", lib), parsed("api.rs", api)];
    let lines: Vec<_> = Api::listing(sources.into()).into_iter().collect();
    assert_eq!(lines, expected, "{lib} {api}");
}

#[test]
fn surface_contains_only_exported_items() {
    let api = "pub struct Open { pub size: u8, secret: u8 }
        impl Open { pub fn size(&self) -> u8 { 0 } fn hidden() {} pub(crate) fn inner() {} }
        pub struct Closed;
        impl Closed { pub fn unreachable(&self) {} }
        impl Clone for Closed { fn clone(&self) -> Self { Closed } }
        #[doc(hidden)] pub struct Undocumented;
        #[cfg(test)] mod tests { impl super::Open { pub fn in_tests() {} } }";
    assert_listing(
        "mod api; pub use api::{Open, Undocumented}; #[doc(hidden)] pub use api::Closed;",
        api,
        &[
            "distribute_ai::Open [struct]",
            "distribute_ai::Open::size(&self) -> u8",
            "distribute_ai::Open::size: u8 [field]",
        ],
    );
    assert_listing("mod api;", api, &[]);
}

#[test]
fn surface_names_types_by_their_public_path() {
    assert_listing(
        "mod api; pub use api::Progress; pub mod other { pub struct Progress(pub u8); }
        pub fn first(of: &crate::other::Progress, mut to: Progress) -> Option<other::Progress> { None }",
        "use std::{fmt, io}; use bytes::Bytes; pub struct Progress;
        impl Progress { pub async fn read(mut self, from: Bytes) -> io::Result<crate::other::Progress> {} }
        impl fmt::Debug for Progress {} impl PartialEq<Progress> for str {} impl Drop for Progress {}",
        &[
            "distribute_ai::Progress [struct]",
            "distribute_ai::Progress: Debug",
            "distribute_ai::Progress::read(self, from: bytes::Bytes) -> io::Result<other::Progress> [async]",
            "distribute_ai::first(of: &other::Progress, to: Progress) -> Option<other::Progress>",
            "distribute_ai::other [mod]",
            "distribute_ai::other::Progress [struct]",
            "distribute_ai::other::Progress::0: u8 [field]",
            "str: PartialEq<Progress>",
        ],
    );
}

#[test]
fn surface_contains_traits_with_parameters_and_bounds() {
    assert_listing(
        "pub mod api;",
        "#[derive(Clone)] #[non_exhaustive] pub enum End<K: Send = u8> { Early, Late(K), Both { /** A key. */ first: K } }
        pub trait Ends: Send { type Key; fn end(&self) -> Self::Key; fn ends(&self) -> bool { true } }
        impl<K> Ends for End<K> where K: Clone { type Key = K; }
        impl Ends for &'static str { type Key = u8; }
        impl<K: Clone> TryFrom<K> for End<K> { type Error = std::io::Error; }
        type Both<K> = (K, End<K>);
        impl<K> End<K> { pub fn both<T>(self) -> Both<K> where T: Ends<Key = K> {} }",
        &[
            "&'static str: api::Ends<Key = u8>",
            "api::Both<K> = (K, api::End<K>) [private type]",
            "distribute_ai::api [mod]",
            "distribute_ai::api::End [enum <K: Send = u8>, non_exhaustive]",
            "distribute_ai::api::End::Both { first: K } [variant]",
            "distribute_ai::api::End::Early [variant]",
            "distribute_ai::api::End::Late(K) [variant]",
            "distribute_ai::api::End::both<T>(self) -> api::Both<K> where T: api::Ends<Key = K>",
            "distribute_ai::api::End<K>: Clone where K: Clone",
            "distribute_ai::api::End<K>: TryFrom<K, Error = io::Error> where K: Clone",
            "distribute_ai::api::End<K>: api::Ends<Key = K> where K: Clone",
            "distribute_ai::api::Ends: Send [trait]",
            "distribute_ai::api::Ends::Key [type]",
            "distribute_ai::api::Ends::end(&self) -> Self::Key [required]",
            "distribute_ai::api::Ends::ends(&self) -> bool [provided]",
        ],
    );
}

#[test]
fn surface_marks_features_once() {
    assert_listing(
        "#[cfg(feature = \"a\")] pub mod api; #[cfg(feature = \"b\")] pub use api::Tool;",
        "#[cfg(all(feature = \"a\", feature = \"c\"))] pub struct Wide;
        impl Wide { #[cfg(unix)] pub fn on_unix() {} pub fn anywhere() {} }
        pub struct Tool;
        #[cfg(feature = \"serde\")] impl serde::Serialize for Tool {}",
        &[
            "distribute_ai::Tool [struct, feature b]",
            "distribute_ai::Tool: serde::Serialize [feature a, feature serde]",
            "distribute_ai::api [mod, feature a]",
            "distribute_ai::api::Tool = distribute_ai::Tool [use]",
            "distribute_ai::api::Wide [struct, feature c]",
            "distribute_ai::api::Wide::anywhere()",
            "distribute_ai::api::Wide::on_unix() [cfg unix]",
        ],
    );
}

#[test]
fn surface_contains_items_of_macros() {
    assert_listing(
        "pub mod api; mod inner { pub(crate) struct Internal; }",
        "macro_rules! number {
            ($(#[$doc:meta])* $name:ident(f64)) => { $crate::number!($(#[$doc])* $name(f64), from u8 u16); };
            ($(#[$doc:meta])* $name:ident($of:ty), from $($source:ident)*) => {
                $(#[$doc])* pub struct $name($of);
                impl $name { pub const LOW: $of = 0.0; pub fn get(self) -> $of { self.0 } }
                impl From<crate::inner::Internal> for $name {}
                $(impl From<$source> for $name {})*
            };
        }
        number!(/** A unit. */ Unit(f64));
        macro_rules! forward {
            ($($(#[$meta:meta])* $kind:ident $name:ident($($arg:ident: $of:ty),*) $(-> $result:ty)?;)*) => {
                $(forward!(@$kind $(#[$meta])* $name($($arg: $of),*) $(-> $result)?);)*
            };
            (@set $(#[$meta:meta])* $name:ident($($arg:ident: $of:ty),*)) => {
                $(#[$meta])* pub fn $name(mut self, $($arg: $of),*) -> Self {}
            };
            (@get $(#[$meta:meta])* $name:ident() -> $result:ty) => {
                $(#[$meta])* pub fn $name(&self) -> $result {}
            };
        }
        impl Unit { forward! {
            /// Sets it.
            set size(size: impl Into<Option<u8>>, exact: bool);
            get id() -> &str;
            #[doc(hidden)]
            get internal() -> u8;
        } }",
        &[
            "distribute_ai::api [mod]",
            "distribute_ai::api::Unit [struct]",
            "distribute_ai::api::Unit: From<u16>",
            "distribute_ai::api::Unit: From<u8>",
            "distribute_ai::api::Unit::LOW: f64 [const]",
            "distribute_ai::api::Unit::get(self) -> f64",
            "distribute_ai::api::Unit::id(&self) -> &str",
            "distribute_ai::api::Unit::size(self, size: impl Into<Option<u8>>, exact: bool) -> Self",
        ],
    );
}
