//! Writes the fixture of the current format into a folder: `cargo run -p amplet-storage --example fixture -- <folder>`.
//!
//! Run once when a format is released, and commit what it wrote; later releases have to read it unchanged.

use amplet_storage::kdf::{KdfParams, Kek, derive};
use amplet_storage::{Batch, KeySource, SealedStore, SharedBackend, SqliteBackend, Store};
use std::fmt::Write;
use std::path::Path;
use std::rc::Rc;

const PASSPHRASE: &str = "caf\u{e9} au lait";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args_os().nth(1).ok_or("name the folder to write into")?;
    let folder = Path::new(&folder);
    let backend: SharedBackend = Rc::new(SqliteBackend::open(folder.join("format-2.sqlite"))?);
    let params = KdfParams::argon2id(64, 2, 2, *b"a salt, 16 bytes")?;
    futures::executor::block_on(async {
        let store = SealedStore::create(backend.clone(), &params, derive(PASSPHRASE, &params)?).await?;
        let passkey = KeySource::Passkey(b"the page's own words".to_vec());
        store.put_key(passkey, Kek::from_bytes([42; 32])).await?;
        let mut batch = Batch::new();
        batch.put("ldk/manager", (0..=255).collect());
        batch.put("wallet/empty", Vec::new());
        batch.put("支払い/⚡", b"unicode".to_vec());
        batch.put("removed", b"soon".to_vec());
        store.commit(batch).await?.durable().await?;
        let mut batch = Batch::new();
        batch.remove("removed");
        store.commit(batch).await?.durable().await?;
        let mut lines = String::new();
        let mut names = backend.names().await?;
        names.sort();
        for name in names {
            let value = backend.read(&name).await?.ok_or("a listed name has no value")?;
            writeln!(lines, "{} {}", hex(&name), hex(&value))?;
        }
        std::fs::write(folder.join("format-2.txt"), lines)?;
        store.close().await;
        Ok(())
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}
