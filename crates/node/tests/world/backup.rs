//! Backups of nodes, on one server in memory.

use std::rc::Rc;
use std::time::Duration;

use amplet_node::bitcoin::hashes::{Hash, sha256};
use amplet_node::bitcoin::secp256k1::SecretKey;
use amplet_node::keys::Keys;
use amplet_node::{Device, backup, old_copy_record};
use amplet_protocol::page::BackupStatus;
use amplet_storage::{MemoryBackend, MirroredStore, Purpose, Store, StoreError};
use amplet_transport::testing::TestPlatform;
use amplet_transport::{FetchError, HttpRequest, HttpResponse, Platform};
use amplet_vss::MemoryServer;
use futures::FutureExt;
use futures::future::LocalBoxFuture;

use super::World;

/// A node's store, mirrored where it has a backup.
pub(super) async fn mirrored(
    platform: &Rc<dyn Platform>,
    store: Rc<dyn Store>,
    keys: &Keys,
    device: &str,
    purpose: Option<Purpose>,
) -> Result<(Rc<dyn Store>, Option<Rc<MirroredStore>>), StoreError> {
    let Some(purpose) = purpose else { return Ok((store, None)) };
    let mirror = MirroredStore::new(store);
    // The same name, the same key.
    let key = sha256::Hash::hash(device.as_bytes()).to_byte_array();
    let device = Device { name: device, key: SecretKey::from_slice(&key).unwrap() };
    let backend = backup(Rc::clone(platform), keys, "http://vss", &device).unwrap();
    let mark = Some(old_copy_record(&**platform));
    mirror.connect(backend, false, purpose, mark, &|_, _| ()).await?;
    Ok((Rc::clone(&mirror) as Rc<dyn Store>, Some(mirror)))
}

/// The server's answer to a request.
pub(super) fn answer(
    server: &MemoryServer,
    network: &TestPlatform,
    path: String,
    request: HttpRequest,
) -> LocalBoxFuture<'static, Result<HttpResponse, FetchError>> {
    let (server, network) = (server.clone(), network.clone());
    let half = network.sleep(Duration::from_millis(u64::from(server.delay_ms()) / 2));
    async move {
        half.await;
        let (now, headers) = (|| network.now().as_secs(), request.headers.as_slice());
        let answer =
            server.request_and_wait(&path, headers, &request.body, now, |time| network.sleep(time)).await;
        network.sleep(Duration::from_millis(u64::from(server.delay_ms()) / 2)).await;
        let unreachable =
            |error: amplet_vss::Unreachable| FetchError::Unreachable { url: path, detail: error.to_string() };
        let answer = answer.map_err(unreachable)?;
        Ok(HttpResponse { status: answer.status, headers: Vec::new(), body: answer.body })
    }
    .boxed_local()
}

impl World {
    /// Gives a node that is opened for the first time a backup.
    pub fn back_up(&self, name: &str) {
        self.backups.borrow_mut().insert(name.to_owned(), Purpose::SetUp);
    }

    /// Gives a node another disk, for the next time that it is opened.
    pub fn put_disk(&self, name: &str, disk: MemoryBackend) {
        self.disks.borrow_mut().insert(name.to_owned(), disk);
    }

    /// The backup of a node that runs.
    pub fn backup_of(&self, name: &str) -> Option<BackupStatus> {
        self.mirrors.borrow().get(name)?.status()
    }
}
