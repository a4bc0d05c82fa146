//! Bytes that keep something, as a guard, until nobody holds them or a part of them any more.

use bytes::Bytes;

struct Kept<G> {
    bytes: Bytes,
    _guard: G,
}

impl<G> AsRef<[u8]> for Kept<G> {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Ties a guard to bytes.
pub fn kept<G: Send + 'static>(bytes: Bytes, guard: G) -> Bytes {
    Bytes::from_owner(Kept { bytes, _guard: guard })
}
