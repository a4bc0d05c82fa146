//! The client that ldk-node uses, with its own signatures, encryption and obfuscated keys.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bitcoin::secp256k1::SecretKey;
use vss_client_ng::client::VssClient;
use vss_client_ng::error::VssError;
use vss_client_ng::headers::sigs_auth::SigsAuthProvider;
use vss_client_ng::prost::Message;
use vss_client_ng::types::{
    DeleteObjectRequest, GetObjectRequest, KeyValue, ListKeyVersionsRequest, PutObjectRequest, Storable,
};
use vss_client_ng::util::key_obfuscator::KeyObfuscator;
use vss_client_ng::util::retry::{ExponentialBackoffRetryPolicy, MaxAttemptsRetryPolicy, RetryPolicy};
use vss_client_ng::util::storable_builder::{EntropySource, StorableBuilder};

use super::cluster::Cluster;
use crate::harness::{Gateway, configure, folder};

const STORE: &str = "ldk";
const KEY: [u8; 32] = [9; 32];

type Client = VssClient<MaxAttemptsRetryPolicy<ExponentialBackoffRetryPolicy<VssError>>>;

struct Random;

impl EntropySource for Random {
    fn fill_bytes(&self, buffer: &mut [u8]) {
        getrandom::getrandom(buffer).unwrap();
    }
}

/// A wallet of another make.
struct Wallet {
    client: Client,
    keys: KeyObfuscator,
    values: StorableBuilder<Random>,
}

impl Wallet {
    fn new(base: &str, secret: u8) -> Self {
        let secret = SecretKey::from_slice(&[secret; 32]).unwrap();
        let signatures = Arc::new(SigsAuthProvider::new(secret, HashMap::new()));
        let retries = ExponentialBackoffRetryPolicy::new(Duration::from_millis(10)).with_max_attempts(2);
        Self {
            client: VssClient::new_with_headers(base.to_owned(), retries, signatures),
            keys: KeyObfuscator::new(KEY),
            values: StorableBuilder::new(Random),
        }
    }

    fn item(&self, key: &str, value: &[u8], version: i64) -> KeyValue {
        let key = self.keys.obfuscate(key);
        let value = self.values.build(value.to_vec(), version, &KEY, key.as_bytes()).encode_to_vec();
        KeyValue { key, version, value }
    }

    async fn put(&self, global_version: Option<i64>, items: Vec<KeyValue>) -> Result<(), VssError> {
        let request = PutObjectRequest {
            store_id: STORE.into(),
            global_version,
            transaction_items: items,
            delete_items: Vec::new(),
        };
        self.client.put_object(&request).await.map(drop)
    }

    async fn get(&self, key: &str) -> Result<(Vec<u8>, i64), VssError> {
        let key = self.keys.obfuscate(key);
        let request = GetObjectRequest { store_id: STORE.into(), key: key.clone() };
        let found = self.client.get_object(&request).await?.value.unwrap();
        let storable = Storable::decode(found.value.as_slice()).unwrap();
        let (value, _) = self.values.deconstruct(storable, &KEY, key.as_bytes()).unwrap();
        Ok((value, found.version))
    }

    async fn list(&self) -> Vec<String> {
        let mut keys = Vec::new();
        let mut page_token = None;
        loop {
            let request = ListKeyVersionsRequest {
                store_id: STORE.into(),
                key_prefix: None,
                page_size: Some(2),
                page_token,
            };
            let page = self.client.list_key_versions(&request).await.unwrap();
            keys.extend(page.key_versions.iter().map(|item| self.keys.deobfuscate(&item.key).unwrap()));
            page_token = page.next_page_token.filter(|token| !token.is_empty());
            if page_token.is_none() {
                return keys;
            }
        }
    }
}

async fn lives_here(base: &str) {
    let wallet = Wallet::new(base, 1);
    let missing = wallet.get("manager").await;
    assert!(matches!(missing, Err(VssError::NoSuchKeyError(_))), "{missing:?}");
    let items = vec![wallet.item("manager", b"one", 0), wallet.item("monitor", b"one", 0)];
    wallet.put(Some(0), items).await.unwrap();
    wallet.put(Some(1), vec![wallet.item("manager", b"two", 1)]).await.unwrap();
    let stale = wallet.put(Some(1), vec![wallet.item("monitor", b"two", 1)]).await;
    assert!(matches!(stale, Err(VssError::ConflictError(_))), "{stale:?}");
    wallet.put(None, vec![wallet.item("network graph", &[7; 100_000], -1)]).await.unwrap();
    assert_eq!(wallet.get("manager").await.unwrap(), (b"two".to_vec(), 2));
    assert_eq!(wallet.get("monitor").await.unwrap(), (b"one".to_vec(), 1));
    assert_eq!(wallet.get("network graph").await.unwrap().0.len(), 100_000);
    assert_eq!(wallet.list().await, ["network graph", "monitor", "manager"]);
    let key_value = Some(KeyValue { value: Vec::new(), ..wallet.item("monitor", b"", -1) });
    let request = DeleteObjectRequest { store_id: STORE.into(), key_value };
    wallet.client.delete_object(&request).await.unwrap();
    assert_eq!(wallet.list().await, ["network graph", "manager"]);
    let invalid = wallet.put(None, vec![KeyValue { key: String::new(), ..wallet.item("x", b"", 0) }]).await;
    assert!(matches!(invalid, Err(VssError::InvalidRequestError(_))), "{invalid:?}");
    let stranger = Wallet::new(base, 2);
    assert!(stranger.list().await.is_empty());
    assert!(matches!(stranger.get("manager").await, Err(VssError::NoSuchKeyError(_))));
    let nobody = VssClient::new(
        base.to_owned(),
        ExponentialBackoffRetryPolicy::new(Duration::ZERO).with_max_attempts(1),
    );
    let request = GetObjectRequest { store_id: STORE.into(), key: "manager".into() };
    assert!(matches!(nobody.get_object(&request).await, Err(VssError::AuthError(_))));
}

async fn served(more: &str) {
    let dir = folder();
    configure(dir.path(), more);
    let mut gateway = Gateway::start(dir.path());
    gateway.wait_for_log("wallets can keep backups here");
    lives_here(&format!("http://{}/vss/v1", gateway.http)).await;
}

#[tokio::test]
async fn it_is_served_from_sqlite() {
    served("").await;
}

#[tokio::test]
async fn it_is_served_from_postgresql() {
    let cluster = Cluster::start();
    served(&format!("[backup]\npostgres = \"{}\"\n", cluster.url())).await;
}
