//! The data folder: its lock, its database, and the note beside the seed that there is one.
//!
//! A folder on a disk that is not mounted is as empty as a new one. A node that began there anew would have the node id of the
//! old one and none of its channels, which its peers would close by force. The note tells the two apart.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use amplet_chain::{Chain, ChainError};
use amplet_node::NodeError;
use amplet_storage::kdf::{KdfParams, Kek};
use amplet_storage::{SealedStore, SharedBackend, SqliteBackend, Store, StoreError};
use amplet_transport::NativePlatform;
use bip39::Mnemonic;
use bitcoin::hashes::{Hash, HashEngine, Hmac, HmacEngine, sha256};
use bitcoin::hex::DisplayHex;
use tracing::{info, warn};

use super::NodeThreadError;
use crate::config::Config;

/// Separates the key of the store from everything else made of the same seed. Changing it makes stored data unreadable.
const STORE_KEY: &[u8] = b"amplet gateway store 1";
/// Separates what the note says of the seed.
const NOTE_KEY: &[u8] = b"amplet gateway used seed 1";
/// Bytes of that: enough to tell seeds apart, nothing to guess them by.
const NOTE_BYTES: usize = 8;

/// Opens the database of the data folder, or makes it, and takes the folder for this process.
///
/// # Errors
/// [`NodeThreadError`]: also when the seed had a database and it is not there, unless it `may_be_new`.
pub(super) async fn open(config: &Config, may_be_new: bool) -> Result<(SealedStore, File), NodeThreadError> {
    let file = database(config);
    let may_be_new = may_be_new || !is_used(config);
    let is_empty = std::fs::metadata(&file).map_or(true, |metadata| metadata.len() == 0);
    let gone = || NodeThreadError::DataGone { file: shown(&file), note: shown(&note(config)) };
    // Before anything is written where a disk should be.
    if is_empty && !may_be_new {
        return Err(gone());
    }
    let lock = lock(&config.data_dir)?;
    let store = store(config, &file, may_be_new).await.map_err(|error| explain(config, error))?;
    let store = store.ok_or_else(gone)?;
    if let Err(error) = write_note(config) {
        let note = shown(&note(config));
        warn!(%note, %error, "this note cannot be written; without it nobody notices a data folder that is not mounted");
    }
    Ok((store, lock))
}

/// Names what can be done about damaged data.
pub(super) fn explain(config: &Config, error: NodeThreadError) -> NodeThreadError {
    match error {
        NodeThreadError::Node(
            error @ (NodeError::Store(StoreError::Corrupt { .. })
            | NodeError::Corrupt { .. }
            | NodeError::Onchain(_)
            | NodeError::Ledger(_)),
        ) => NodeThreadError::Damaged { file: shown(&database(config)), error: Box::new(error) },
        NodeThreadError::Node(NodeError::Chain(error @ ChainError::OtherNetwork { .. })) => {
            NodeThreadError::OtherNetwork { file: shown(&database(config)), error }
        }
        other => other,
    }
}

/// Looks at the data folder as [`open`] would find it, and reads all that is in the database; takes nothing and changes nothing.
/// Returns the height of the block that a stored node reads next, if there is one.
///
/// # Errors
/// [`NodeThreadError`].
pub fn check(config: &Config) -> Result<Option<u32>, NodeThreadError> {
    let dir = &config.data_dir;
    let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let writable = if dir.is_dir() { dir } else { parent };
    let wrong = |source| NodeThreadError::DataDir { place: shown(writable), source };
    let trial = writable.join(format!(".amplet-check-{}", std::process::id()));
    File::create_new(&trial).and_then(|_| std::fs::remove_file(&trial)).map_err(wrong)?;
    let file = database(config);
    if std::fs::metadata(&file).map_or(true, |metadata| metadata.len() == 0) {
        if is_used(config) {
            return Err(NodeThreadError::DataGone { file: shown(&file), note: shown(&note(config)) });
        }
        return Ok(None);
    }
    // SQLite opens a file for writing or not at all.
    OpenOptions::new().append(true).open(&file).map_err(wrong)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let read = runtime.map_err(NodeThreadError::Thread)?.block_on(read_all(config, &file));
    read.map_err(|error| explain(config, error))
}

