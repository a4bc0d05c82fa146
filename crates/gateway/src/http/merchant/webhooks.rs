//! The paths of webhooks.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use super::auth::Caller;
use crate::desk::error::ApiError;
use crate::desk::merchant::requests;
use crate::desk::merchant::types::{CreateWebhook, MadeWebhook, Scope, Webhooks};
use crate::http::error::{Answer, BodyErrors, KeyErrors, LookupErrors};
use crate::http::extract::{Body, Path};

pub(super) fn all() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(create_webhook, webhooks))
        .routes(routes!(remove_webhook))
        .routes(routes!(ping_webhook))
}

/// Register a webhook.
///
/// Scope `webhooks`. Each event is a POST of `{id, type, createdAt, data}`, signed (see `secret`), repeated until it is answered
/// with 2xx within 10 seconds: at first after a second, then at doubling pauses up to an hour, for a day. So the same event may
/// come twice; its `id` shows it.
#[utoipa::path(post, path = "/v1/webhooks", tag = "webhooks", operation_id = "createWebhook",
    request_body = CreateWebhook,
    responses(
        (status = 201, body = MadeWebhook, description = "Registered."),
        BodyErrors,
    ))]
async fn create_webhook(
    State(api): State<Api>,
    caller: Caller,
    Body(webhook): Body<CreateWebhook>,
) -> Result<(StatusCode, Json<MadeWebhook>), ApiError> {
    let made = api.ask(caller, Scope::Webhooks, |account| requests::CreateWebhook { account, webhook });
    made.await.map(|made| (StatusCode::CREATED, Json(made)))
}

/// List the account's webhooks.
///
/// Scope `webhooks`.
#[utoipa::path(get, path = "/v1/webhooks", tag = "webhooks", operation_id = "listWebhooks",
    responses(
        (status = 200, body = Webhooks, description = "All."),
        KeyErrors,
    ))]
async fn webhooks(State(api): State<Api>, caller: Caller) -> Answer<Webhooks> {
    api.ask(caller, Scope::Webhooks, |account| requests::ListWebhooks { account }).await.map(Json)
}

/// Remove a webhook, and the calls that wait for it.
///
/// Scope `webhooks`.
#[utoipa::path(delete, path = "/v1/webhooks/{id}", tag = "webhooks", operation_id = "removeWebhook",
    params(("id" = String, Path, description = "As listed.")),
    responses(
        (status = 204, description = "Removed."),
        LookupErrors,
    ))]
async fn remove_webhook(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let removed = api.ask(caller, Scope::Webhooks, |account| requests::RemoveWebhook { account, id });
    removed.await.map(|()| StatusCode::NO_CONTENT)
}

/// Call a webhook to try it.
///
/// Scope `webhooks`. It gets an event of type `ping`; the list shows the outcome.
#[utoipa::path(post, path = "/v1/webhooks/{id}/ping", tag = "webhooks", operation_id = "pingWebhook",
    params(("id" = String, Path, description = "As listed.")),
    responses(
        (status = 202, description = "It is going to be called."),
        LookupErrors,
    ))]
async fn ping_webhook(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let called = api.ask(caller, Scope::Webhooks, |account| requests::PingWebhook { account, id });
    called.await.map(|()| StatusCode::ACCEPTED)
}
