//! A client of the running gateway's admin API, for the command line.

use std::time::Duration;

use amplet_transport::{FetchError, HttpClient, HttpMethod, HttpRequest, HttpResponse, NativePlatform};
use bitcoin::hex::DisplayHex;
use serde::Serialize;
use serde::de::DeserializeOwned;
use subtle::ConstantTimeEq;

use crate::config::{Config, Secret};
use crate::desk::error::ApiError;
use crate::desk::proof::Proof;
use crate::desk::random::random;

/// Hardly anything takes long.
const LIMIT: Duration = Duration::from_secs(30);
/// Peers have a minute to agree to a channel, and to sign its funding, which then is saved.
const PEERS_LIMIT: Duration = Duration::from_secs(90);

/// Errors of asking the running gateway.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The gateway does not answer.
    #[error(
        "the gateway does not answer at {url} ({what}); start it, or give the configuration that it runs with"
    )]
    Unreachable {
        /// Its admin API.
        url: String,
        /// The error.
        what: String,
    },
    /// Another program answers there, or another release.
    #[error("what answers at {url} is not this gateway ({what}); check [admin] listen")]
    Strange {
        /// Its admin API.
        url: String,
        /// The part of its answer that was not understood.
        what: String,
    },
    /// It refused.
    #[error("{0}")]
    Refused(ApiError),
    /// No TLS, or no runtime.
    #[error("the system does not give what this needs ({0}); free memory or processes, then try again")]
    System(String),
}

/// Runs `work` with a client for `path` of the admin API.
pub(crate) fn run<T>(
    config: &Config,
    path: &str,
    work: impl AsyncFnOnce(Admin) -> Result<T, AdminError>,
) -> Result<T, AdminError> {
    let system = |error: String| AdminError::System(error);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| system(error.to_string()))?;
    let platform = NativePlatform::new().map_err(|error| system(error.to_string()))?;
    let api = format!("http://{}/admin/v1", config.admin.listen);
    let base = format!("{api}/{path}");
    let (token, limit) = (config.admin.token.clone(), LIMIT);
    let admin = Admin { http: platform.http(), base, api, token, limit };
    runtime.block_on(async {
        admin.verify().await?;
        work(admin).await
    })
}

/// The admin API at one path.
pub(crate) struct Admin {
    http: HttpClient,
    api: String,
    base: String,
    token: Secret,
    limit: Duration,
}

impl Admin {
    /// Checks that the gateway is who listens there, before it gets the token.
    async fn verify(&self) -> Result<(), AdminError> {
        let nonce =
            random::<32>().map_err(|error| AdminError::System(error.to_string()))?.to_lower_hex_string();
        let answer = self.exchange(HttpRequest::get(format!("{}/proof/{nonce}", self.api))).await?;
        let given = serde_json::from_slice::<Proof>(&answer.body).map(|it| it.proof).unwrap_or_default();
        let expected = Proof::new(&self.token, &nonce).proof;
        if given.as_bytes().ct_eq(expected.as_bytes()).unwrap_u8() == 1 {
            return Ok(());
        }
        Err(self.strange("it does not prove that it has the admin token, so that was not sent to it".into()))
    }

    /// The same at another path.
    pub fn at(&self, path: &str) -> Self {
        Self {
            http: self.http.clone(),
            base: format!("{}/{path}", self.api),
            api: self.api.clone(),
            token: self.token.clone(),
            limit: self.limit,
        }
    }

    /// The same, for what waits for peers.
    pub fn patient(self) -> Self {
        Self { limit: PEERS_LIMIT, ..self }
    }

    /// Lists what is there.
    pub async fn list<T: DeserializeOwned>(&self) -> Result<T, AdminError> {
        self.ask(HttpRequest::get(self.base.clone())).await
    }

    /// Adds one.
    pub async fn add<T: DeserializeOwned>(&self, new: &impl Serialize) -> Result<T, AdminError> {
        let body = serde_json::to_vec(new).map_err(|error| AdminError::System(error.to_string()))?;
        let request = HttpRequest::post(self.base.clone(), body).header("content-type", "application/json");
        self.ask(request).await
    }

    /// Revokes one; returns its id.
    pub async fn revoke(&self, id: &str) -> Result<String, AdminError> {
        // It becomes a part of a URL.
        let id: String = id.chars().filter(char::is_ascii_alphanumeric).collect();
        let mut request = HttpRequest::get(format!("{}/{id}", self.base));
        request.method = HttpMethod::Delete;
        self.send(request).await?;
        Ok(id)
    }

    async fn ask<T: DeserializeOwned>(&self, request: HttpRequest) -> Result<T, AdminError> {
        let body = self.send(request).await?;
        serde_json::from_slice(&body).map_err(|error| self.strange(error.to_string()))
    }

    async fn send(&self, request: HttpRequest) -> Result<Vec<u8>, AdminError> {
        let request = request.header("authorization", format!("Bearer {}", self.token.expose()));
        let answer = self.exchange(request).await?;
        if (200..300).contains(&answer.status) {
            return Ok(answer.body);
        }
        match serde_json::from_slice::<ApiError>(&answer.body) {
            Ok(error) => Err(AdminError::Refused(error)),
            Err(_) => Err(self.strange(format!("HTTP {}", answer.status))),
        }
    }

    async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, AdminError> {
        let unreachable =
            |error: FetchError| AdminError::Unreachable { url: self.base.clone(), what: error.to_string() };
        self.http.fetch(request.timeout(self.limit)).await.map_err(unreachable)
    }

    fn strange(&self, what: String) -> AdminError {
        AdminError::Strange { url: self.base.clone(), what }
    }
}
