//! A BIP 157/158 light client over the block-dn HTTP API.
