//! No onion messages.

use std::rc::Rc;
use std::sync::Arc;

use lightning::ln::peer_handler::IgnoringMessageHandler;
use lightning::onion_message::messenger::NullMessageRouter;

use crate::log::Log;
use crate::routing::FlowRouter;
use crate::signer::Signer;
use crate::types::ChannelManager;

pub(crate) type Ways = Rc<NullMessageRouter>;
pub(crate) type OnionMessages = Rc<IgnoringMessageHandler>;

pub(crate) fn ways(_: &Rc<FlowRouter>, _: &Arc<Signer>) -> Ways {
    Rc::new(NullMessageRouter {})
}

pub(crate) fn onion_messages(
    _: &Rc<ChannelManager>,
    _: &Ways,
    _: &Arc<Signer>,
    _: &Arc<Log>,
) -> OnionMessages {
    Rc::new(IgnoringMessageHandler {})
}
