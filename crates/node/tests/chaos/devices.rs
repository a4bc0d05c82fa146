//! The wallets' devices and the server of their backups: trouble there, devices that are lost, and a wallet that moves.

use std::collections::BTreeMap;
use std::time::Duration;

use amplet_protocol::page::BackupState;
use amplet_storage::{MemoryBackend, Purpose};
use amplet_vss::Snapshot;

use crate::acts::{BackupTrouble, Name, WALLETS};
use crate::audit::Audit;
use crate::life::{Life, Member};
use crate::perform::Outcome;

/// Acts after which the server's trouble ends by itself.
const TROUBLE: u32 = 3;
/// Time within which a device hears what became of the wallet, and sends again what the server lacks.
const A_WHILE: Duration = Duration::from_secs(20);

/// See the head of this file.
#[derive(Default)]
pub struct Devices {
    /// Disks of the devices that a wallet has moved from.
    other: BTreeMap<Name, MemoryBackend>,
    /// What still runs there.
    left: Vec<(Name, Member)>,
    /// What the server had at some time.
    copy: Option<Snapshot>,
    /// Acts until the server is well again.
    trouble: u32,
    is_down: bool,
}

impl Life {
    /// A wallet whose backup cannot be reached says nothing.
    pub fn lacks_backup(&self, name: Name) -> bool {
        self.devices.is_down && WALLETS.contains(&name)
    }

    pub fn end_backup_trouble(&mut self) {
        self.devices.trouble = self.devices.trouble.saturating_sub(1);
        if self.devices.trouble == 0 {
            self.heal_backups();
        }
    }

    pub fn heal_backups(&mut self) {
        self.devices.trouble = 0;
        self.devices.is_down = false;
        self.world.vss.set_unreachable(false);
        self.world.vss.set_delay_ms(0);
        self.world.vss.lose_answers(0);
    }

    pub fn trouble_backup(&mut self, trouble: BackupTrouble) -> Outcome {
        self.heal_backups();
        self.devices.trouble = TROUBLE;
        match trouble {
            BackupTrouble::Down => {
                self.devices.is_down = true;
                self.world.vss.set_unreachable(true);
            }
            BackupTrouble::Slow => self.world.vss.set_delay_ms(400),
            BackupTrouble::Loses(count) => self.world.vss.lose_answers(count),
            BackupTrouble::Older => {
                // Who has gone on must be there to send it again: both are lost otherwise, the device and its backup.
                WALLETS.into_iter().try_for_each(|name| self.has_backup(name))?;
                let copy = self.devices.copy.replace(self.world.vss.snapshot()).ok_or("there is no copy")?;
                self.world.vss.restore(copy);
                self.pass(A_WHILE);
            }
        }
        if self.devices.copy.is_none() {
            self.devices.copy = Some(self.world.vss.snapshot());
        }
        Ok("done".to_owned())
    }

    /// The wallet runs, and its backup has everything.
    fn has_backup(&self, name: Name) -> Result<(), &'static str> {
        self.node(name).ok_or("it is down")?;
        if self.full.contains_key(name) || self.silent.contains_key(name) {
            return Err("it is in trouble");
        }
        self.pass(A_WHILE);
        let status = self.world.backup_of(name).ok_or("it has no backup")?;
        let is_current = status.active && status.state == BackupState::Current && !self.devices.is_down;
        if is_current { Ok(()) } else { Err("its backup lacks something") }
    }

    pub fn lose_device(&mut self, name: Name) -> Outcome {
        self.has_backup(name)?;
        self.kill(name, 0);
        self.devices.other.remove(name);
        self.begin_device(name, None);
        Ok("done".to_owned())
    }

    pub fn move_device(&mut self, name: Name) -> Outcome {
        self.has_backup(name)?;
        let disk = self.world.disk(name);
        let Some(member) = self.up.remove(name) else { return Err("it is down") };
        self.devices.left.push((name, member));
        let other = self.devices.other.insert(name, disk);
        self.begin_device(name, other);
        Ok("done".to_owned())
    }

    /// Opens a wallet on another disk, or on a new one.
    fn begin_device(&mut self, name: Name, disk: Option<MemoryBackend>) {
        let purpose = match disk {
            Some(_) => Purpose::Open { move_here: true },
            None => Purpose::Restore { move_here: true },
        };
        self.world.backups.borrow_mut().insert(name.to_owned(), purpose);
        self.world.put_disk(name, disk.unwrap_or_default());
        self.open(name);
        self.pass(A_WHILE);
    }
}

impl Audit<'_> {
    /// Devices that a wallet has moved from say nothing.
    pub fn devices(&mut self) {
        let speaks = |member: &Member| !member.power.is_off() && !member.node.peers().list().is_empty();
        let left = self.life.devices.left.iter().filter(|(_, member)| speaks(member));
        for name in left.map(|(name, _)| *name).collect::<Vec<_>>() {
            self.fault(format!("a device that {name} has moved from still speaks"));
        }
        for name in WALLETS {
            let status = self.life.world.backup_of(name);
            if let Some(status) = status.filter(|status| status.state != BackupState::Current) {
                self.fault(format!("{name}'s backup lacks something: {status:?}"));
            }
        }
    }
}
