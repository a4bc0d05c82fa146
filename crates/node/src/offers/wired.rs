//! LDK's messenger, put together.

use std::rc::Rc;
use std::sync::Arc;

use lightning::ln::peer_handler::IgnoringMessageHandler;
use lightning::onion_message::messenger::OnionMessenger;

use super::path::MessageWays;
use crate::log::Log;
use crate::routing::FlowRouter;
use crate::signer::Signer;
use crate::types::ChannelManager;

/// Where messages go.
pub(crate) type Ways = Rc<MessageWays>;

/// Carries offers' messages, and relays those of others.
pub(crate) type OnionMessages = Rc<
    OnionMessenger<
        Arc<Signer>,
        Arc<Signer>,
        Arc<Log>,
        Rc<ChannelManager>,
        Ways,
        Rc<ChannelManager>,
        IgnoringMessageHandler,
        IgnoringMessageHandler,
        IgnoringMessageHandler,
    >,
>;

pub(crate) fn ways(router: &Rc<FlowRouter>, signer: &Arc<Signer>) -> Ways {
    Rc::new(MessageWays::new(Rc::clone(router), Arc::clone(signer)))
}

pub(crate) fn onion_messages(
    manager: &Rc<ChannelManager>,
    ways: &Ways,
    signer: &Arc<Signer>,
    log: &Arc<Log>,
) -> OnionMessages {
    Rc::new(OnionMessenger::new(
        Arc::clone(signer),
        Arc::clone(signer),
        Arc::clone(log),
        Rc::clone(manager),
        Rc::clone(ways),
        Rc::clone(manager),
        IgnoringMessageHandler {},
        IgnoringMessageHandler {},
        IgnoringMessageHandler {},
    ))
}
