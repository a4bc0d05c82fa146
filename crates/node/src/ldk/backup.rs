//! A wallet's backup: the storage's [`Surroundings`] on a platform, with the keys of the mnemonic.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use amplet_storage::{Record, Surroundings, VssBackend};
use amplet_transport::{HttpRequest, Platform};
use amplet_vss::{CONTENT_TYPE, GET_OBJECT, PREFIX, auth};
use bitcoin::secp256k1::{Secp256k1, SecretKey};
use futures::future::{FutureExt, LocalBoxFuture};

use super::keys::{KeyError, Keys};
use super::old_copy::mark;

/// Time limit of a small request, for which an opening wallet waits, and of others.
const SMALL_LIMIT: Duration = Duration::from_secs(10);
const LIMIT: Duration = Duration::from_secs(30);
/// Maximum length of a response: a page of records, the last of which may be large.
const MAX_BODY: usize = 64 << 20;
/// Age from which on a signature is made again, in seconds; it holds for a day.
const SIGN_EVERY_SECS: u64 = 3600;

/// The backup of a mnemonic's wallet at `url`, as the device `device` has it: the server's base URL, or a gateway's.
///
/// # Errors
/// A derivation is out of range.
pub fn backup(
    platform: Rc<dyn Platform>,
    keys: &Keys,
    url: &str,
    device: &str,
) -> Result<VssBackend, KeyError> {
    let (key, sealing) = keys.backup()?;
    let url = url.trim_end_matches('/');
    let has_path = url.split_once("://").is_some_and(|(_, rest)| rest.contains('/'));
    let url = if has_path { url.to_owned() } else { format!("{url}{PREFIX}") };
    let network = keys.network().to_string();
    let server = Server { platform, url, key, header: RefCell::default() };
    Ok(VssBackend::new(Rc::new(server), &network, *sealing, device))
}

/// The record by which a wallet that is not the newest is known: its channels rest.
pub fn old_copy_record(platform: &dyn Platform) -> Record {
    mark(platform.now().as_secs())
}

struct Server {
    platform: Rc<dyn Platform>,
    url: String,
    key: SecretKey,
    /// The last signature and its time.
    header: RefCell<(u64, String)>,
}

impl Server {
    fn header(&self) -> String {
        let now = self.now();
        let mut header = self.header.borrow_mut();
        if header.1.is_empty() || now.abs_diff(header.0) > SIGN_EVERY_SECS {
            *header = (now, auth::header(&Secp256k1::signing_only(), &self.key, now));
        }
        header.1.clone()
    }
}

impl Surroundings for Server {
    fn url(&self) -> String {
        self.url.clone()
    }

    fn call(
        &self,
        operation: &'static str,
        body: Vec<u8>,
    ) -> LocalBoxFuture<'static, Result<(u16, Vec<u8>), String>> {
        let request = HttpRequest::post(format!("{}/{operation}", self.url), body)
            .header(auth::HEADER, self.header())
            .header("content-type", CONTENT_TYPE)
            .timeout(if operation == GET_OBJECT { SMALL_LIMIT } else { LIMIT })
            .max_body(MAX_BODY);
        let fetched = self.platform.fetch(request);
        async move {
            let answer = fetched.await.map_err(|error| error.to_string())?;
            Ok((answer.status, answer.body))
        }
        .boxed_local()
    }

    fn now(&self) -> u64 {
        self.platform.now().as_secs()
    }

    fn sleep(&self, time: Duration) -> LocalBoxFuture<'static, ()> {
        self.platform.sleep(time)
    }

    fn spawn(&self, task: LocalBoxFuture<'static, ()>) {
        self.platform.spawn(task);
    }
}
