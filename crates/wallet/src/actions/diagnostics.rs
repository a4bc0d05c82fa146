//! A text for bug reports: no secret, no invoice, no address, no amount.

use std::fmt::Write;

use amplet_protocol::page::{ChannelState, Connection};

use super::{channels, status};
use crate::backup::Backup;
use crate::ctx::Ctx;
use crate::gateways::Gateways;

pub(crate) fn text(ctx: &Ctx, gateways: &Gateways, backup: &Backup) -> String {
    let status = status::status(ctx, gateways, backup);
    let mut text = String::new();
    let mut line = |label: &str, value: String| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{label}: {value}");
    };
    line("amplet", env!("CARGO_PKG_VERSION").into());
    line("messages", amplet_protocol::page::VERSION.to_string());
    line("network", format!("{:?}", status.network));
    // The exit program wants it of a restored wallet.
    line("installation", ctx.node.installation().to_string());
    line("able to pay", status.able_to_pay.to_string());
    line("commits", status.commits.to_string());
    if let Some(backup) = &status.backup {
        line("backup", format!("{:?}, {:?} (active {})", backup.mode, backup.state, backup.active));
    }
    let chain = &status.chain;
    line("block", format!("{} (synced {}, {} left)", chain.height, chain.synced, chain.blocks_left));
    line("chain sources", format!("{} of {} agree", chain.trust.agreeing, chain.trust.sources));
    if let Some(error) = &chain.error {
        line("chain error", error.message.clone());
    }
    for gateway in &status.gateways {
        let connection = match &gateway.connection {
            Connection::Connecting => "connecting".to_owned(),
            Connection::Connected => "connected".to_owned(),
            Connection::Off => "off".to_owned(),
            Connection::Waiting { error, .. } => format!("waiting ({:?}: {})", error.code, error.message),
        };
        line("gateway", connection);
    }
    for channel in channels::list(ctx) {
        let state = match channel.state {
            ChannelState::Confirming { confirmations, needed } => {
                format!("confirming {confirmations}/{needed}")
            }
            other => format!("{other:?}"),
        };
        line("channel", format!("{state}{}", if channel.trusted { ", trusted" } else { "" }));
    }
    if let Some(trouble) = &status.storage {
        line("storage", format!("{:?} since {}", trouble.error.code, trouble.since));
    }
    for name in &status.damaged {
        // Without the payment's or the stream's id.
        let kind = name.rsplit_once('/').map_or(&**name, |(kind, _)| kind);
        line("damaged record", kind.to_owned());
    }
    line("warnings", format!("{:?}", status.warnings));
    text
}
