//! The tool cache: `~/.cache/amplet/<tool>-<version>/`, built once, whole or not at all.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::ui;

/// Present only in a folder whose content is complete.
const STAMP: &str = ".complete";

/// Folder of the tools that a machine lacks; outside the repository so that `cargo clean` and fresh
/// clones keep them.
#[derive(Clone)]
pub struct Cache {
    root: PathBuf,
}

/// Workplace of a tool's recipe: a scratch folder that survives an interrupted build, the folder to fill,
/// and a file for what its commands print.
pub struct Workshop {
    /// Kept until the tool is complete, so that an interrupted build continues where it was.
    pub work: PathBuf,
    /// Becomes the tool's folder.
    pub out: PathBuf,
    /// Log of the commands.
    pub log: PathBuf,
}

impl Cache {
    /// The cache in `AMPLET_CACHE`, else `XDG_CACHE_HOME/amplet`, else `~/.cache/amplet`.
    ///
    /// # Errors
    /// When none of these variables nor `HOME` is set, or the folder cannot be created.
    pub fn open() -> Result<Self> {
        let set = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        let root = set("AMPLET_CACHE")
            .or_else(|| set("XDG_CACHE_HOME").map(|d| d.join("amplet")))
            .or_else(|| set("HOME").map(|d| d.join(".cache/amplet")))
            .context("no place for the tool cache: set AMPLET_CACHE to a folder")?;
        Self::at(root)
    }

    /// A cache in the given folder.
    ///
    /// # Errors
    /// When the folder cannot be created.
    pub fn at(root: PathBuf) -> Result<Self> {
        std::fs::create_dir_all(&root).with_context(|| {
            format!("cannot create {}: set AMPLET_CACHE to a folder you own", root.display())
        })?;
        let root = root.canonicalize().with_context(|| format!("cannot resolve {}", root.display()))?;
        Ok(Self { root })
    }

    /// The folder of all tools.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of a tool, complete or not.
    #[must_use]
    pub fn dir(&self, name: &str, version: &str) -> PathBuf {
        self.root.join(format!("{name}-{version}"))
    }

    /// True if the tool is there, complete.
    #[must_use]
    pub fn has(&self, name: &str, version: &str) -> bool {
        self.dir(name, version).join(STAMP).is_file()
    }

    /// The tool's folder, filled by `recipe` if it is not there yet. Two runs at once do not build it
    /// twice: the second waits for the first.
    ///
    /// # Errors
    /// Those of the recipe, and of the file system.
    pub fn provide(
        &self,
        name: &str,
        version: &str,
        recipe: impl FnOnce(&Workshop) -> Result<()>,
    ) -> Result<PathBuf> {
        let dir = self.dir(name, version);
        if self.has(name, version) {
            return Ok(dir);
        }
        let _guard = self.guard(name)?;
        if self.has(name, version) {
            return Ok(dir);
        }
        let shop = Workshop {
            work: self.root.join("work").join(format!("{name}-{version}")),
            out: self.root.join("work").join(format!("{name}-{version}.out")),
            log: self.log(name),
        };
        remove(&shop.out)?;
        for folder in [&shop.work, &shop.out] {
            std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        }
        recipe(&shop)?;
        std::fs::write(shop.out.join(STAMP), version).context("cannot write the stamp")?;
        remove(&dir)?;
        std::fs::rename(&shop.out, &dir).with_context(|| format!("cannot move into {}", dir.display()))?;
        remove(&shop.work)?;
        Ok(dir)
    }

    /// File to which the commands of a step print.
    #[must_use]
    pub fn log(&self, name: &str) -> PathBuf {
        self.root.join("logs").join(format!("{name}.log"))
    }

    /// Holds a named lock, across processes, until the returned file is dropped.
    ///
    /// # Errors
    /// When the lock file cannot be opened or locked.
    pub fn guard(&self, name: &str) -> Result<File> {
        let path = self.root.join(format!(".{name}.lock"));
        let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => {
                ui::line(&format!("  {name}: another run is busy with it, waiting"))
            }
            Err(TryLockError::Error(e)) => bail!("cannot lock {}: {e}", path.display()),
        }
        file.lock().with_context(|| format!("cannot lock {}", path.display()))?;
        Ok(file)
    }
}

/// Removes a folder if it is there.
///
/// # Errors
/// When it is there and cannot be removed.
pub fn remove(dir: &Path) -> Result<()> {
    match std::fs::remove_dir_all(dir) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            Err(e).with_context(|| format!("cannot remove {}", dir.display()))
        }
        _ => Ok(()),
    }
}

/// Copies a folder with all that is in it.
///
/// # Errors
/// Names the file that cannot be read or written.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    for entry in std::fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy(&source, &target)?;
        } else {
            std::fs::copy(&source, &target).with_context(|| format!("cannot copy {}", source.display()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn scratch(name: &str) -> Cache {
        let dir = std::env::temp_dir().join(format!("xtask-cache-{name}-{}", std::process::id()));
        remove(&dir).unwrap();
        Cache::at(dir).unwrap()
    }

    #[test]
    fn a_tool_is_made_once() {
        let cache = scratch("once");
        let mut made = 0;
        for _ in 0..2 {
            let dir = cache
                .provide("tool", "1", |shop| {
                    made += 1;
                    Ok(std::fs::write(shop.out.join("bin"), "x")?)
                })
                .unwrap();
            assert!(dir.join("bin").is_file());
        }
        assert_eq!(made, 1);
        remove(cache.root()).unwrap();
    }

    #[test]
    fn a_failed_recipe_leaves_nothing_that_looks_complete_and_keeps_its_work() {
        let cache = scratch("failed");
        let failed = cache.provide("tool", "1", |shop| {
            std::fs::write(shop.work.join("half"), "x")?;
            std::fs::write(shop.out.join("bin"), "half")?;
            bail!("compiler missing")
        });
        assert!(failed.is_err() && !cache.has("tool", "1") && !cache.dir("tool", "1").exists());
        cache
            .provide("tool", "1", |shop| {
                assert!(shop.work.join("half").is_file() && !shop.out.join("bin").exists());
                Ok(())
            })
            .unwrap();
        assert!(cache.has("tool", "1"));
        remove(cache.root()).unwrap();
    }
}
