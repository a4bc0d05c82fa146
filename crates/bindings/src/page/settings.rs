//! A page's settings in localStorage.

use amplet_protocol::page::{ErrorCode, Gateway, Network, WalletError};
use amplet_transport::{PeerAddress, Scheme};
use gloo_storage::{LocalStorage, Storage};
use js_sys::JSON;
use serde::{Deserialize, Serialize};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::Storage as RawStorage;

use crate::convert::to_js;

const KEY: &str = "amplet/settings";

/// Format of the stored settings; raised when a field changes its meaning.
const VERSION: u32 = 1;

const MAX_GATEWAYS: usize = 16;
const MAX_URL: usize = 2_048;

/// Maximum auto-lock time, in minutes: a day.
const MAX_AUTO_LOCK: u32 = 24 * 60;

/// The display of amounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Unit {
    Sat,
    Btc,
}

/// Settings that a page needs before the engine runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Settings {
    pub network: Network,
    pub gateways: Vec<Gateway>,
    pub chain_sources: Vec<String>,
    pub unit: Unit,
    pub language: Option<String>,
    pub auto_lock_minutes: u32,
}

#[derive(Serialize, Deserialize)]
struct Versioned {
    version: u32,
}

#[derive(Serialize, Deserialize)]
struct StoredSettings {
    version: u32,
    settings: Settings,
}

/// The stored settings, if there are any.
pub(super) fn load() -> Result<Option<Settings>, WalletError> {
    let Some(text) = storage()?.get_item(KEY).map_err(|error| damaged(&error))? else { return Ok(None) };
    // The browser's own JSON: Rust's, with its tables for numbers, would be a quarter of this wasm.
    let value = JSON::parse(&text).map_err(|error| damaged(&error))?;
    let Versioned { version } =
        serde_wasm_bindgen::from_value(value.clone()).map_err(|e| damaged(&e.into()))?;
    if version > VERSION {
        let message = format!(
            "the settings have format {version}, this release knows {VERSION}: update, or set them again"
        );
        return Err(WalletError::new(ErrorCode::NewerFormat, message));
    }
    let StoredSettings { settings, .. } =
        serde_wasm_bindgen::from_value(value).map_err(|e| damaged(&e.into()))?;
    check(&settings).map_err(|error| WalletError { code: ErrorCode::Corrupt, ..error })?;
    Ok(Some(settings))
}

/// Stores the settings, if they are valid.
pub(super) fn save(settings: Settings) -> Result<(), WalletError> {
    check(&settings)?;
    let storage = storage()?;
    let stored =
        to_js(&StoredSettings { version: VERSION, settings }).and_then(|value| JSON::stringify(&value));
    let text = stored.map(String::from).map_err(|error| unsaved(&error))?;
    storage.set_item(KEY, &text).map_err(|error| unsaved(&error))
}

/// A gateway's address, which a browser can reach.
pub(super) fn gateway_address(address: &str) -> Result<PeerAddress, WalletError> {
    let parsed: PeerAddress = address.parse().map_err(|error: amplet_transport::AddressError| {
        WalletError::new(ErrorCode::InvalidInput, error.to_string())
    })?;
    if parsed.endpoint.scheme() == Scheme::Tcp {
        let message = "a browser has no TCP: use the gateway's wss:// address";
        return Err(WalletError::new(ErrorCode::InvalidInput, message));
    }
    Ok(parsed)
}

fn check(settings: &Settings) -> Result<(), WalletError> {
    let refuse = |message: String| Err(WalletError::new(ErrorCode::InvalidInput, message));
    if settings.gateways.len() > MAX_GATEWAYS || settings.chain_sources.len() > MAX_GATEWAYS {
        return refuse(format!(
            "at most {MAX_GATEWAYS} gateways and as many chain sources are kept: remove some"
        ));
    }
    for gateway in &settings.gateways {
        gateway_address(&gateway.address)?;
    }
    let urls = settings.gateways.iter().filter_map(|gateway| gateway.chain_url.as_ref());
    for url in urls.chain(&settings.chain_sources) {
        let http = url.starts_with("https://") || url.starts_with("http://");
        if !http || url.len() > MAX_URL {
            let shown: String = url.chars().take(100).collect();
            return refuse(format!(
                "{shown:?} is not a chain source: give its https:// (or http://) address"
            ));
        }
    }
    if settings.language.as_ref().is_some_and(|tag| tag.is_empty() || tag.len() > 35) {
        return refuse("the language is a BCP 47 tag such as \"en\", or null for the browser's".to_owned());
    }
    if settings.auto_lock_minutes > MAX_AUTO_LOCK {
        return refuse(format!("the auto-lock time is at most {MAX_AUTO_LOCK} minutes (0: never)"));
    }
    Ok(())
}

/// localStorage. gloo-storage throws an uncaught exception where the browser withholds it, so that is checked before.
fn storage() -> Result<RawStorage, WalletError> {
    let storage = js_sys::Reflect::get(&js_sys::global(), &JsValue::from_str("localStorage"));
    if storage.is_ok_and(|storage| storage.is_object()) {
        return Ok(LocalStorage::raw());
    }
    let message = "the browser keeps no data for this site: allow its cookies and site data, then reload";
    Err(WalletError::new(ErrorCode::Storage, message))
}

fn damaged(error: &JsValue) -> WalletError {
    because(ErrorCode::Corrupt, "the stored settings are damaged: set them again", error)
}

fn unsaved(error: &JsValue) -> WalletError {
    let error: &js_sys::Error = error.unchecked_ref();
    if error.name() == "QuotaExceededError" {
        let message = "no room to save the settings: remove other data of this site, then try again";
        return because(ErrorCode::StorageFull, message, error);
    }
    because(ErrorCode::Storage, "the settings could not be saved: try again", error)
}

fn because(code: ErrorCode, message: &str, error: &JsValue) -> WalletError {
    let error: &js_sys::Error = error.unchecked_ref();
    WalletError { causes: vec![String::from(error.message())], ..WalletError::new(code, message) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn settings() -> Settings {
        let address = format!("02{}@wss://gateway.example/lightning/v1", "ab".repeat(32));
        Settings {
            network: Network::Signet,
            gateways: vec![Gateway { address, chain_url: None, trust_zero_conf: false }],
            chain_sources: vec!["https://blocks.example".into()],
            unit: Unit::Sat,
            language: Some("de".into()),
            auto_lock_minutes: 10,
        }
    }

    #[test]
    fn good_settings_pass() {
        assert_eq!(check(&settings()), Ok(()));
    }

    #[test]
    fn each_bad_field_is_refused() {
        let spoil: [fn(&mut Settings); 6] = [
            |s| s.gateways.first_mut().unwrap().address = "wss://gateway.example".into(),
            |s| {
                s.gateways.first_mut().unwrap().address =
                    format!("02{}@tcp://gateway.example:9735", "ab".repeat(32))
            },
            |s| s.gateways.first_mut().unwrap().chain_url = Some("javascript:alert(1)".into()),
            |s| s.chain_sources = vec!["https://x".into(); MAX_GATEWAYS + 1],
            |s| s.language = Some(String::new()),
            |s| s.auto_lock_minutes = MAX_AUTO_LOCK + 1,
        ];
        for (index, spoil) in spoil.into_iter().enumerate() {
            let mut bad = settings();
            spoil(&mut bad);
            assert_eq!(check(&bad).map_err(|error| error.code), Err(ErrorCode::InvalidInput), "case {index}");
        }
    }
}
