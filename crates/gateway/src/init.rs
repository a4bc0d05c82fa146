//! `amplet-gateway init`: a first configuration, a new seed and an admin token.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use bip39::Mnemonic;

use crate::cli::NetworkName;

/// The configuration with a comment for every key.
const EXAMPLE: &str = include_str!("gateway.example.toml");

/// Errors of `init`.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// A file is there already. Nothing was written.
    #[error("{} exists already, and nothing is overwritten; give another --dir, or move the file away if no money hangs on it", .0.display())]
    Exists(PathBuf),
    /// The system did not let it be written.
    #[error("{} cannot be written ({source}); check that the folder exists and is yours", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// No randomness, no seed.
    #[error("the system gave no randomness ({0}); nothing was written, try again")]
    Randomness(getrandom::Error),
    /// The library that makes words of randomness failed.
    #[error("the seed could not be made ({0}); nothing was written")]
    Seed(bip39::Error),
}

/// Writes `gateway.toml`, `seed` and `admin.token` into `dir` and returns what to do next.
///
/// # Errors
/// [`InitError`]. When one of the files exists, none is written.
pub fn run(dir: &Path, network: NetworkName) -> Result<String, InitError> {
    let config = dir.join("gateway.toml");
    let seed = dir.join("seed");
    let token = dir.join("admin.token");
    if let Some(there) = [&config, &seed, &token].into_iter().find(|path| path.symlink_metadata().is_ok()) {
        return Err(InitError::Exists(there.clone()));
    }
    let words = Mnemonic::from_entropy(&random()?).map_err(InitError::Seed)?;
    let bearer: String = random()?.iter().map(|byte| format!("{byte:02x}")).collect();
    make_dir(dir)?;
    write_new(&seed, &format!("{words}\n"))?;
    write_new(&token, &format!("{bearer}\n"))?;
    write_new(&config, &example(network))?;
    Ok(format!(
        "Written to {dir}:\n  gateway.toml  the configuration; set [bitcoind] in it\n  seed          the node's 24 words: copy them to paper, whoever reads them has the money\n  admin.token   the key to the admin API\nNext: amplet-gateway check --config {config}",
        dir = dir.display(),
        config = config.display(),
    ))
}

/// The commented configuration for a network.
fn example(network: NetworkName) -> String {
    // Bitcoin Core has a folder for each network but mainnet.
    let (name, rpc_port, cookie) = match network {
        NetworkName::Mainnet => ("mainnet", "8332", ".cookie"),
        NetworkName::Testnet4 => ("testnet4", "48332", "testnet4/.cookie"),
        NetworkName::Signet => ("signet", "38332", "signet/.cookie"),
        NetworkName::Regtest => ("regtest", "18443", "regtest/.cookie"),
    };
    EXAMPLE.replace("@NETWORK@", name).replace("@RPC_PORT@", rpc_port).replace("@COOKIE@", cookie)
}

fn random() -> Result<[u8; 32], InitError> {
    let mut bytes = [0; 32];
    getrandom::getrandom(&mut bytes).map_err(InitError::Randomness)?;
    Ok(bytes)
}

fn make_dir(dir: &Path) -> Result<(), InitError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir).map_err(|source| InitError::Write { path: dir.to_path_buf(), source })
}

/// Creates a file that only its owner reads, durably; refuses one that appeared meanwhile.
fn write_new(path: &Path, text: &str) -> Result<(), InitError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let write = || {
        let mut file = options.open(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    write().map_err(|source| match source.kind() {
        ErrorKind::AlreadyExists => InitError::Exists(path.to_path_buf()),
        _ => InitError::Write { path: path.to_path_buf(), source },
    })
}
