//! `amplet-gateway fees`: shows and changes terms of forwarding, through the running gateway's admin API.

use crate::admin_client::{self, Admin, AdminError};
use crate::cli::{FeeCommand, SetFees};
use crate::config::Config;
use crate::desk::amount::MsatText;
use crate::desk::fees::{AllTerms, Terms};
use crate::http::admin::fees::SetFees as Request;
use crate::http::admin::types::Channels;

/// Runs a subcommand; returns its output.
///
/// # Errors
/// [`AdminError`].
pub fn run(config: &Config, command: FeeCommand) -> Result<String, AdminError> {
    admin_client::run(config, "fees", async |admin| match command {
        FeeCommand::List => list(&admin).await,
        FeeCommand::Set(SetFees { of, fee_base_msat, fee_ppm, cltv_delta }) => {
            let fee_base_msat = fee_base_msat.map(MsatText);
            let request = Request { of: of.clone(), fee_base_msat, fee_ppm, cltv_delta };
            let _: AllTerms = admin.add(&request).await?;
            Ok(format!("{of} has these terms from now on; payers learn of them within hours."))
        }
        FeeCommand::Clear { of } => {
            let of = admin.revoke(&of).await?;
            Ok(format!("{of} has the configuration's terms again."))
        }
    })
}

async fn list(admin: &Admin) -> Result<String, AdminError> {
    let all: AllTerms = admin.list().await?;
    let channels: Channels = admin.at("channels").list().await?;
    let mut lines = vec![format!("{}  configuration", show(&all.default))];
    let line = |terms: &Terms, id: &str, of: &str| format!("{}  {id}  {of}", show(terms));
    lines.extend(channels.channels.iter().map(|channel| {
        line(&channel.terms, &channel.id.to_string(), &format!("channel with {}", channel.peer))
    }));
    lines.extend(all.own.iter().map(|own| {
        let set = [
            own.terms.fee_base_msat.map(|fee| format!("{} msat", fee.0.get())),
            own.terms.fee_ppm.map(|ppm| format!("{ppm} ppm")),
            own.terms.cltv_delta.map(|delta| format!("{delta} blocks")),
        ];
        format!("set: {}  {}", set.into_iter().flatten().collect::<Vec<_>>().join(", "), own.of)
    }));
    Ok(lines.join("\n"))
}

fn show(terms: &Terms) -> String {
    format!("{} msat + {} ppm, {} blocks", terms.fee_base_msat.0.get(), terms.fee_ppm, terms.cltv_delta)
}
