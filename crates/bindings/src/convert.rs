//! Values and errors across the border.

#[cfg(any(feature = "engine", feature = "page"))]
use amplet_protocol::page::ErrorCode;
use amplet_protocol::page::WalletError;
use serde::Serialize;
#[cfg(any(feature = "engine", feature = "page"))]
use serde::de::DeserializeOwned;
use wasm_bindgen::{JsError, JsValue};

/// A value as the page's TypeScript types declare it: u64 as `bigint`, `None` as `null`, maps as objects.
pub(crate) fn to_js<T: Serialize + ?Sized>(value: &T) -> Result<JsValue, JsValue> {
    let serializer = serde_wasm_bindgen::Serializer::new()
        .serialize_large_number_types_as_bigints(true)
        .serialize_missing_as_null(true)
        .serialize_maps_as_objects(true);
    value.serialize(&serializer).map_err(|error| JsError::new(&error.to_string()).into())
}

/// A value that came from the page; `what` names it in the error.
#[cfg(any(feature = "engine", feature = "page"))]
pub(crate) fn from_js<T: DeserializeOwned>(what: &str, value: JsValue) -> Result<T, JsValue> {
    serde_wasm_bindgen::from_value(value).map_err(|error| {
        thrown(&WalletError::new(
            ErrorCode::InvalidInput,
            format!("{what} is not what it should be ({error}): correct it, see the types of the package"),
        ))
    })
}

/// A value that is tagged by one of its fields, as TypeScript's unions are, in serde's form: `{pay: {method: 'pay', ..}}` for
/// `{method: 'pay', ..}`, and the tag alone where there is nothing beside it.
#[cfg(feature = "engine")]
pub(crate) fn untagged(tag: &str, value: &JsValue) -> JsValue {
    let Some(object) = js_sys::Object::try_from(value) else { return value.clone() };
    let kind = js_sys::Reflect::get(object, &tag.into()).unwrap_or_default();
    if !kind.is_string() || js_sys::Object::keys(object).length() < 2 {
        return kind;
    }
    let wrapped = js_sys::Object::new();
    // A fresh object takes any property.
    let _ = js_sys::Reflect::set(&wrapped, &kind, object);
    wrapped.into()
}

/// An error as the page's TypeScript catches it: a plain object with `code`, `message` and `causes`.
pub(crate) fn thrown(error: &WalletError) -> JsValue {
    to_js(error).unwrap_or_else(|unserialisable| unserialisable)
}
