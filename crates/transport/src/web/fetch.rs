//! HTTP by `fetch`, aborted when its time is up, its future is dropped or its response is too large.

use futures::future::{Either, select};
use js_sys::{Reflect, Uint8Array};
use std::pin::pin;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AbortController, Headers, ReadableStreamDefaultReader, ReferrerPolicy, Request, RequestCredentials,
    RequestInit, Response, Url,
};

use super::{scope, sleep};
use crate::{AddressSpace, FetchError, HttpRequest, HttpResponse};

/// Ends the exchange when it goes out of scope; on a finished one this does nothing.
struct AbortOnDrop(AbortController);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

pub(super) async fn fetch(request: HttpRequest) -> Result<HttpResponse, FetchError> {
    let url = request.url.clone();
    let controller = AbortController::new().map_err(|thrown| invalid(&url, &thrown))?;
    let js_request = build(&request, &controller)?;
    let _abort = AbortOnDrop(controller);
    let exchange = pin!(exchange(&url, &js_request, request.max_body));
    match select(exchange, pin!(sleep(request.timeout))).await {
        Either::Left((result, _)) => result,
        Either::Right(_) => Err(FetchError::Timeout { url: url.clone(), after: request.timeout }),
    }
}

fn invalid(url: &str, thrown: &JsValue) -> FetchError {
    FetchError::InvalidRequest { url: url.into(), what: scope::text(thrown) }
}

fn build(request: &HttpRequest, controller: &AbortController) -> Result<Request, FetchError> {
    let invalid = |thrown: JsValue| invalid(&request.url, &thrown);
    let parsed = Url::new(&request.url).map_err(invalid)?;
    if !matches!(parsed.protocol().as_str(), "http:" | "https:") {
        let what = "it begins neither with http:// nor with https://".into();
        return Err(FetchError::InvalidRequest { url: request.url.clone(), what });
    }
    let headers = Headers::new().map_err(invalid)?;
    for (name, value) in &request.headers {
        headers.append(name, value).map_err(invalid)?;
    }
    let init = RequestInit::new();
    init.set_method(request.method.as_str());
    init.set_headers(&headers);
    init.set_signal(Some(&controller.signal()));
    // Neither cookies nor the page's address concern a gateway.
    init.set_credentials(RequestCredentials::Omit);
    init.set_referrer_policy(ReferrerPolicy::NoReferrer);
    if !request.body.is_empty() {
        init.set_body(&Uint8Array::from(request.body.as_slice()));
    }
    Request::new_with_str_and_init(&request.url, &init).map_err(invalid)
}

async fn exchange(url: &str, request: &Request, limit: usize) -> Result<HttpResponse, FetchError> {
    let response = match JsFuture::from(scope::start_fetch(request)).await {
        Ok(response) => response.unchecked_into::<Response>(),
        Err(thrown) => return Err(explain(url, &thrown).await),
    };
    let body = match response.body() {
        Some(stream) => read(url, stream.get_reader().unchecked_into(), limit).await?,
        None => Vec::new(),
    };
    Ok(HttpResponse { status: response.status(), headers: scope::pairs(&response.headers()), body })
}

async fn read(url: &str, reader: ReadableStreamDefaultReader, limit: usize) -> Result<Vec<u8>, FetchError> {
    let unreachable =
        |thrown: JsValue| FetchError::Unreachable { url: url.into(), detail: scope::text(&thrown) };
    let mut body = Vec::new();
    loop {
        let step = JsFuture::from(reader.read()).await.map_err(unreachable)?;
        let done = Reflect::get(&step, &"done".into()).map_err(unreachable)?;
        if done.is_truthy() {
            return Ok(body);
        }
        let value = Reflect::get(&step, &"value".into()).map_err(unreachable)?;
        let chunk: Uint8Array = value.unchecked_into();
        let start = body.len();
        let end = start.saturating_add(chunk.length() as usize);
        if end > limit {
            return Err(FetchError::TooLarge { url: url.into(), limit });
        }
        body.resize(end, 0);
        if let Some(place) = body.get_mut(start..) {
            chunk.copy_to(place);
        }
    }
}

/// The error of a failed `fetch`, from the page's situation: `fetch` itself reports "Failed to fetch" for everything.
async fn explain(url: &str, thrown: &JsValue) -> FetchError {
    let (host, clear) = match Url::new(url) {
        Ok(parsed) => (parsed.hostname(), parsed.protocol() == "http:"),
        Err(thrown) => return invalid(url, &thrown),
    };
    let site = scope::site(&host).await;
    if site.offline && AddressSpace::of(&host) == AddressSpace::Public {
        return FetchError::Offline;
    }
    match site.blocks(&host, clear) {
        Some(why) => FetchError::NotAllowed { url: url.into(), why },
        None => FetchError::Unreachable { url: url.into(), detail: scope::text(thrown) },
    }
}
