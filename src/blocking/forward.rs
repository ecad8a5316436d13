//! Forwards methods that neither wait nor send to the async type.

/// Defines methods that call the method of the same name on the field `inner`, and link its documentation.
///
/// `set` defines a setter of a builder, `get` a method that takes `&self`. The first argument is the path of the async
/// type. Because the names are the same, an async method that is renamed without its counterpart does not compile.
macro_rules! forward {
    (
        $type:literal;
        $($(#[$meta:meta])* $kind:ident $method:ident($($arg:ident: $of:ty),*) $(-> $result:ty)?;)*
    ) => {
        $(forward!(@$kind $type $(#[$meta])* $method($($arg: $of),*) $(-> $result)?);)*
    };
    (@set $type:literal $(#[$meta:meta])* $method:ident($($arg:ident: $of:ty),*)) => {
        $(#[$meta])*
        #[doc = concat!("\nSee [`", $type, "::", stringify!($method), "`].")]
        pub fn $method(mut self, $($arg: $of),*) -> Self {
            self.inner = self.inner.$method($($arg),*);
            self
        }
    };
    (@get $type:literal $(#[$meta:meta])* $method:ident($($arg:ident: $of:ty),*) -> $result:ty) => {
        $(#[$meta])*
        #[doc = concat!("\nSee [`", $type, "::", stringify!($method), "`].")]
        #[must_use]
        pub fn $method(&self, $($arg: $of),*) -> $result {
            self.inner.$method($($arg),*)
        }
    };
    (@get $type:literal $(#[$meta:meta])* $method:ident($($arg:ident: $of:ty),*)) => {
        $(#[$meta])*
        #[doc = concat!("\nSee [`", $type, "::", stringify!($method), "`].")]
        pub fn $method(&self, $($arg: $of),*) {
            self.inner.$method($($arg),*);
        }
    };
}

pub(super) use forward;
