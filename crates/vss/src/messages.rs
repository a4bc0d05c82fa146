//! Messages as protobuf. Fields below 1001 are those of the published `vss.proto`.

/// A key with its version, and its value where the message carries values.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct KeyValue {
    /// The key: UTF-8, opaque to the server.
    #[prost(string, tag = "1")]
    pub key: String,
    /// In a write: the version that it replaces, 0 for a key that is not there, -1 for whichever there is. In a response: the
    /// present version, which begins at 1.
    #[prost(int64, tag = "2")]
    pub version: i64,
    /// The value, encrypted by the client.
    #[prost(bytes = "vec", tag = "3")]
    pub value: Vec<u8>,
    /// Extension, in listings of what has changed: the key was deleted.
    #[prost(bool, tag = "1001")]
    pub deleted: bool,
}

/// Request of `getObject`.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct GetObjectRequest {
    /// The store.
    #[prost(string, tag = "1")]
    pub store_id: String,
    /// The key.
    #[prost(string, tag = "2")]
    pub key: String,
    /// Extension, beside `wait_ms`: the answer waits while the store has this global version.
    #[prost(int64, optional, tag = "1001")]
    pub while_version: Option<i64>,
    /// Extension: time that the answer may wait, in milliseconds, [`MAX_WATCH_MS`](crate::MAX_WATCH_MS) at most. A server that knows
    /// nothing of it, or has too many who wait, answers at once.
    #[prost(uint32, tag = "1002")]
    pub wait_ms: u32,
}

/// Response of `getObject`.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct GetObjectResponse {
    /// The key with version and value; always there.
    #[prost(message, optional, tag = "2")]
    pub value: Option<KeyValue>,
}

/// Request of `putObjects`: all of it in one transaction, or nothing.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct PutObjectRequest {
    /// The store.
    #[prost(string, tag = "1")]
    pub store_id: String,
    /// The global version that the store has to have, which this write raises by 1; without it, any, which stays.
    #[prost(int64, optional, tag = "2")]
    pub global_version: Option<i64>,
    /// What is written, each key once.
    #[prost(message, repeated, tag = "3")]
    pub transaction_items: Vec<KeyValue>,
    /// What is deleted; no value. A key that is not there is a conflict.
    #[prost(message, repeated, tag = "4")]
    pub delete_items: Vec<KeyValue>,
    /// Extension: time that the server may wait for the writes before this one (those up to `global_version`), in milliseconds,
    /// before it reports a conflict. A client that sends one write before the last was answered may see them overtake each other.
    #[prost(uint32, tag = "1001")]
    pub wait_ms: u32,
}

/// Response of `putObjects`: all of it is durable.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct PutObjectResponse {
    /// Extension: the store's sequence after this write.
    #[prost(int64, optional, tag = "1001")]
    pub sequence: Option<i64>,
}

/// Request of `deleteObject`.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct DeleteObjectRequest {
    /// The store.
    #[prost(string, tag = "1")]
    pub store_id: String,
    /// The key and its version. Where there is no such key, or another version of it, nothing happens.
    #[prost(message, optional, tag = "2")]
    pub key_value: Option<KeyValue>,
}

/// Response of `deleteObject`.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct DeleteObjectResponse {}

/// Extension: request of `removeDevice`. What a device asks for, in whatever store of the account, is refused from then on.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct RemoveDeviceRequest {
    /// The device's public key, compressed: 33 bytes.
    #[prost(bytes = "vec", tag = "1")]
    pub device: Vec<u8>,
}

/// Extension: response of `removeDevice`: it is durable.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct RemoveDeviceResponse {}

/// Request of `listKeyVersions`.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct ListKeyVersionsRequest {
    /// The store.
    #[prost(string, tag = "1")]
    pub store_id: String,
    /// Beginning of the keys that are listed; all without it.
    #[prost(string, optional, tag = "2")]
    pub key_prefix: Option<String>,
    /// Maximum number of keys in a page; the server's without it, or with 0.
    #[prost(int32, optional, tag = "3")]
    pub page_size: Option<i32>,
    /// `next_page_token` of the page before; none for the first.
    #[prost(string, optional, tag = "4")]
    pub page_token: Option<String>,
    /// Extension: list what was written after this sequence (0: everything) in the order of its last change, deleted keys
    /// included. Without it keys are listed in the order of their creation, newest first.
    #[prost(int64, optional, tag = "1001")]
    pub changed_since: Option<i64>,
    /// Extension, beside `changed_since`: with values.
    #[prost(bool, tag = "1002")]
    pub include_values: bool,
}

/// Response of `listKeyVersions`.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct ListKeyVersionsResponse {
    /// The keys with their versions.
    #[prost(message, repeated, tag = "1")]
    pub key_versions: Vec<KeyValue>,
    /// Token for the next page; none, or empty, after the last.
    #[prost(string, optional, tag = "2")]
    pub next_page_token: Option<String>,
    /// The store's global version, as it was before the keys were read; in the first page, and with `changed_since` in each.
    #[prost(int64, optional, tag = "3")]
    pub global_version: Option<i64>,
    /// Extension, with `changed_since`: the store's sequence at this page. All pages of a listing put together, the later before
    /// the earlier, are the store as it was at the sequence of the last one.
    #[prost(int64, optional, tag = "1001")]
    pub sequence: Option<i64>,
    /// Extension, with `changed_since`: everything is listed, not only what has changed; keys that are not in it are not there.
    #[prost(bool, tag = "1002")]
    pub full: bool,
}

/// Response to a request that failed.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct ErrorResponse {
    /// The reason, an [`ErrorCode`].
    #[prost(enumeration = "ErrorCode", tag = "1")]
    pub error_code: i32,
    /// The reason in English, for logs.
    #[prost(string, tag = "2")]
    pub message: String,
    /// Extension, of conflicts: the store's sequence.
    #[prost(int64, optional, tag = "1001")]
    pub sequence: Option<i64>,
    /// Extension, of conflicts: the store's global version.
    #[prost(int64, optional, tag = "1002")]
    pub global_version: Option<i64>,
    /// Extension: the limit that the request ran into, a [`Limit`].
    #[prost(enumeration = "Limit", tag = "1003")]
    pub limit: i32,
}

/// Reasons of errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, ::prost::Enumeration)]
#[repr(i32)]
pub enum ErrorCode {
    /// Not used.
    Unknown = 0,
    /// A version is not the one in the request.
    ConflictException = 1,
    /// The request cannot be understood or accepted.
    InvalidRequestException = 2,
    /// The server failed; the request may be repeated.
    InternalServerException = 3,
    /// There is no such key.
    NoSuchKeyException = 4,
    /// The request proves no key.
    AuthException = 5,
    /// Extension: the request is of a device that was removed.
    DeviceRemoved = 1001,
}

/// Limits that a request can run into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, ::prost::Enumeration)]
#[repr(i32)]
pub enum Limit {
    /// None.
    None = 0,
    /// The client's quota, in bytes or in keys.
    Quota = 1,
    /// The server takes no more of clients that it does not know.
    Server = 2,
    /// The request is too large.
    Request = 3,
}
