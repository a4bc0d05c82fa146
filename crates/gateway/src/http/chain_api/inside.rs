//! The chain API without a connection: for the gateway's own node, whatever becomes of the public door.

use amplet_transport::{FetchError, HttpRequest, HttpResponse, header_texts};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tower::ServiceExt;

use crate::node::Inside;

/// Answers requests with this router, on that runtime.
pub fn inside(router: Router, runtime: Handle) -> Inside {
    Inside::new(move |request| {
        let (router, url, after) = (router.clone(), request.url.clone(), request.timeout);
        let task = Ended(runtime.spawn(async move {
            tokio::time::timeout(after, exchange(router, request))
                .await
                .unwrap_or(Err(FetchError::Timeout { url, after }))
        }));
        Box::pin(task.result())
    })
}

async fn exchange(router: Router, request: HttpRequest) -> Result<HttpResponse, FetchError> {
    let HttpRequest { method, url, headers, body, max_body, .. } = request;
    let unreachable = |detail: String| FetchError::Unreachable { url: url.clone(), detail };
    let builder = Request::builder().method(method.as_str()).uri(&url);
    let builder = headers.into_iter().fold(builder, |builder, (name, value)| builder.header(name, value));
    let invalid =
        |error: axum::http::Error| FetchError::InvalidRequest { url: url.clone(), what: error.to_string() };
    let asked = builder.body(Body::from(body)).map_err(invalid)?;
    let answer = router.oneshot(asked).await.unwrap_or_else(|never| match never {});
    let (head, body) = answer.into_parts();
    let body = to_bytes(body, max_body).await.map_err(|error| unreachable(error.to_string()))?;
    let headers = header_texts(&head.headers);
    Ok(HttpResponse { status: head.status.as_u16(), headers, body: body.into() })
}

/// A task that ends with the one who waits for it.
struct Ended<T>(JoinHandle<T>);

impl<T> Drop for Ended<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Ended<Result<HttpResponse, FetchError>> {
    async fn result(mut self) -> Result<HttpResponse, FetchError> {
        let ended = (&mut self.0).await;
        ended.unwrap_or_else(|error| {
            let detail = format!("the gateway's own chain API failed: {error}");
            Err(FetchError::Unreachable { url: crate::node::CHAIN_URL.into(), detail })
        })
    }
}
