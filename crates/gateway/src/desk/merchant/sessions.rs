//! Streaming sessions: a name that wallets pay by keysend, bit by bit, and the credit that has come in.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use amplet_node::{AcceptKeysend, InboundKeysend};
use amplet_protocol::NodeId;
use amplet_protocol::page::Direction;
use amplet_storage::{Store, StoreError};
use amplet_wallet::Ctx;
use bitcoin::hex::DisplayHex;

use super::metadata;
use super::records::{self, Records, SessionRecord, names};
use super::types::{CreateSession, Session, SessionState};
use crate::desk::clock::unix_now;
use crate::desk::error::Result;
use crate::desk::error::{ApiCode, ApiError};
use crate::desk::payments;
use crate::desk::random::random;

/// Maximum life of a session, in seconds.
const MAX_EXPIRY: u32 = 7 * 24 * 3600;

/// Maximum number of sessions that may be paid.
const MAX_OPEN: usize = 100_000;

/// All sessions that are not closed. Read before the node is opened, which asks whether a payment is wanted.
#[derive(Default)]
pub struct Sessions(RefCell<BTreeMap<String, SessionRecord>>);

impl Sessions {
    /// Reads them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn load(store: &dyn Store) -> std::result::Result<Rc<Self>, StoreError> {
        let mut open = BTreeMap::new();
        for name in store.list(names::SESSIONS).await? {
            let Some(record) = records::load::<SessionRecord>(store, &name).await? else { continue };
            if record.closed_at.is_none()
                && let Some(id) = name.strip_prefix(names::SESSIONS)
            {
                open.insert(id.to_owned(), record);
            }
        }
        Ok(Rc::new(Self(RefCell::new(open))))
    }

    /// Takes payments to sessions that are open, and gifts to none; what is for another session goes back to its payer.
    pub fn acceptance(self: &Rc<Self>) -> AcceptKeysend {
        let sessions = Rc::clone(self);
        Rc::new(move |offered: &InboundKeysend| {
            offered.session.as_ref().is_none_or(|session| {
                sessions.0.borrow().get(session).is_some_and(|record| record.expires_at > unix_now())
            })
        })
    }
}

/// The service of sessions.
pub struct SessionService {
    ctx: Ctx,
    records: Records,
    sessions: Rc<Sessions>,
}

impl SessionService {
    /// Closes the sessions that expired meanwhile.
    pub(super) async fn open(ctx: Ctx, records: Records, sessions: Rc<Sessions>) -> Self {
        let service = Self { ctx, records, sessions };
        if let Err(error) = service.close_expired().await {
            tracing::warn!(%error, "expired sessions are closed later");
        }
        service
    }

    /// Opens a session.
    ///
    /// # Errors
    /// [`ApiCode::InvalidInput`].
    pub async fn create(&self, account: &str, request: CreateSession) -> Result<Session> {
        metadata::check(&request.metadata)?;
        if !(1..=MAX_EXPIRY).contains(&request.expiry_secs) {
            let message =
                format!("expirySecs: {} is out of range; give 1 to {MAX_EXPIRY}", request.expiry_secs);
            return Err(ApiError::invalid(message));
        }
        self.records.check()?;
        self.close_expired().await?;
        if self.sessions.0.borrow().len() >= MAX_OPEN {
            let message = format!("{MAX_OPEN} sessions are open; close some, or give them shorter lives");
            return Err(ApiError::new(ApiCode::NotNow, message));
        }
        let id = format!("s_{}", random::<16>()?.to_lower_hex_string());
        let now = unix_now();
        let record = SessionRecord {
            account: account.to_owned(),
            created_at: now,
            expires_at: now.saturating_add(u64::from(request.expiry_secs)),
            metadata: request.metadata,
            closed_at: None,
            payment: None,
        };
        self.write_session(&id, &record);
        self.records.flushed().await?;
        self.sessions.0.borrow_mut().insert(id.clone(), record);
        self.get(account, &id).await
    }

    /// A session of an account, and what it has brought.
    ///
    /// # Errors
    /// [`ApiCode::NotFound`].
    pub async fn get(&self, account: &str, id: &str) -> Result<Session> {
        let record = self.own_session(account, id).await?;
        let payment = match (&record.payment, self.ctx.node.payments().session(id)) {
            (_, Some(open)) => Some(open),
            (Some(id), None) => {
                payments::record(&self.ctx, Direction::Inbound, payments::payment_id(id)?).await?
            }
            (None, None) => None,
        };
        let is_over = record.closed_at.is_some() || record.expires_at <= unix_now();
        Ok(Session {
            id: id.to_owned(),
            node_id: NodeId(self.ctx.node.node_id().serialize()),
            state: if is_over { SessionState::Closed } else { SessionState::Open },
            received_msat: payment
                .as_ref()
                .and_then(|payment| payment.amount_msat)
                .unwrap_or_default()
                .into(),
            payments: payment.and_then(|payment| payment.stream).map_or(0, |totals| totals.payments),
            created_at: record.created_at,
            expires_at: record.expires_at,
            metadata: record.metadata,
        })
    }

    /// Ends a session: later payments go back. Twice is once.
    ///
    /// # Errors
    /// [`ApiCode::NotFound`].
    pub async fn close(&self, account: &str, id: &str) -> Result<Session> {
        let record = self.own_session(account, id).await?;
        if record.closed_at.is_none() {
            self.records.check()?;
            self.end_session(id, record).await?;
        }
        self.get(account, id).await
    }

    async fn own_session(&self, account: &str, id: &str) -> Result<SessionRecord> {
        let open = self.sessions.0.borrow().get(id).cloned();
        let known = match open {
            Some(open) => Some(open),
            None if id.len() <= 64 => self.records.find(&format!("{}{id}", names::SESSIONS)).await?,
            None => None,
        };
        known.filter(|record: &SessionRecord| record.account == account).ok_or_else(|| {
            ApiError::new(
                ApiCode::NotFound,
                "this account has no session of that id; check it, or use a key of its account",
            )
        })
    }

    async fn end_session(&self, id: &str, record: SessionRecord) -> Result<()> {
        // From here on nothing more is taken.
        self.sessions.0.borrow_mut().remove(id);
        let payment = self.ctx.node.payments().session(id).map(|payment| payment.id.to_string());
        self.write_session(id, &SessionRecord { closed_at: Some(unix_now()), payment, ..record });
        self.ctx.node.payments().close_session(id).await?;
        self.records.flushed().await
    }

    /// Closes what nobody can pay any more.
    async fn close_expired(&self) -> Result<()> {
        let now = unix_now();
        let expired: Vec<(String, SessionRecord)> = {
            let open = self.sessions.0.borrow();
            let expired = open.iter().filter(|(_, record)| record.expires_at <= now);
            expired.map(|(id, record)| (id.clone(), record.clone())).collect()
        };
        for (id, record) in expired {
            self.end_session(&id, record).await?;
        }
        Ok(())
    }

    fn write_session(&self, id: &str, record: &SessionRecord) {
        self.records.put(format!("{}{id}", names::SESSIONS), record);
    }
}
