//! Rust types that a page sees as one of TypeScript's own.

/// Implements `ts_rs::TS` for a type that is `$shown` in TypeScript.
macro_rules! shown_as {
    ($name:ident, $shown:literal) => {
        #[cfg(feature = "ts")]
        impl ts_rs::TS for $name {
            type WithoutGenerics = Self;
            type OptionInnerType = Self;
            fn name() -> String {
                String::from($shown)
            }
            fn inline() -> String {
                Self::name()
            }
            fn inline_flattened() -> String {
                Self::name()
            }
            fn decl() -> String {
                String::new()
            }
            fn decl_concrete() -> String {
                String::new()
            }
        }
    };
}

pub(crate) use shown_as;
