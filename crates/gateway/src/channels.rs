//! `amplet-gateway channels`: opens channels, through the running gateway's admin API.

use amplet_protocol::ChannelId;

use crate::admin_client::{self, AdminError};
use crate::cli::{ChannelCommand, OpenChannels};
use crate::config::Config;
use crate::http::admin::channels::{ChannelIds, NewChannel, OpenChannels as Request};

/// Runs a subcommand; returns its output.
///
/// # Errors
/// [`AdminError`].
pub fn run(config: &Config, command: ChannelCommand) -> Result<String, AdminError> {
    let ChannelCommand::Open(OpenChannels { channels, fee_rate }) = command;
    admin_client::run(config, "channels/batch", async |admin| {
        let channels = channels.into_iter().map(Into::into).collect();
        let request = Request { channels, fee_rate };
        let made: ChannelIds = admin.patient().add(&request).await?;
        let line = |(channel, id): (&NewChannel, &ChannelId)| {
            let NewChannel { peer, capacity_sat, .. } = channel;
            format!("{id}  {capacity_sat} sat  {peer}")
        };
        let mut lines: Vec<String> = request.channels.iter().zip(&made.ids).map(line).collect();
        lines.push("All are funded by one transaction and can be used when it has confirmed.".into());
        Ok(lines.join("\n"))
    })
}
