//! Query strings of lookups.

use std::time::Duration;

use serde::Deserialize;
use utoipa::IntoParams;

use crate::desk::amount::MsatText;
use crate::desk::error::ApiError;

/// The wait of a lookup.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Wait {
    /// Seconds to wait for the state to be decided.
    #[serde(default)]
    #[param(minimum = 0, maximum = 60, default = 0)]
    pub wait_secs: u32,
}

impl Wait {
    /// Maximum, in seconds.
    pub const MAX: u32 = 60;

    /// Returns the wait, unless it is longer than [`MAX`](Self::MAX).
    pub(super) fn limit(self) -> Result<Duration, ApiError> {
        if self.wait_secs > Self::MAX {
            return Err(ApiError::invalid(format!(
                "waitSecs: {} is above {}; ask again instead",
                self.wait_secs,
                Self::MAX
            )));
        }
        Ok(Duration::from_secs(u64::from(self.wait_secs)))
    }
}

/// A part of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// The `nextCursor` of the page before.
    #[serde(default)]
    #[param(nullable = false, pattern = "^[0-9a-f]{1,16}$")]
    pub cursor: Option<String>,
    /// Maximum length of the page.
    #[serde(default = "default_limit")]
    #[param(minimum = 1, maximum = 100, default = 20)]
    pub limit: u32,
}

fn default_limit() -> u32 {
    20
}

/// The wait of a session's lookup.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Credit {
    /// Wait until more than this has come in.
    #[serde(default)]
    #[param(nullable = false)]
    pub above_msat: Option<MsatText>,
    /// Seconds to wait for that.
    #[serde(default)]
    #[param(minimum = 0, maximum = 60, default = 0)]
    pub wait_secs: u32,
}
