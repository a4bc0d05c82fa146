//! Amounts in JSON: decimal text, since a JavaScript number holds 2^53 exactly and no more.

use std::borrow::Cow;

use amplet_protocol::Msat;
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};

/// An amount as JSON has it. Written as decimal text; read from text or from a whole number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct MsatText(pub Msat);

impl Serialize for MsatText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0.get())
    }
}

impl<'de> Deserialize<'de> for MsatText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Amount;
        impl Visitor<'_> for Amount {
            type Value = MsatText;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an amount in msat as decimal text, as in \"150000\"")
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<MsatText, E> {
                Msat::new(number).map(MsatText).map_err(E::custom)
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<MsatText, E> {
                // `parse` would take a leading + as well.
                let digits = text.bytes().all(|byte| byte.is_ascii_digit());
                let number = text.parse().ok().filter(|_| digits);
                let number = number.ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))?;
                self.visit_u64(number)
            }
        }
        deserializer.deserialize_any(Amount)
    }
}

impl utoipa::PartialSchema for MsatText {
    fn schema() -> RefOr<Schema> {
        let schema: Object = ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some("^[0-9]{1,20}$"))
            .description(Some(
                "An amount in millisatoshi as decimal text: a JavaScript number would round it.",
            ))
            .examples(["150000"])
            .build();
        schema.into()
    }
}

impl ToSchema for MsatText {
    fn name() -> Cow<'static, str> {
        "Msat".into()
    }
}

impl From<Msat> for MsatText {
    fn from(amount: Msat) -> Self {
        Self(amount)
    }
}

impl From<MsatText> for Msat {
    fn from(text: MsatText) -> Self {
        text.0
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use amplet_protocol::MAX_MONEY_MSAT;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_amount_survives(amount in 0..=MAX_MONEY_MSAT) {
            let msat = MsatText(Msat::new(amount).unwrap());
            let text = serde_json::to_string(&msat).unwrap();
            prop_assert_eq!(&text, &format!("\"{amount}\""));
            prop_assert_eq!(serde_json::from_str::<MsatText>(&text).unwrap(), msat);
            prop_assert_eq!(serde_json::from_str::<MsatText>(&amount.to_string()).unwrap(), msat);
        }
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for wrong in [
            "\"\"",
            "\"-1\"",
            "\"+1\"",
            "\"1.5\"",
            "\"1e3\"",
            "-1",
            "1.5",
            "null",
            "\"18446744073709551616\"",
            "\"2100000000000000001\"",
            "2100000000000000001",
        ] {
            let error = serde_json::from_str::<MsatText>(wrong).unwrap_err().to_string();
            assert!(error.contains("msat") || wrong.starts_with('n'), "{wrong}: {error}");
        }
    }
}
