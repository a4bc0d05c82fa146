//! The paths of streaming sessions.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use tokio::time::Instant;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use super::auth::{Caller, unauthorized};
use super::queries::{Credit, Wait};
use crate::desk::error::ApiError;
use crate::desk::merchant::types::{CreateSession, Scope, Session, SessionState};
use crate::desk::merchant::{Subject, requests};
use crate::http::error::{Answer, BodyErrors, LookupErrors};
use crate::http::extract::{Body, Path, Query};

pub(super) fn all() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(create_session)).routes(routes!(session, close_session))
}

/// Open a streaming session.
///
/// Scope `sessions:create`. A wallet pays it by keysend to `nodeId` with the custom record 4279633: `id`, as UTF-8.
#[utoipa::path(post, path = "/v1/sessions", tag = "sessions", operation_id = "createSession",
    request_body = CreateSession,
    responses(
        (status = 201, body = Session, description = "Open."),
        (status = 409, body = ApiError, description = "notNow"),
        BodyErrors,
    ))]
async fn create_session(
    State(api): State<Api>,
    caller: Caller,
    Body(session): Body<CreateSession>,
) -> Result<(StatusCode, Json<Session>), ApiError> {
    let made = api.ask(caller, Scope::SessionsCreate, |account| requests::CreateSession { account, session });
    made.await.map(|session| (StatusCode::CREATED, Json(session)))
}

/// Look a session up; wait until it has brought more.
///
/// Scope `sessions:read`.
#[utoipa::path(get, path = "/v1/sessions/{id}", tag = "sessions", operation_id = "getSession",
    params(("id" = String, Path, description = "As it was opened."), Credit),
    responses(
        (status = 200, body = Session, description = "As it is now, or when more than `aboveMsat` had come in."),
        LookupErrors,
    ))]
async fn session(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    Query(credit): Query<Credit>,
) -> Answer<Session> {
    let key = caller.may(Scope::SessionsRead)?;
    let limit = Wait { wait_secs: credit.wait_secs }.limit()?;
    let subject = Subject::Session(id.as_str().into());
    let (mut changes, end) = (api.events.subscribe(), Instant::now() + limit);
    loop {
        let session = requests::GetSession { account: key.account.clone(), id: id.clone() };
        let now = api.node.ask(session).await?;
        let is_enough = now.received_msat > credit.above_msat.unwrap_or_default();
        if is_enough || now.state == SessionState::Closed || Instant::now() >= end {
            return Ok(Json(now));
        }
        tokio::select! {
            () = changes.of(&subject) => {}
            () = tokio::time::sleep_until(end.min(Instant::now() + Duration::from_secs(10))) => {}
            () = api.node.down() => return Ok(Json(now)),
            () = api.keys.revoked(&key.id) => return Err(unauthorized()),
        }
    }
}

/// Close a session: later payments go back to their payer.
///
/// Scope `sessions:create`. Returns what it brought; payments in flight at that moment may still come in.
#[utoipa::path(delete, path = "/v1/sessions/{id}", tag = "sessions", operation_id = "closeSession",
    params(("id" = String, Path, description = "As it was opened.")),
    responses(
        (status = 200, body = Session, description = "Closed."),
        LookupErrors,
    ))]
async fn close_session(State(api): State<Api>, caller: Caller, Path(id): Path<String>) -> Answer<Session> {
    api.ask(caller, Scope::SessionsCreate, |account| requests::CloseSession { account, id }).await.map(Json)
}
