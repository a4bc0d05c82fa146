//! What strangers may take.

use std::net::IpAddr;

use amplet_gateway::config::BackupSection;
use amplet_gateway::desk::backup::{Backup, Caller, SqliteStore};
use amplet_vss::{Message, PUT_OBJECTS, Refusal};

use super::client::{item, write};
use super::stores::{ADDRESS, caller, section};

/// A service with its folder.
struct Service(Backup, #[expect(dead_code, reason = "it lasts as long as the service")] tempfile::TempDir);

impl Service {
    fn new(limits: BackupSection) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let backup = Backup::new(limits);
        backup.set_store(Box::new(SqliteStore::open(&folder.path().join("backup.sqlite")).unwrap()));
        Self(backup, folder)
    }

    async fn put(
        &self,
        client: u8,
        address: IpAddr,
        store: &str,
        key: &str,
        bytes: usize,
    ) -> Result<(), Refusal> {
        let mut request = write(None, vec![item(key, vec![7; bytes], -1)]);
        request.store_id = store.into();
        self.0
            .answer(Caller { address, ..caller(client) }, PUT_OBJECTS, &request.encode_to_vec())
            .await
            .map(drop)
    }
}

const MIB: usize = 1 << 20;

#[tokio::test]
async fn a_wallets_stores_share_its_quota() {
    let service = Service::new(BackupSection { max_mib_per_wallet: 1, ..section() });
    service.put(1, ADDRESS, "a", "k", MIB / 2).await.unwrap();
    let over = service.put(1, ADDRESS, "b", "k", MIB / 2).await;
    assert!(matches!(over, Err(Refusal::Quota { unit: "bytes", .. })), "{over:?}");
    service.put(2, ADDRESS, "b", "k", MIB / 2).await.unwrap();
    service.put(1, ADDRESS, "b", "k", MIB / 4).await.unwrap();
    for store in 2..16 {
        service.put(1, ADDRESS, &store.to_string(), "k", 1).await.unwrap();
    }
    let over = service.put(1, ADDRESS, "one more", "k", 1).await;
    assert!(matches!(over, Err(Refusal::Quota { unit: "stores", .. })), "{over:?}");
}

#[tokio::test]
async fn an_address_begins_so_many_backups_in_a_day() {
    let service = Service::new(BackupSection { max_new_per_day_per_address: 2, ..section() });
    let address = |text: &str| text.parse::<IpAddr>().unwrap();
    let one = address("2001:db8::1");
    service.put(1, one, "s", "k", 1).await.unwrap();
    service.put(2, address("2001:db8::2"), "s", "k", 1).await.unwrap();
    assert_eq!(service.put(3, address("2001:db8::3"), "s", "k", 1).await, Err(Refusal::Full));
    service.put(1, one, "s", "k", 2).await.unwrap();
    service.put(3, ADDRESS, "s", "k", 1).await.unwrap();
}

/// When the disk's share is nearly used, those that are here still have room.
#[tokio::test]
async fn who_is_here_has_room_that_strangers_cannot_take() {
    let service = Service::new(BackupSection { max_total_mib: 10, ..section() });
    service.put(1, ADDRESS, "s", "k", MIB).await.unwrap();
    for client in 2..10 {
        let result = service.put(client, ADDRESS, "s", "k", MIB).await;
        assert_eq!(result.is_ok(), client < 9, "{client}: {result:?}");
    }
    assert!(!service.0.terms().takes_new);
    service.put(1, ADDRESS, "s", "more", MIB).await.unwrap();
    assert_eq!(service.put(1, ADDRESS, "s", "k", 4 * MIB).await, Err(Refusal::Full));
    service.put(2, ADDRESS, "s", "k", 1).await.unwrap();
    assert_eq!(service.put(1, ADDRESS, "s", "k", 2 * MIB).await, Ok(()));
}

#[tokio::test]
async fn before_the_store_is_open_clients_are_told_to_come_again() {
    let backup = Backup::new(section());
    let body = write(None, vec![item("a", "1", 0)]).encode_to_vec();
    let refusal = backup.answer(caller(1), PUT_OBJECTS, &body).await.unwrap_err();
    assert_eq!(refusal.status(), 503);
}
