//! The connection to one database: opened once, and again when the browser cuts it.
//!
//! A browser closes connections by itself: when its disk fails or is full in the middle of a commit, and when the user
//! clears the site's data. The next use opens the database again, if it is still there. A change by another writer
//! meanwhile is detected by the epoch that every commit checks.

use super::request::{Listening, fulfilled, mapped};
use super::{LAYOUT, META, RECORDS};
use crate::StoreError;
use js_sys::Reflect;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use web_sys::{IdbDatabase, IdbFactory, IdbOpenDbRequest};

const OPEN: &str = "open the browser's database";

/// A connection that outlives its being cut.
pub(super) struct Connection {
    name: String,
    /// `None` once it was closed on our side.
    current: RefCell<Option<Open>>,
}

struct Open {
    database: IdbDatabase,
    health: Rc<Cell<Health>>,
    _listening: [Listening; 2],
}

#[derive(Clone, Copy, PartialEq)]
enum Health {
    Good,
    /// Cut by the browser.
    Cut,
    /// Another tab destroys the wallet.
    Destroyed,
}

/// The action when there is no such database.
#[derive(Clone, Copy, PartialEq)]
enum Missing {
    Make,
    Refuse,
}

impl Connection {
    /// Opens the database, creating an empty one if it is missing.
    pub(super) async fn open(name: String) -> Result<Self, StoreError> {
        let open = Open::new(&name, Missing::Make).await?;
        Ok(Self { name, current: RefCell::new(Some(open)) })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The open database. Returns at once unless the browser has cut the connection.
    pub(super) async fn database(&self) -> Result<IdbDatabase, StoreError> {
        if let Some(database) = self.current()? {
            return Ok(database);
        }
        // Not created again: the user may have cleared the site's data, and an empty wallet must not take its place.
        let reopened = Open::new(&self.name, Missing::Refuse).await?;
        // Another call may have been faster: one connection is enough.
        if let Some(database) = self.current()? {
            return Ok(database);
        }
        let database = reopened.database.clone();
        self.current.replace(Some(reopened));
        Ok(database)
    }

    /// `None` when it has to be opened again.
    fn current(&self) -> Result<Option<IdbDatabase>, StoreError> {
        let current = self.current.borrow();
        let open = current.as_ref().ok_or(StoreError::Closed)?;
        match open.health.get() {
            Health::Good => Ok(Some(open.database.clone())),
            Health::Cut => Ok(None),
            Health::Destroyed => Err(StoreError::Closed),
        }
    }

    /// Records that the browser has cut the connection, where a call shows it before the event does.
    pub(super) fn is_cut(&self) {
        if let Some(open) = self.current.borrow().as_ref()
            && open.health.get() == Health::Good
        {
            open.health.set(Health::Cut);
        }
    }

    pub(super) fn close(&self) {
        self.current.take();
    }
}

impl Open {
    async fn new(name: &str, missing: Missing) -> Result<Self, StoreError> {
        let request = factory()?.open(name).map_err(|error| mapped(OPEN, &error))?;
        let refused = Rc::new(Cell::new(false));
        let opened = {
            let (upgraded, refused) = (request.clone(), refused.clone());
            let _upgrading = Listening::to(&request, "upgradeneeded", move || {
                refused.set(missing == Missing::Refuse);
                if (missing == Missing::Refuse || make_tables(&upgraded).is_err())
                    && let Some(transaction) = upgraded.transaction()
                {
                    // Fails only when it has been aborted already; either way the opening reports it.
                    let _ = transaction.abort();
                }
            });
            fulfilled(OPEN, &request, None).await
        };
        let database: IdbDatabase = match opened {
            Err(_) if refused.get() => return Err(StoreError::NotFound { place: place(name) }),
            opened => opened?.unchecked_into(),
        };
        let health = Rc::new(Cell::new(Health::Good));
        let lets_go = |event, why| {
            let (health, closing) = (health.clone(), database.clone());
            Listening::to(&database, event, move || {
                health.set(why);
                closing.close();
            })
        };
        let listening = [lets_go("close", Health::Cut), lets_go("versionchange", Health::Destroyed)];
        let open = Self { database, health, _listening: listening };
        check_layout(&open.database, name)?;
        Ok(open)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.database.close();
    }
}

/// The location, for users.
pub(super) fn place(name: &str) -> String {
    format!("the browser's database {name}")
}

/// `indexedDB` of the global scope, of any kind.
pub(super) fn factory() -> Result<IdbFactory, StoreError> {
    let found = Reflect::get(&js_sys::global(), &"indexedDB".into()).ok();
    found.and_then(|value| value.dyn_into().ok()).ok_or_else(|| StoreError::Backend {
        action: OPEN,
        source: "it offers no IndexedDB here (blocked site data, a private window, a sandboxed frame)".into(),
    })
}

fn make_tables(request: &IdbOpenDbRequest) -> Result<(), JsValue> {
    let database: IdbDatabase = request.result()?.dyn_into()?;
    database.create_object_store(RECORDS)?;
    database.create_object_store(META)?;
    Ok(())
}

fn check_layout(database: &IdbDatabase, name: &str) -> Result<(), StoreError> {
    let version = database.version();
    if version > f64::from(LAYOUT) {
        return Err(StoreError::NewerFormat { found: version as u32, supported: LAYOUT });
    }
    let stores = database.object_store_names();
    if stores.contains(RECORDS) && stores.contains(META) {
        return Ok(());
    }
    Err(StoreError::Corrupt { name: name.to_owned(), what: "it is a database of another program".into() })
}
