//! The files and folders that a configuration names.

use std::path::Path;

use bip39::{Language, Mnemonic};

use super::{Secret, Seed};

/// Largest seed or token file, in bytes.
const MAX_SECRET: u64 = 4096;

/// Shortest admin token, in characters.
const MIN_TOKEN: usize = 32;

/// Defect of a file, with the remedy.
pub(super) struct Wrong {
    pub(super) what: String,
    pub(super) remedy: String,
}

impl Wrong {
    fn new(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { what: what.into(), remedy: remedy.into() }
    }
}

/// The data folder is there, or can be made by making one folder.
pub(super) fn check_data_dir(dir: &Path) -> Result<(), Wrong> {
    if dir.is_dir() {
        return Ok(());
    }
    if dir.exists() {
        return Err(Wrong::new(
            format!("{} is not a folder", dir.display()),
            "give a folder, or move the file",
        ));
    }
    let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if parent.is_dir() {
        return Ok(());
    }
    let remedy = format!("make it first: mkdir -p {}", parent.display());
    Err(Wrong::new(format!("the folder {} does not exist", parent.display()), remedy))
}

/// The folder of the web wallet holds one.
pub(super) fn check_www(dir: &Path) -> Result<(), Wrong> {
    if dir.join("index.html").is_file() {
        return Ok(());
    }
    Err(Wrong::new(
        format!("there is no index.html in {}", dir.display()),
        "give the folder of the built web wallet (www/dist), or leave the key out",
    ))
}

/// Who may read files with secrets. Nobody but their owner and group may ever change them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Readers {
    /// The owner, and its group: services often get their secrets as root:service 0640.
    Own,
    /// Anybody on this machine: in a container, whose secrets are mounted so, that is the gateway.
    Anybody,
}

/// Reads the mnemonic (BIP 39, English, 12 or 24 words, any white space between them).
pub(super) fn read_seed(file: &Path, readers: Readers) -> Result<Seed, Wrong> {
    let remedy = "`amplet-gateway init` makes a new one; if this gateway had money, restore its words from your backup";
    let text = read_secret(file, readers, remedy)?;
    let words = text.split_whitespace().count();
    if words != 12 && words != 24 {
        return Err(Wrong::new(
            format!("{} holds {words} words", file.display()),
            "a seed has 12 or 24; restore it from your backup",
        ));
    }
    Mnemonic::parse_in(Language::English, text.to_lowercase()).map(Seed).map_err(|error| {
        let what = match error {
            bip39::Error::UnknownWord(index) => {
                format!("word {} in {} is not in the BIP 39 list", index.saturating_add(1), file.display())
            }
            bip39::Error::InvalidChecksum => {
                format!("the words in {} do not belong together (checksum)", file.display())
            }
            other => format!("{}: {other}", file.display()),
        };
        Wrong::new(what, "compare the words and their order with your backup")
    })
}

/// Reads the admin token: at least 32 printable characters without spaces.
pub(super) fn read_token(file: &Path, readers: Readers) -> Result<Secret, Wrong> {
    let remedy = "`amplet-gateway init` writes one, or: openssl rand -hex 32";
    let text = read_secret(file, readers, remedy)?;
    if text.len() < MIN_TOKEN || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Wrong::new(
            format!("the token in {} is not {MIN_TOKEN} or more printable characters", file.display()),
            remedy,
        ));
    }
    Ok(Secret::new(text))
}

/// A configuration that holds a password is for the gateway alone, as its seed is.
pub(super) fn check_private(file: &Path, readers: Readers) -> Result<(), Wrong> {
    std::fs::metadata(file).map_or(Ok(()), |metadata| refuse_open(file, readers, &metadata))
}

/// Reads a short text file that strangers cannot read; white space around it is taken off.
fn read_secret(file: &Path, readers: Readers, remedy: &str) -> Result<String, Wrong> {
    let show = file.display();
    let unreadable = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::PermissionDenied => Wrong::new(
            format!("{show} is there, and this user may not read it"),
            format!("run the gateway as the file's owner, or give the file to its user: chown USER {show}"),
        ),
        _ => Wrong::new(format!("{show} cannot be read ({error})"), remedy),
    };
    let metadata = std::fs::metadata(file).map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(Wrong::new(format!("{show} is not a file"), remedy));
    }
    if metadata.len() > MAX_SECRET {
        return Err(Wrong::new(format!("{show} is larger than {MAX_SECRET} bytes"), "check the path"));
    }
    refuse_open(file, readers, &metadata)?;
    let text = std::fs::read_to_string(file).map_err(unreadable)?;
    Ok(text.trim().to_owned())
}

#[cfg(unix)]
fn refuse_open(file: &Path, readers: Readers, metadata: &std::fs::Metadata) -> Result<(), Wrong> {
    use std::os::unix::fs::PermissionsExt;
    let mode = metadata.permissions().mode();
    if mode & 0o022 == 0 && (mode & 0o007 == 0 || readers == Readers::Anybody) {
        return Ok(());
    }
    let show = file.display();
    Err(match mode & 0o022 {
        0 => Wrong::new(
            format!("{show} can be read by others"),
            format!(
                "run: chmod 600 {show}; a container's secrets, which are mounted so, need secrets_readable = true"
            ),
        ),
        _ => Wrong::new(format!("{show} can be read or changed by others"), format!("run: chmod 600 {show}")),
    })
}

#[cfg(not(unix))]
fn refuse_open(_: &Path, _: Readers, _: &std::fs::Metadata) -> Result<(), Wrong> {
    Ok(())
}
