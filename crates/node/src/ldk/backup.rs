//! A wallet's backup: the storage's [`Surroundings`] on a platform, with the keys of the mnemonic.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use amplet_storage::{Record, Surroundings, VssBackend};
use amplet_transport::{HttpRequest, Platform};
use amplet_vss::{CONTENT_TYPE, GET_OBJECT, PREFIX, auth};
use bitcoin::secp256k1::{PublicKey, Secp256k1, SecretKey};
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

/// The device that a wallet is on.
pub struct Device<'a> {
    /// Its name, for the user's other devices.
    pub name: &'a str,
    /// Its own key, by which the server knows it from the others.
    pub key: SecretKey,
}

/// The backup of a mnemonic's wallet at `url`, the server's base URL or a gateway's, as this device has it.
///
/// # Errors
/// A derivation is out of range.
pub fn backup(
    platform: Rc<dyn Platform>,
    keys: &Keys,
    url: &str,
    device: &Device<'_>,
) -> Result<VssBackend, KeyError> {
    let (key, sealing) = keys.backup()?;
    let url = url.trim_end_matches('/');
    let has_path = url.split_once("://").is_some_and(|(_, rest)| rest.contains('/'));
    let url = if has_path { url.to_owned() } else { format!("{url}{PREFIX}") };
    let network = keys.network().to_string();
    let server = Server { platform, url, key, device: device.key, proof: RefCell::default() };
    Ok(VssBackend::new(Rc::new(server), &network, *sealing, device.name))
}

/// The record by which a wallet that is not the newest is known: its channels rest.
pub fn old_copy_record(platform: &dyn Platform) -> Record {
    mark(platform.now().as_secs())
}

struct Server {
    platform: Rc<dyn Platform>,
    url: String,
    key: SecretKey,
    device: SecretKey,
    /// The last signatures.
    proof: RefCell<Proof>,
}

/// Values of the headers of account and device, and their time.
#[derive(Clone, Default)]
struct Proof {
    signed_at: u64,
    account: String,
    device: String,
}

impl Server {
    fn proof(&self) -> Proof {
        let now = self.now();
        let mut proof = self.proof.borrow_mut();
        if proof.account.is_empty() || now.abs_diff(proof.signed_at) > SIGN_EVERY_SECS {
            let secp = Secp256k1::signing_only();
            let account = PublicKey::from_secret_key(&secp, &self.key);
            *proof = Proof {
                signed_at: now,
                account: auth::header(&secp, &self.key, now),
                device: auth::device_header(&secp, &account, &self.device, now),
            };
        }
        proof.clone()
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
        wait: Duration,
    ) -> LocalBoxFuture<'static, Result<(u16, Vec<u8>), String>> {
        let proof = self.proof();
        let limit = if operation == GET_OBJECT { SMALL_LIMIT } else { LIMIT };
        let request = HttpRequest::post(format!("{}/{operation}", self.url), body)
            .header(auth::HEADER, proof.account)
            .header(auth::DEVICE_HEADER, proof.device)
            .header("content-type", CONTENT_TYPE)
            .timeout(limit.saturating_add(wait))
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
