//! The paths of streaming sessions.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use tokio::time::Instant;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use super::auth::Caller;
use super::error::ApiError;
use super::routes::{Answer, Asked, Body};
use super::types::{CreateSession, Credit, Scope, Session, SessionState, Wait};

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
        (status = 400, body = ApiError, description = "invalidInput"),
        (status = 401, body = ApiError, description = "unauthorized"),
        (status = 403, body = ApiError, description = "forbidden"),
        (status = 409, body = ApiError, description = "notNow"),
        (status = 413, body = ApiError, description = "tooLarge"),
        (status = 429, body = ApiError, description = "rateLimited"),
        (status = 503, body = ApiError, description = "nodeDown"),
    ))]
async fn create_session(
    State(api): State<Api>,
    caller: Caller,
    Body(request): Body<CreateSession>,
) -> Result<(StatusCode, Json<Session>), ApiError> {
    let key = caller.may(Scope::SessionsCreate)?;
    let work = api.node.at_desk(move |desk| async move { desk.create_session(&key, request).await });
    work.await.map(|session| (StatusCode::CREATED, Json(session)))
}

/// Look a session up; wait until it has brought more.
///
/// Scope `sessions:read`.
#[utoipa::path(get, path = "/v1/sessions/{id}", tag = "sessions", operation_id = "getSession",
    params(("id" = String, Path, description = "As it was opened."), Credit),
    responses(
        (status = 200, body = Session, description = "As it is now, or when more than `aboveMsat` had come in."),
        (status = 400, body = ApiError, description = "invalidInput"),
        (status = 401, body = ApiError, description = "unauthorized"),
        (status = 403, body = ApiError, description = "forbidden"),
        (status = 404, body = ApiError, description = "notFound"),
        (status = 429, body = ApiError, description = "rateLimited"),
        (status = 503, body = ApiError, description = "nodeDown"),
    ))]
async fn session(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    Asked(credit): Asked<Credit>,
) -> Answer<Session> {
    let key = caller.may(Scope::SessionsRead)?;
    let limit = super::routes::limit(Wait { wait_secs: credit.wait_secs })?;
    let (mut news, end) = (api.hub.listen(), Instant::now() + limit);
    loop {
        let (account, name) = (key.account.clone(), id.clone());
        let now = api.node.at_desk(move |desk| async move { desk.session(&account, &name).await }).await?;
        let is_enough = now.received_msat > credit.above_msat.unwrap_or_default();
        if is_enough || now.state == SessionState::Closed || Instant::now() >= end {
            return Ok(Json(now));
        }
        tokio::select! {
            () = news.of(&id) => {}
            () = tokio::time::sleep_until(end.min(Instant::now() + Duration::from_secs(10))) => {}
            () = api.node.down() => return Ok(Json(now)),
        }
    }
}

/// Close a session: later payments go back to their payer.
///
/// Scope `sessions:create`. Answers what it brought; what is on its way at that moment may still come in.
#[utoipa::path(delete, path = "/v1/sessions/{id}", tag = "sessions", operation_id = "closeSession",
    params(("id" = String, Path, description = "As it was opened.")),
    responses(
        (status = 200, body = Session, description = "Closed."),
        (status = 400, body = ApiError, description = "invalidInput"),
        (status = 401, body = ApiError, description = "unauthorized"),
        (status = 403, body = ApiError, description = "forbidden"),
        (status = 404, body = ApiError, description = "notFound"),
        (status = 429, body = ApiError, description = "rateLimited"),
        (status = 503, body = ApiError, description = "nodeDown"),
    ))]
async fn close_session(State(api): State<Api>, caller: Caller, Path(id): Path<String>) -> Answer<Session> {
    let key = caller.may(Scope::SessionsCreate)?;
    api.node.at_desk(move |desk| async move { desk.close_session(&key.account, &id).await }).await.map(Json)
}
