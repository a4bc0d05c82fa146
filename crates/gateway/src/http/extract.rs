//! Extractors of bodies, queries and paths: their rejections are [`ApiError`]s.

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::desk::error::{ApiCode, ApiError};

/// The documentation of the API that a path belongs to.
fn documentation(path: &str) -> &'static str {
    if path.starts_with("/admin/") { "the gateway's README" } else { "/v1/openapi.json" }
}

/// A JSON object as body.
pub(super) struct Body<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let documentation = documentation(request.uri().path());
        // By itself serde would take a list for an object.
        let fields = Json::<serde_json::Map<String, Value>>::from_request(request, state).await;
        let Json(fields) = fields.map_err(|rejection| not_json(&rejection, documentation))?;
        let read = serde_json::from_value(Value::Object(fields));
        read.map(Self).map_err(|error| ApiError::invalid(format!("{error}; {documentation} shows the body")))
    }
}

fn not_json(rejection: &JsonRejection, documentation: &str) -> ApiError {
    let too_large = rejection.status() == StatusCode::PAYLOAD_TOO_LARGE;
    let code = if too_large { ApiCode::TooLarge } else { ApiCode::InvalidInput };
    let what = rejection.body_text();
    ApiError::new(
        code,
        format!("{what}; send JSON with `Content-Type: application/json`, as {documentation} shows"),
    )
}

/// A query string.
pub(super) struct Query<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let documentation = documentation(parts.uri.path());
        let query = axum::extract::Query::<T>::from_request_parts(parts, state).await;
        query.map(|axum::extract::Query(query)| Self(query)).map_err(|rejection: QueryRejection| {
            ApiError::invalid(format!("{}; {documentation} lists the queries", rejection.body_text()))
        })
    }
}

/// The parameters of a path.
pub(super) struct Path<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let documentation = documentation(parts.uri.path());
        let path = axum::extract::Path::<T>::from_request_parts(parts, state).await;
        path.map(|axum::extract::Path(path)| Self(path)).map_err(|rejection: PathRejection| {
            ApiError::invalid(format!("{}; {documentation} lists the paths", rejection.body_text()))
        })
    }
}

/// The answer to a path that there is not.
pub(super) async fn not_found(request: Request) -> ApiError {
    let documentation = documentation(request.uri().path());
    ApiError::new(ApiCode::NotFound, format!("no such path; {documentation} lists them"))
}

/// The answer to a path with another method.
pub(super) async fn wrong_method(request: Request) -> ApiError {
    let documentation = documentation(request.uri().path());
    ApiError::new(ApiCode::MethodNotAllowed, format!("this path has another method; see {documentation}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use axum::Router;
    use axum::body::Body;
    use axum::http::header;
    use axum::routing::get;
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test]
    async fn a_path_that_is_no_text_is_refused_as_anything_else_is() {
        let router = Router::new().route("/v1/{id}", get(async |Path(_): Path<String>| ()));
        let request = Request::get("/v1/%ab").body(Body::empty()).unwrap();
        let answer = router.oneshot(request).await.unwrap();
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
        assert_eq!(answer.headers()[header::CONTENT_TYPE], "application/json");
    }
}
