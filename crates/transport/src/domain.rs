//! Domains with letters beyond ASCII, by a browser's own tables or by ours, which are 57 kB of what a page would load.

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use amplet_instructions::ascii_domain;

/// [`crate::Platform::ascii_domain`].
#[cfg(target_arch = "wasm32")]
pub(crate) fn ascii_domain(domain: &str) -> Option<String> {
    Some(web_sys::Url::new(&format!("https://{domain}")).ok()?.hostname())
}
