//! No onion messages.

use std::rc::Rc;
use std::sync::Arc;

use lightning::ln::peer_handler::IgnoringMessageHandler;
use lightning::onion_message::messenger::NullMessageRouter;

use crate::ldk::log::Log;
use crate::ldk::routing::FlowRouter;
use crate::ldk::signer::Signer;
use crate::ldk::types::ChannelManager;

pub(crate) type MessagePaths = Rc<NullMessageRouter>;
pub(crate) type OnionMessages = Rc<IgnoringMessageHandler>;

pub(crate) fn message_paths(_: &Rc<FlowRouter>, _: &Arc<Signer>) -> MessagePaths {
    Rc::new(NullMessageRouter {})
}

pub(crate) fn onion_messages(
    _: &Rc<ChannelManager>,
    _: &MessagePaths,
    _: &Arc<Signer>,
    _: &Arc<Log>,
) -> OnionMessages {
    Rc::new(IgnoringMessageHandler {})
}
