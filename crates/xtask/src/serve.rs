//! The web wallet's files over HTTP on loopback, with the configuration that a gateway or an operator would give it.

use std::path::{Component, Path, PathBuf};

use anyhow::{Result, bail};
use serde_json::{Value, json};

use crate::http::{self, Request, Response};

/// Serves the built page with `config.json` made of `config`; returns its URL.
///
/// # Errors
/// When the page is not built, or no port can be had.
pub fn www(folder: PathBuf, config: &Value) -> Result<String> {
    if !folder.join("index.html").is_file() {
        bail!("{} has no index.html: run `cargo xtask build` first", folder.display());
    }
    let config = config.clone();
    let address = http::serve(move |request| respond(&folder, &config, request))?;
    Ok(format!("http://{address}/"))
}

/// Settings that the page reads at its start: network and gateways, the first preferred.
#[must_use]
pub fn config(network: &Value) -> Value {
    let gateways = network.get("gateways").and_then(Value::as_array).into_iter().flatten();
    let gateways: Vec<Value> =
        gateways.map(|gateway| json!({ "address": gateway.get("address"), "trustZeroConf": true })).collect();
    json!({ "network": network.get("network"), "gateways": gateways })
}

fn respond(folder: &Path, config: &Value, request: &Request) -> Response {
    let mut response = if request.path == "/config.json" {
        Response::json(200, config)
    } else {
        match file(folder, &request.path).and_then(|path| Some((std::fs::read(&path).ok()?, path))) {
            Some((body, path)) => {
                Response { status: 200, fields: vec![("content-type", kind(&path).to_owned())], body }
            }
            None => Response::json(404, &json!({ "error": format!("no {}", request.path) })),
        }
    };
    response.fields.push(("cache-control", "no-cache".to_owned()));
    response.fields.push(("x-content-type-options", "nosniff".to_owned()));
    response
}

/// The file that a path names; never one outside of the folder.
fn file(folder: &Path, path: &str) -> Option<PathBuf> {
    let relative = Path::new(path.trim_start_matches('/'));
    let inside = relative.components().all(|part| matches!(part, Component::Normal(_)));
    let name = if path.ends_with('/') { relative.join("index.html") } else { relative.to_owned() };
    inside.then(|| folder.join(name))
}

fn kind(path: &Path) -> &'static str {
    match path.extension().and_then(|e| e.to_str()).unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "wasm" => "application/wasm",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_in_the_folder() {
        let folder = Path::new("/www");
        assert_eq!(file(folder, "/"), Some(PathBuf::from("/www/index.html")));
        assert_eq!(file(folder, "/assets/a.js"), Some(PathBuf::from("/www/assets/a.js")));
        for path in ["/../secret", "/a/../../secret", "//etc/../../x"] {
            assert_eq!(file(folder, path), None, "{path}");
        }
    }

    #[test]
    fn the_page_gets_the_gateways_in_order() {
        let network = json!({ "network": "regtest", "gateways": [{ "address": "a", "adminToken": "t" }, { "address": "b" }] });
        let expected = json!({ "network": "regtest", "gateways": [
            { "address": "a", "trustZeroConf": true }, { "address": "b", "trustZeroConf": true },
        ] });
        assert_eq!(config(&network), expected);
    }
}
