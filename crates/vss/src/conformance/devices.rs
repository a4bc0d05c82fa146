//! Cases of devices that are removed.

use bitcoin::secp256k1::{Secp256k1, SecretKey};

use super::{Failed, Subject, Tester, item};
use crate::messages::{
    DeleteObjectRequest, DeleteObjectResponse, ErrorCode, GetObjectRequest, GetObjectResponse, Limit,
    ListKeyVersionsRequest, ListKeyVersionsResponse, PutObjectRequest, PutObjectResponse,
    RemoveDeviceRequest, RemoveDeviceResponse,
};
use crate::{DELETE_OBJECT, GET_OBJECT, LIST_KEY_VERSIONS, MAX_REMOVED_DEVICES, PUT_OBJECTS, REMOVE_DEVICE};

const PHONE: Option<u8> = Some(1);
const LAPTOP: Option<u8> = Some(2);

fn key(device: u8) -> Vec<u8> {
    SecretKey::from_slice(&[device; 32]).unwrap().public_key(&Secp256k1::new()).serialize().to_vec()
}

impl<S: Subject> Tester<'_, S> {
    async fn remove(
        &self,
        client: u8,
        by: Option<u8>,
        device: Vec<u8>,
    ) -> Result<RemoveDeviceResponse, Failed> {
        self.ask_on(client, by, REMOVE_DEVICE, &RemoveDeviceRequest { device }).await
    }

    /// The statuses of every operation of a client's device; 200: it was done.
    async fn statuses(&self, client: u8, device: Option<u8>) -> Vec<u16> {
        let store_id = || self.store.to_owned();
        let status = |failed: Failed| {
            assert!(failed.status != 403 || failed.response.error_code() == ErrorCode::DeviceRemoved);
            failed.status
        };
        let done = |result: Result<(), Failed>| result.err().map_or(200, status);
        let get = GetObjectRequest { store_id: store_id(), key: "a".into(), ..GetObjectRequest::default() };
        let got = self.ask_on::<_, GetObjectResponse>(client, device, GET_OBJECT, &get).await;
        let list = ListKeyVersionsRequest { store_id: store_id(), ..ListKeyVersionsRequest::default() };
        let listed =
            self.ask_on::<_, ListKeyVersionsResponse>(client, device, LIST_KEY_VERSIONS, &list).await;
        let items = vec![item("a", "x", -1)];
        let put = PutObjectRequest {
            store_id: store_id(),
            transaction_items: items,
            ..PutObjectRequest::default()
        };
        let written = self.ask_on::<_, PutObjectResponse>(client, device, PUT_OBJECTS, &put).await;
        let delete = DeleteObjectRequest { store_id: store_id(), key_value: Some(item("b", "", -1)) };
        let deleted = self.ask_on::<_, DeleteObjectResponse>(client, device, DELETE_OBJECT, &delete).await;
        [got.map(drop), listed.map(drop), written.map(drop), deleted.map(drop)]
            .into_iter()
            .map(done)
            .collect()
    }
}

/// A removed device reads, writes and removes nothing, in its account; others are as before. It stays so.
pub async fn a_removed_one_is_refused<S: Subject>(t: &mut Tester<'_, S>) {
    t.put(vec![item("a", "1", 0), item("b", "1", 0)]).await;
    for device in [PHONE, LAPTOP, None] {
        assert_eq!(t.statuses(1, device).await, [200; 4]);
    }
    t.remove(1, LAPTOP, key(1)).await.unwrap();
    t.remove(1, LAPTOP, key(1)).await.unwrap();
    t.put(vec![item("a", "kept", -1), item("b", "kept", -1)]).await;
    for _ in 0..2 {
        assert_eq!(t.statuses(1, PHONE).await, [403; 4]);
        assert_eq!(t.get("a").await.unwrap().0, b"kept");
        assert!(t.get("b").await.is_some(), "it deletes nothing");
        assert_eq!(t.remove(1, PHONE, key(2)).await.unwrap_err().status, 403);
        t.subject.restart().await;
    }
    for device in [LAPTOP, None] {
        assert_eq!(t.statuses(1, device).await, [200; 4]);
    }
    let of_another = t.statuses(2, PHONE).await;
    assert!(!of_another.contains(&403), "a device of the same key in another account: {of_another:?}");
    for malformed in [Vec::new(), vec![2; 32], vec![2; 34]] {
        assert_eq!(t.remove(1, LAPTOP, malformed).await.unwrap_err().status, 400);
    }
}

/// There is a limit, and what was removed stays removed at it.
pub async fn removals_are_counted<S: Subject>(t: &mut Tester<'_, S>) {
    for number in 0..MAX_REMOVED_DEVICES {
        let device = [vec![2; 25], number.to_be_bytes().to_vec()].concat();
        t.remove(3, LAPTOP, device).await.unwrap();
    }
    let full = t.remove(3, LAPTOP, key(1)).await.unwrap_err();
    assert_eq!((full.status, full.response.limit()), (507, Limit::Quota));
    t.remove(3, LAPTOP, [vec![2; 25], vec![0; 8]].concat()).await.unwrap();
    assert_eq!(t.statuses(3, PHONE).await, [404, 200, 200, 200]);
}
