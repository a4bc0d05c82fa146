//! What a text is read for.

use alloc::string::String;

use amplet_protocol::page::Network;

/// The wallet that a text is read for.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    /// Its network.
    pub network: Network,
    /// Maps a domain with letters beyond ASCII to the name that DNS has for it (UTS #46); `None`: there is none.
    /// [`crate::ascii_domain`] does, by tables that a browser has anyway.
    pub to_ascii: &'a dyn Fn(&str) -> Option<String>,
}
