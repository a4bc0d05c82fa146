//! The configuration as it is now: a part of it is read again while the gateway runs (SIGHUP).

use std::collections::BTreeSet;
use std::sync::{Arc, RwLock};

use super::{AdminSection, ChannelSection, Config, ConfigError, LogSection, Problem};

/// Keys whose new values count at once. The rest waits for a restart.
const AT_ONCE: [&str; 20] = [
    "admin.read_token_file",
    "admin.token_file",
    "channels.allowed_wallets",
    "channels.channel_tokens",
    "channels.close_idle_after_days",
    "channels.fee_base_msat",
    "channels.fee_ppm",
    "channels.max_capacity_sat",
    "channels.max_channels_per_hour",
    "channels.max_channels_per_peer",
    "channels.max_open_channels",
    "channels.max_open_sat",
    "channels.max_sat_per_day",
    "channels.max_sat_per_day_per_address",
    "channels.max_sat_per_hour",
    "channels.min_capacity_sat",
    "channels.opens_channels",
    "channels.zero_reserve",
    "log.level",
    "warn_free_mib",
];

/// The newest configuration. Whoever keeps a part of it keeps what was.
#[derive(Debug)]
pub struct Live(RwLock<Arc<Config>>);

/// What came of reading the file again.
#[derive(Debug)]
pub struct Reloaded {
    /// Warnings about the file.
    pub warnings: Vec<Problem>,
    /// Keys that have changed, and count now.
    pub changed: Vec<String>,
    /// Keys that have changed and count after a restart.
    pub at_restart: Vec<String>,
}

impl Live {
    /// Begins with this.
    pub fn new(config: Config) -> Arc<Self> {
        Arc::new(Self(RwLock::new(Arc::new(config))))
    }

    /// Returns it as it is now.
    pub fn get(&self) -> Arc<Config> {
        Arc::clone(&self.0.read().unwrap_or_else(|e| e.into_inner()))
    }

    /// Reads the file again, and the token files that it names.
    ///
    /// # Errors
    /// [`ConfigError`]: all is as it was.
    pub fn reload(&self) -> Result<Reloaded, ConfigError> {
        let old = self.get();
        let (new, warnings) = Config::load(&old.file)?;
        let keys: BTreeSet<&String> = old.values.0.keys().chain(new.values.0.keys()).collect();
        let differing = keys.into_iter().filter(|key| old.values.0.get(*key) != new.values.0.get(*key));
        let (mut changed, at_restart): (Vec<String>, Vec<String>) =
            differing.cloned().partition(|key| AT_ONCE.contains(&key.as_str()));
        if (&old.admin.token, &old.admin.read_token) != (&new.admin.token, &new.admin.read_token) {
            changed.push("the tokens of the admin API".into());
        }
        *self.0.write().unwrap_or_else(|e| e.into_inner()) = Arc::new(merge(&old, new));
        Ok(Reloaded { warnings, changed, at_restart })
    }
}

/// The old configuration with the new values of what counts at once.
fn merge(old: &Config, new: Config) -> Config {
    let mut values = old.values.clone();
    values.0.retain(|key, _| !AT_ONCE.contains(&key.as_str()));
    values.0.extend(new.values.0.into_iter().filter(|(key, _)| AT_ONCE.contains(&key.as_str())));
    let kept = &old.channels;
    let mut terms = new.channels.terms;
    terms.zero_conf = kept.terms.zero_conf;
    terms.backup_url = kept.terms.backup_url.clone();
    Config {
        values,
        warn_free_mib: new.warn_free_mib,
        admin: AdminSection { listen: old.admin.listen, ..new.admin },
        channels: ChannelSection {
            terms,
            confirmations: kept.confirmations,
            zero_fee_commitments: kept.zero_fee_commitments,
            max_htlcs: kept.max_htlcs,
            max_dust_sat: kept.max_dust_sat,
            close_lost_after_hours: kept.close_lost_after_hours,
            ..new.channels
        },
        log: LogSection { level: new.log.level, format: old.log.format },
        ..old.clone()
    }
}
