//! `amplet-gateway keys`: makes, lists and revokes API keys of the running gateway, through its admin API.

use crate::admin_client::{self, Admin, AdminError};
use crate::cli::{AddKey, KeyCommand};
use crate::config::Config;
use crate::desk::amount::MsatText;
use crate::desk::merchant::api_keys::Spending;
use crate::http::admin::keys::{CreateKey, KeyInfo, Keys, MadeKey};

/// Runs a subcommand; returns its output.
///
/// # Errors
/// [`AdminError`].
pub fn run(config: &Config, command: KeyCommand) -> Result<String, AdminError> {
    admin_client::run(config, "keys", async |admin| match command {
        KeyCommand::Add(key) => add(&admin, key).await,
        KeyCommand::List => list(&admin).await,
        KeyCommand::Revoke { id } => {
            let id = admin.revoke(&id).await?;
            Ok(format!("Key {id} is revoked: nobody gets in with it any more."))
        }
    })
}

async fn add(admin: &Admin, key: AddKey) -> Result<String, AdminError> {
    let spending = Spending {
        per_payment_msat: key.per_payment_msat.map(MsatText),
        per_day_msat: key.per_day_msat.map(MsatText),
        total_msat: key.total_msat.map(MsatText),
    };
    let spending = (spending != Spending::default()).then_some(spending);
    let new = CreateKey { name: key.name, account: key.account, scopes: key.scope, spending };
    let made: MadeKey = admin.add(&new).await?;
    Ok(format!(
        "token           {}\nwebhook secret  {}\nKey {} of account {}. Both are shown this once: keep them where the site's server finds them, and nobody else.",
        made.token, made.webhook_secret, made.key.id, made.key.account
    ))
}

async fn list(admin: &Admin) -> Result<String, AdminError> {
    let keys: Keys = admin.list().await?;
    if keys.keys.is_empty() {
        return Ok("There are no keys; make one with `amplet-gateway keys add`.".into());
    }
    let line = |key: KeyInfo| {
        let scopes: Vec<&str> = key.scopes.iter().map(|scope| scope.name()).collect();
        let revoked = if key.revoked_at.is_some() { "  revoked" } else { "" };
        format!("{}  {}  {}  {}{revoked}", key.id, key.account, scopes.join(","), key.name)
    };
    Ok(keys.keys.into_iter().map(line).collect::<Vec<_>>().join("\n"))
}
