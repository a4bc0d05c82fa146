//! LDK's messenger, put together.

use std::rc::Rc;
use std::sync::Arc;

use lightning::ln::peer_handler::IgnoringMessageHandler;
use lightning::onion_message::messenger::OnionMessenger;

use super::path::MessagePathFinder;
use crate::ldk::log::Log;
use crate::ldk::routing::FlowRouter;
use crate::ldk::signer::Signer;
use crate::ldk::types::ChannelManager;

/// Paths of messages.
pub(crate) type MessagePaths = Rc<MessagePathFinder>;

/// Carries offers' messages, and relays those of others.
pub(crate) type OnionMessages = Rc<
    OnionMessenger<
        Arc<Signer>,
        Arc<Signer>,
        Arc<Log>,
        Rc<ChannelManager>,
        MessagePaths,
        Rc<ChannelManager>,
        IgnoringMessageHandler,
        IgnoringMessageHandler,
        IgnoringMessageHandler,
    >,
>;

pub(crate) fn message_paths(router: &Rc<FlowRouter>, signer: &Arc<Signer>) -> MessagePaths {
    Rc::new(MessagePathFinder::new(Rc::clone(router), Arc::clone(signer)))
}

pub(crate) fn onion_messages(
    manager: &Rc<ChannelManager>,
    paths: &MessagePaths,
    signer: &Arc<Signer>,
    log: &Arc<Log>,
) -> OnionMessages {
    Rc::new(OnionMessenger::new(
        Arc::clone(signer),
        Arc::clone(signer),
        Arc::clone(log),
        Rc::clone(manager),
        Rc::clone(paths),
        Rc::clone(manager),
        IgnoringMessageHandler {},
        IgnoringMessageHandler {},
        IgnoringMessageHandler {},
    ))
}
