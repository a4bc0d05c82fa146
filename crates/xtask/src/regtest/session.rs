//! A network brought up for a command: its programs got and built, its control API and page served, its addresses
//! written where a child process finds them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context, Result};
use serde_json::Value;

use super::examples::Examples;
use super::{MiningGuard, Network, Parts, control, mine_as_needed, random_hex};
use crate::cache::Cache;
use crate::{build, serve, tools};

/// The variable that names the JSON file with everything about the network.
pub const ENV_FILE: &str = "AMPLET_REGTEST_ENV";

/// The variable that names such files of several networks, in the form of `PATH`: one for each worker of Playwright's.
const ENV_FILES: &str = "AMPLET_REGTEST_ENVS";

/// Options of a network.
#[derive(Clone)]
pub struct Options {
    /// Mine by itself while transactions wait.
    pub mine: bool,
    /// Serve this built page.
    pub www: Option<PathBuf>,
    /// Run the optimised gateway.
    pub release: bool,
    /// Run this gateway program instead of building one.
    pub gateway: Option<PathBuf>,
    /// Run this daemon instead of looking for one, or building it.
    pub bitcoind: Option<PathBuf>,
    /// Serve the example sites.
    pub examples: bool,
    /// Number of gateways: two or more.
    pub gateways: usize,
    /// Write the description here too.
    pub env_file: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            mine: false,
            www: None,
            release: false,
            gateway: None,
            bitcoind: None,
            examples: false,
            gateways: 2,
            env_file: None,
        }
    }
}

/// A running network with its surroundings. It all ends when this is dropped.
pub struct Session {
    _mining: Option<MiningGuard>,
    examples: Option<Examples>,
    /// The network.
    pub network: Arc<Network>,
    /// Content of the file.
    pub description: Value,
    env_file: PathBuf,
    folder: PathBuf,
}

impl Session {
    /// Brings everything up.
    ///
    /// # Errors
    /// When a program cannot be had or does not come up.
    pub fn start(cache: &Cache, options: Options) -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("amplet-regtest-{}", random_hex(6)?));
        let parts = Parts {
            bitcoind: match options.bitcoind {
                Some(ready_made) => there(&ready_made)?,
                None => tools::bitcoind::ensure(cache, 2)?,
            },
            gateway: match options.gateway {
                Some(ready_made) => there(&ready_made)?,
                None => build::gateway(cache, options.release)?,
            },
            folder: folder.clone(),
            gateways: options.gateways,
        };
        let network =
            Arc::new(Network::start(&parts).with_context(|| format!("kept: {}", folder.display()))?);
        let examples = match options.examples {
            true => Some(Examples::start(cache, &network.payee, &folder)?),
            false => None,
        };
        if let Some(examples) = &examples {
            network.examples.get_or_init(|| examples.urls.clone());
        }
        let control = control::serve(Arc::clone(&network))?;
        let mut description = network.describe()?;
        if let Some(fields) = description.as_object_mut() {
            fields.insert("controlUrl".to_owned(), control.into());
            fields.insert("gatewayBinary".to_owned(), parts.gateway.display().to_string().into());
            fields.insert("bitcoindBinary".to_owned(), parts.bitcoind.display().to_string().into());
        }
        if let Some(www) = options.www {
            let url = serve::www(www, &serve::config(&description))?;
            if let Some(fields) = description.as_object_mut() {
                fields.insert("wwwUrl".to_owned(), url.into());
            }
        }
        let env_file = options.env_file.unwrap_or_else(|| folder.join("env.json"));
        // Renamed into place: whoever waits for the file never reads half of it.
        let half = env_file.with_extension("half");
        std::fs::write(&half, format!("{description:#}\n"))
            .and_then(|()| std::fs::rename(&half, &env_file))
            .with_context(|| format!("cannot write {}", env_file.display()))?;
        let mining = options.mine.then(|| mine_as_needed(&network));
        Ok(Self { _mining: mining, examples, network, description, env_file, folder })
    }

    /// Tells a child process where the network is.
    pub fn tell(&self, command: &mut Command) {
        command.env(ENV_FILE, &self.env_file);
        for (key, variable) in [("wwwUrl", "AMPLET_WWW_URL"), ("controlUrl", "AMPLET_CONTROL_URL")] {
            if let Some(value) = self.text(key) {
                command.env(variable, value);
            }
        }
    }

    /// Tells a child process where each of several networks is.
    ///
    /// # Errors
    /// When a file's name cannot stand in a list.
    pub fn tell_all(sessions: &[Self], command: &mut Command) -> Result<()> {
        let files = std::env::join_paths(sessions.iter().map(|session| &session.env_file));
        command.env(ENV_FILES, files.context("the folder for temporary files has a colon in its name")?);
        Ok(())
    }

    /// A text of the description.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&str> {
        self.description.get(key)?.as_str()
    }

    /// Folder of all logs.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Ends the network and removes its folder. After a failure drop the session instead: the folder stays.
    ///
    /// # Errors
    /// When a site or a node does not end by itself on SIGTERM, or the folder cannot be removed.
    pub fn finish(mut self) -> Result<()> {
        if let Some(examples) = &mut self.examples {
            examples.end()?;
        }
        self.network.end()?;
        crate::cache::remove(&self.folder)
    }
}

/// The full path of a ready-made program.
fn there(program: &Path) -> Result<PathBuf> {
    program.canonicalize().with_context(|| format!("no {}", program.display()))
}

impl Drop for Session {
    fn drop(&mut self) {
        // What was not finished is already failing for another reason.
        let _ = self.network.end();
        let _ = std::fs::remove_file(&self.env_file);
    }
}
