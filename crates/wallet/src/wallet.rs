//! An open wallet, as the page's engine holds it.

use std::rc::Rc;

use amplet_node::Node;
use amplet_protocol::PaymentId;
use amplet_protocol::page::{Notice, OpenOptions, Request, RestoreProgress, WalletError};
use amplet_storage::Store;
use amplet_transport::Platform;
use futures::StreamExt;
use futures::channel::mpsc::{UnboundedReceiver, unbounded};
use zeroize::Zeroizing;

use crate::actions::status;
use crate::backup::Backup;
use crate::ctx::Ctx;
use crate::gateways::Gateways;
use crate::identity::Identity;
use crate::{Response, open, page};

struct Open {
    ctx: Ctx,
    gateways: Gateways,
    backup: Backup,
}

impl Open {
    fn changed(&self) -> Notice {
        let status = Box::new(status::status(&self.ctx, &self.gateways, &self.backup));
        Notice::Changed { status, balance: status::balance(&self.ctx) }
    }
}

/// An open wallet. Clones are the same wallet. Single-threaded.
#[derive(Clone)]
pub struct Wallet {
    open: Rc<Open>,
}

impl Wallet {
    /// Opens the wallet in `store`, or creates it there when `options` has a mnemonic, and sets it running on the platform.
    ///
    /// # Errors
    /// [`WalletError`] names what is wrong and what to do.
    pub async fn open(
        platform: Rc<dyn Platform>,
        store: Rc<dyn Store>,
        options: OpenOptions,
    ) -> Result<Self, WalletError> {
        Self::open_with(platform, store, options, &|_| ()).await
    }

    /// As [`open`](Self::open); `progress` is called while a backup is read.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn open_with(
        platform: Rc<dyn Platform>,
        store: Rc<dyn Store>,
        options: OpenOptions,
        progress: &dyn Fn(RestoreProgress),
    ) -> Result<Self, WalletError> {
        let (ctx, gateways, backup) = open::open(platform, store, options, progress).await?;
        let open = Rc::new(Open { ctx, gateways, backup });
        let weak = Rc::downgrade(&open);
        open.backup.store().on_change(move || {
            if let Some(open) = weak.upgrade() {
                open.ctx.node.changed();
            }
        });
        Ok(Self { open })
    }

    /// Returns the words of the wallet in `store`. To be shown only to a user who has proved the passphrase once more.
    ///
    /// # Errors
    /// `walletNotFound`, `corrupt`, `newerFormat`, `storage`.
    pub async fn words(store: &dyn Store) -> Result<Zeroizing<String>, WalletError> {
        Identity::words(store).await
    }

    /// Does what a request asks.
    ///
    /// # Errors
    /// [`WalletError`] names what is wrong and what to do; nothing is half done.
    pub async fn request(&self, request: Request) -> Result<Response, WalletError> {
        self.request_with(request, &|_| ()).await
    }

    /// As [`request`](Self::request); `on_begin` is called with the id of a payment that is begun, before it can leave, so that its
    /// outcome can be learnt whatever becomes of the wallet.
    ///
    /// # Errors
    /// As [`request`](Self::request).
    pub async fn request_with(
        &self,
        request: Request,
        on_begin: &dyn Fn(&PaymentId),
    ) -> Result<Response, WalletError> {
        let Open { ctx, gateways, backup } = &*self.open;
        page::answer(ctx, (gateways, backup), request, on_begin).await
    }

    /// The node under it, for native programs: it can do what no request asks yet.
    #[must_use]
    pub fn node(&self) -> &Node {
        &self.open.ctx.node
    }

    /// Stops at once, as if the process had been killed: nothing more is written or sent. What was committed stands.
    pub fn abort(&self) {
        self.open.ctx.node.abort();
        self.open.backup.store().stop();
    }

    /// Streams what happens from now on: first the state and every event not acknowledged, then each change. One stream
    /// for each page; it ends when the wallet has stopped.
    pub fn notices(&self) -> UnboundedReceiver<Notice> {
        let (sender, receiver) = unbounded();
        let open = Rc::downgrade(&self.open);
        let mut changes = self.open.ctx.node.subscribe();
        // The receiver is still here: these cannot fail.
        let _ = sender.unbounded_send(self.open.changed());
        for event in self.open.ctx.node.ledger().events() {
            let _ = sender.unbounded_send(Notice::Event { event });
        }
        let task = async move {
            while let Some(change) = changes.next().await {
                let Some(open) = open.upgrade() else { return };
                let notice = match change {
                    amplet_node::Notice::Event(event) => Notice::Event { event },
                    amplet_node::Notice::Payment(payment) => Notice::PaymentChanged { payment },
                    amplet_node::Notice::Changed => open.changed(),
                    amplet_node::Notice::Stopped(error) => {
                        Notice::Stopped { error: WalletError::from(&*error) }
                    }
                };
                if sender.unbounded_send(notice).is_err() {
                    return;
                }
            }
        };
        self.open.ctx.platform.spawn(Box::pin(task));
        receiver
    }
}
