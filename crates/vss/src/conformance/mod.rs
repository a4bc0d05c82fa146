//! The one suite that every server passes, whatever it stores in. A case panics where the contract is broken.

#![allow(clippy::unwrap_used, clippy::missing_panics_doc, clippy::indexing_slicing)]

pub mod devices;
pub mod listings;
pub mod writes;

use prost::Message;

use crate::messages::{
    DeleteObjectRequest, DeleteObjectResponse, ErrorCode, ErrorResponse, GetObjectRequest, GetObjectResponse,
    KeyValue, ListKeyVersionsRequest, ListKeyVersionsResponse, PutObjectRequest, PutObjectResponse,
};
use crate::{DELETE_OBJECT, GET_OBJECT, LIST_KEY_VERSIONS, PUT_OBJECTS};

/// Who asks, in which case. Clients and devices are numbers here.
#[derive(Clone, Copy, Debug)]
pub struct Asker {
    /// The client.
    pub client: u8,
    /// The device, where the request proves one: the key whose 32 bytes are this number.
    pub device: Option<u8>,
    /// Name of the case.
    pub case: &'static str,
}

/// A server under test, its door left out.
pub trait Subject {
    /// Asks for an operation, and returns the HTTP status and the body.
    fn ask(&self, asker: Asker, operation: &str, body: Vec<u8>) -> impl Future<Output = (u16, Vec<u8>)>;

    /// Ends the server and starts it again with what it has on its disk.
    fn restart(&mut self) -> impl Future<Output = ()>;
}

/// Calls the macro `$run` with the names of all cases: `$run!($($before)* case, case, ..)`.
#[macro_export]
macro_rules! server_cases {
    ($run:ident! $($before:tt)*) => {
        $run! { $($before)* writes::versions_count, writes::unconditional_writes_reset, writes::conflicts_change_nothing,
            writes::the_global_version_is_checked, writes::deletions, writes::malformed_requests, writes::clients_and_stores_are_apart,
            writes::any_bytes_and_lengths, writes::a_restart_keeps_everything, listings::newest_first, listings::pages_under_changes,
            listings::prefixes, listings::changes, listings::changes_under_writes, listings::forgotten_deletions,
            listings::an_older_copy_is_listed_whole, listings::bounded_pages, listings::foreign_tokens,
            devices::a_removed_one_is_refused, devices::removals_are_counted }
    };
}

/// Runs all cases, each in a store of its own.
pub async fn run(subject: &mut impl Subject) {
    macro_rules! all {
        ($($module:ident::$case:ident),* $(,)?) => {
            $( $module::$case(&mut Tester { subject, store: stringify!($case) }).await; )*
        };
    }
    crate::server_cases!(all!);
}

/// A failed request.
#[derive(Debug, PartialEq, Eq)]
pub struct Failed {
    /// The HTTP status.
    pub status: u16,
    /// The response.
    pub response: ErrorResponse,
}

/// A case's client 1 with a store.
pub struct Tester<'a, S> {
    subject: &'a mut S,
    store: &'static str,
}

/// An item of a write.
pub fn item(key: &str, value: impl AsRef<[u8]>, version: i64) -> KeyValue {
    KeyValue { key: key.into(), value: value.as_ref().to_vec(), version, deleted: false }
}

impl<S: Subject> Tester<'_, S> {
    fn asker(&self, client: u8) -> Asker {
        Asker { client, device: None, case: self.store }
    }

    async fn ask<Q: Message, A: Message + Default>(
        &self,
        client: u8,
        operation: &str,
        request: &Q,
    ) -> Result<A, Failed> {
        self.ask_on(client, None, operation, request).await
    }

    async fn ask_on<Q: Message, A: Message + Default>(
        &self,
        client: u8,
        device: Option<u8>,
        operation: &str,
        request: &Q,
    ) -> Result<A, Failed> {
        let asker = Asker { device, ..self.asker(client) };
        let (status, body) = self.subject.ask(asker, operation, request.encode_to_vec()).await;
        if status == 200 {
            return Ok(A::decode(body.as_slice()).unwrap());
        }
        Err(Failed { status, response: ErrorResponse::decode(body.as_slice()).unwrap() })
    }

    async fn get_as(&self, client: u8, store: &str, key: &str) -> Result<KeyValue, Failed> {
        let request =
            GetObjectRequest { store_id: store.into(), key: key.into(), ..GetObjectRequest::default() };
        let response: GetObjectResponse = self.ask(client, GET_OBJECT, &request).await?;
        Ok(response.value.unwrap())
    }

    /// The value and version of a key; `None` if there is none.
    async fn get(&self, key: &str) -> Option<(Vec<u8>, i64)> {
        match self.get_as(1, self.store, key).await {
            Ok(found) => {
                assert_eq!(found.key, key);
                Some((found.value, found.version))
            }
            Err(failed) => {
                assert_eq!(
                    (failed.status, failed.response.error_code()),
                    (404, ErrorCode::NoSuchKeyException)
                );
                None
            }
        }
    }

    async fn send_put(&self, request: &PutObjectRequest) -> Result<PutObjectResponse, Failed> {
        self.ask(1, PUT_OBJECTS, request).await
    }

    async fn write(
        &self,
        global_version: Option<i64>,
        puts: Vec<KeyValue>,
        deletes: Vec<KeyValue>,
    ) -> Result<PutObjectResponse, Failed> {
        let request = PutObjectRequest {
            store_id: self.store.into(),
            global_version,
            transaction_items: puts,
            delete_items: deletes,
            wait_ms: 0,
        };
        self.send_put(&request).await
    }

    async fn put(&self, puts: Vec<KeyValue>) {
        self.write(None, puts, Vec::new()).await.unwrap();
    }

    async fn delete(&self, key: &str, version: i64) {
        let key_value = Some(item(key, "", version));
        let request = DeleteObjectRequest { store_id: self.store.into(), key_value };
        let _: DeleteObjectResponse = self.ask(1, DELETE_OBJECT, &request).await.unwrap();
    }

    async fn list(&self, request: &ListKeyVersionsRequest) -> Result<ListKeyVersionsResponse, Failed> {
        let request = ListKeyVersionsRequest { store_id: self.store.into(), ..request.clone() };
        self.ask(1, LIST_KEY_VERSIONS, &request).await
    }

    /// All pages of a listing.
    async fn pages(&self, request: &ListKeyVersionsRequest) -> Vec<ListKeyVersionsResponse> {
        let mut request = request.clone();
        let mut pages = Vec::new();
        loop {
            let page = self.list(&request).await.unwrap();
            request.page_token = page.next_page_token.clone().filter(|token| !token.is_empty());
            pages.push(page);
            if request.page_token.is_none() {
                return pages;
            }
        }
    }

    /// The keys of all pages of a listing.
    async fn keys(&self, request: &ListKeyVersionsRequest) -> Vec<String> {
        let pages = self.pages(request).await;
        pages.into_iter().flat_map(|page| page.key_versions).map(|item| item.key).collect()
    }
}

/// Insists on a conflict, with these versions of the store.
fn is_conflict(result: &Result<PutObjectResponse, Failed>, global_version: i64, sequence: i64) {
    let failed = result.as_ref().err().unwrap();
    assert_eq!((failed.status, failed.response.error_code()), (409, ErrorCode::ConflictException));
    let versions = (failed.response.global_version, failed.response.sequence);
    assert_eq!(versions, (Some(global_version), Some(sequence)));
}
