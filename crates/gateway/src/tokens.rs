//! `amplet-gateway tokens`: makes, lists and revokes tokens for channels on request, through the running gateway's admin API.

use crate::admin_client::{self, Admin, AdminError};
use crate::cli::{AddToken, TokenCommand};
use crate::config::Config;
use crate::desk::clock::unix_now;
use crate::http::admin::tokens::{CreateToken, MadeToken, TokenInfo, Tokens};

const DAY_SECS: u64 = 24 * 3600;

/// Runs a subcommand; returns its output.
///
/// # Errors
/// [`AdminError`].
pub fn run(config: &Config, command: TokenCommand) -> Result<String, AdminError> {
    let is_required = config.channels.terms.opens_channels && config.channels.terms.needs_token;
    admin_client::run(config, "channel-tokens", async |admin| match command {
        TokenCommand::Add(token) => add(&admin, token, is_required).await,
        TokenCommand::List => list(&admin).await,
        TokenCommand::Revoke { id } => {
            let id = admin.revoke(&id).await?;
            Ok(format!("Token {id} is revoked: it opens no further channel."))
        }
    })
}

async fn add(admin: &Admin, token: AddToken, is_required: bool) -> Result<String, AdminError> {
    let AddToken { name, max_channels, max_sat, days } = token;
    let expires_in_secs = days.map(|days| u64::from(days).saturating_mul(DAY_SECS));
    let made: MadeToken = admin.add(&CreateToken { name, max_channels, max_sat, expires_in_secs }).await?;
    let mut shown = format!(
        "{}\nToken {}. This address is shown this once: the wallet's user adds it as a gateway, as it is.",
        made.address, made.info.id
    );
    if !is_required {
        shown.push_str("\nThis configuration requires no token: set opens_channels = true and channel_tokens = \"required\" in [channels].");
    }
    Ok(shown)
}

async fn list(admin: &Admin) -> Result<String, AdminError> {
    let tokens: Tokens = admin.list().await?;
    if tokens.tokens.is_empty() {
        return Ok("There are no tokens; make one with `amplet-gateway tokens add`.".into());
    }
    let now = unix_now();
    Ok(tokens.tokens.iter().map(|token| line(token, now)).collect::<Vec<_>>().join("\n"))
}

fn line(token: &TokenInfo, now: u64) -> String {
    let of = |limit: Option<u64>| limit.map_or_else(String::new, |limit| format!(" of {limit}"));
    let state = match (token.revoked_at, token.expires_at) {
        (Some(_), _) => "  revoked",
        (None, Some(end)) if end <= now => "  expired",
        _ => "",
    };
    format!(
        "{}  {}{} channels  {}{} sat  {}{state}",
        token.id,
        token.channels,
        of(token.max_channels.map(u64::from)),
        token.sat,
        of(token.max_sat),
        token.name
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_is_used_and_whether_it_holds() {
        let token = TokenInfo {
            id: "0a0b0c0d0e0f".into(),
            name: "for Ann".into(),
            max_channels: Some(2),
            max_sat: None,
            channels: 1,
            sat: 100_000,
            created_at: 5,
            expires_at: Some(10),
            revoked_at: None,
        };
        assert_eq!(line(&token, 9), "0a0b0c0d0e0f  1 of 2 channels  100000 sat  for Ann");
        assert!(line(&token, 10).ends_with("for Ann  expired"));
        assert!(line(&TokenInfo { revoked_at: Some(6), ..token }, 10).ends_with("  revoked"));
    }
}
