//! Where header verification starts.

use bitcoin::block::Header;
use bitcoin::hash_types::FilterHeader;
use bitcoin::Work;

/// A block that is taken as given. Everything above it is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Its height: a multiple of 2016, so that its header is also the start of its difficulty period.
    pub height: u32,
    /// Its header.
    pub header: Header,
    /// Work of the chain up to and including it.
    pub work: Work,
    /// Its BIP 157 filter header.
    pub filter_header: FilterHeader,
}
