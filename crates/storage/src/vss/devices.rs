//! The devices of an account: the name of this one, and the removal of others.

use super::VssBackend;
use super::wire::call;
use crate::StoreError;
use amplet_vss::REMOVE_DEVICE;
use amplet_vss::messages::{RemoveDeviceRequest, RemoveDeviceResponse};

/// Maximum length of a device's name, in bytes; of a longer one the beginning is used.
const MAX_NAME: usize = 64;

pub(super) fn shortened(name: &str) -> String {
    let end = (0..=MAX_NAME).rev().find(|end| name.is_char_boundary(*end)).unwrap_or_default();
    name.get(..end).unwrap_or(name).to_owned()
}

impl VssBackend {
    /// Name of this device.
    pub(crate) fn device(&self) -> String {
        self.device.borrow().clone()
    }

    /// Names this device anew; the lease says so from its next takeover on.
    pub(crate) fn set_device(&self, name: &str) {
        self.device.replace(shortened(name));
    }

    /// Has the server refuse, from now on and in all stores of the account, whatever the device with this public key asks for.
    ///
    /// # Errors
    /// The server's: the device is as it was, or, where no answer came, that is not known.
    pub(crate) async fn remove_device(&self, device: &[u8; 33]) -> Result<(), StoreError> {
        self.usable()?;
        self.count(0);
        let request = RemoveDeviceRequest { device: device.to_vec() };
        let RemoveDeviceResponse {} = call(&*self.surroundings, REMOVE_DEVICE, &request).await?;
        Ok(())
    }
}