async fn read_all(config: &Config, file: &Path) -> Result<Option<u32>, NodeThreadError> {
    let backend: SharedBackend = Rc::new(SqliteBackend::open(file)?);
    if SealedStore::key_sources(&backend).await?.is_none() {
        return Ok(None);
    }
    let kek = Kek::from_bytes(keyed(STORE_KEY, &config.seed.0));
    let store = SealedStore::view(backend, &kek).await.map_err(|error| other_seed(error, file))?;
    for name in store.list("").await? {
        store.get(&name).await?;
    }
    let platform = NativePlatform::new().map_err(|error| NodeThreadError::Tls(error.to_string()))?;
    // It is not asked.
    let nobody = vec!["http://127.0.0.1".to_owned()];
    let chain = Chain::open(Rc::new(platform), config.network, nobody, &store, None).await;
    Ok(Some(chain.map_err(NodeError::Chain)?.tip().height.saturating_add(1)))
}

fn other_seed(error: StoreError, file: &Path) -> NodeThreadError {
    match error {
        StoreError::WrongPassphrase => NodeThreadError::OtherSeed(shown(file)),
        other => other.into(),
    }
}

fn database(config: &Config) -> PathBuf {
    config.data_dir.join("node.sqlite")
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// Makes the data folder and takes it for this process.
fn lock(dir: &Path) -> Result<File, NodeThreadError> {
    let wrong = |source| NodeThreadError::DataDir { place: shown(dir), source };
    if !dir.is_dir() {
        let mut builder = DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(dir).map_err(wrong)?;
    }
    let file = OpenOptions::new().create(true).append(true).open(dir.join("lock")).map_err(wrong)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(NodeThreadError::InUse(shown(dir))),
        Err(TryLockError::Error(source)) => Err(wrong(source)),
    }
}

/// `None`: there is no wallet in the file, and none is to be made.
async fn store(
    config: &Config,
    file: &Path,
    may_be_new: bool,
) -> Result<Option<SealedStore>, NodeThreadError> {
    let backend: SharedBackend = Rc::new(SqliteBackend::open(file)?);
    let kek = Kek::from_bytes(keyed(STORE_KEY, &config.seed.0));
    if SealedStore::key_sources(&backend).await?.is_none() {
        if !may_be_new {
            return Ok(None);
        }
        info!(file = %file.display(), "a new database is made");
        return Ok(Some(SealedStore::create(backend, &KdfParams::external_key(), kek).await?));
    }
    SealedStore::open(backend, kek).await.map(Some).map_err(|error| other_seed(error, file))
}

/// HMAC-SHA256 of the seed (BIP 39, no passphrase). The seed is strong already, so nothing slow is needed.
fn keyed(key: &[u8], mnemonic: &Mnemonic) -> [u8; 32] {
    let mut engine = HmacEngine::<sha256::Hash>::new(key);
    engine.input(&mnemonic.to_seed_normalized(""));
    Hmac::<sha256::Hash>::from_engine(engine).to_byte_array()
}

/// The note, beside the seed.
fn note(config: &Config) -> PathBuf {
    let mut path = config.seed_file.clone().into_os_string();
    path.push(".used");
    path.into()
}

/// The note's word for the seed.
fn word(config: &Config) -> String {
    let hash = keyed(NOTE_KEY, &config.seed.0);
    hash.get(..NOTE_BYTES).unwrap_or_default().to_lower_hex_string()
}

/// Returns whether the note says that this seed had a database. A note of another seed says nothing.
fn is_used(config: &Config) -> bool {
    let text = std::fs::read_to_string(note(config)).unwrap_or_default();
    text.split_whitespace().any(|found| found == word(config))
}

fn write_note(config: &Config) -> std::io::Result<()> {
    if is_used(config) {
        return Ok(());
    }
    let text = format!(
        "{}\nThe seed beside this file has been used with a database. Where that is missing, the gateway does not start: see its README.\n",
        word(config)
    );
    let mut file = File::create(note(config))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
