//! A page's settings, which are stored beside the engine.

mod settings;

use amplet_transport::PeerAddress;
use wasm_bindgen::prelude::*;

use crate::convert::{from_js, thrown, to_js};

/// The stored `Settings`, or null.
///
/// # Errors
/// `corrupt`, `newerFormat`, `storage`.
#[wasm_bindgen(js_name = loadSettings)]
pub fn load_settings() -> Result<JsValue, JsValue> {
    let settings = settings::load().map_err(|error| thrown(&error))?;
    to_js(&settings)
}

/// Stores `Settings`.
///
/// # Errors
/// `invalidInput` naming the field, `storage`, `storageFull`.
#[wasm_bindgen(js_name = saveSettings)]
pub fn save_settings(settings: JsValue) -> Result<(), JsValue> {
    settings::save(from_js("settings", settings)?).map_err(|error| thrown(&error))
}

/// A gateway's address in its normal form.
///
/// # Errors
/// `invalidInput` naming the defect.
#[wasm_bindgen(js_name = checkGateway)]
pub fn check_gateway(address: &str) -> Result<String, JsValue> {
    settings::gateway_address(address)
        .map(|address: PeerAddress| address.to_string())
        .map_err(|error| thrown(&error))
}
