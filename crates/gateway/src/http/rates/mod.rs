//! `GET /rates/v1`: prices of bitcoin in other currencies, for wallets to show beside amounts. Asked of the configured sources every few
//! minutes; where several know a currency, its price is the middle one. None is made up: what is old is not served.

mod read;

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use amplet_protocol::gateway::Rates;
use amplet_transport::{HttpClient, HttpRequest, NativePlatform};
use axum::extract::State;
use axum::http::{StatusCode, Uri, header};
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use tracing::{debug, warn};

use crate::config::RatesSection;
use crate::desk::clock::unix_now;
use crate::http::chain_api::StartError;
use crate::http::chain_api::answers::cors;

/// Pause between two questions to a source.
const EVERY: Duration = Duration::from_secs(5 * 60);
/// The same while none has answered.
const RETRY: Duration = Duration::from_secs(20);
/// Time for an answer.
const LIMIT: Duration = Duration::from_secs(10);
/// Maximum length of an answer, in bytes.
const MAX_ANSWER: usize = 256 << 10;
/// Age, in seconds, from which a source's prices do not count any more.
const OLD: u64 = 3600;

/// What a source said last.
struct Answer {
    /// Its host.
    source: String,
    /// Price of one bitcoin, by currency.
    prices: BTreeMap<String, f64>,
    /// Seconds since the UNIX epoch.
    at: u64,
}

type Answers = Arc<RwLock<BTreeMap<usize, Answer>>>;

/// The door, and a task that asks the sources for as long as the program runs; without sources it says that there is nothing.
///
/// # Errors
/// [`StartError::Tls`]. Must be called within a tokio runtime.
pub fn open(section: &RatesSection) -> Result<Router, StartError> {
    if section.sources.is_empty() {
        // Wallets ask every gateway, and browsers complain of a page that is not there.
        return Ok(Router::new().route("/rates/v1", get(StatusCode::NO_CONTENT)).layer(from_fn(cors)));
    }
    let http = NativePlatform::new().map_err(|error| StartError::Tls(error.to_string()))?.http();
    let answers = Answers::default();
    for (number, url) in section.sources.iter().cloned().enumerate() {
        tokio::spawn(ask_again_and_again(http.clone(), number, url, Arc::clone(&answers)));
    }
    Ok(Router::new().route("/rates/v1", get(answer)).layer(from_fn(cors)).with_state(answers))
}

async fn ask_again_and_again(http: HttpClient, number: usize, url: String, answers: Answers) {
    let host = url.parse::<Uri>().ok().and_then(|uri| uri.host().map(ToOwned::to_owned));
    let source = host.unwrap_or_else(|| url.clone());
    loop {
        let asked = ask(&http, &url).await;
        let pause = match asked {
            Ok(prices) => {
                debug!(%source, currencies = prices.len(), "prices");
                let answer = Answer { source: source.clone(), prices, at: unix_now() };
                answers.write().unwrap_or_else(PoisonError::into_inner).insert(number, answer);
                EVERY
            }
            Err(why) => {
                warn!(%source, %why, "no prices; wallets show none once the last are an hour old");
                RETRY
            }
        };
        tokio::time::sleep(pause).await;
    }
}

async fn ask(http: &HttpClient, url: &str) -> Result<BTreeMap<String, f64>, String> {
    let request = HttpRequest::get(url).timeout(LIMIT).max_body(MAX_ANSWER);
    let response = http.fetch(request).await.map_err(|error| error.to_string())?;
    if !response.is_success() {
        return Err(format!("it answered {}", response.status));
    }
    let prices = read::prices(&response.body);
    if prices.is_empty() { Err("its answer has no currencies".into()) } else { Ok(prices) }
}

async fn answer(State(answers): State<Answers>) -> Response {
    let answers = answers.read().unwrap_or_else(PoisonError::into_inner);
    let headers = [(header::CACHE_CONTROL, "max-age=60")];
    match together(answers.values(), unix_now()) {
        Some(rates) => (headers, Json(rates)).into_response(),
        None => {
            let text = "no source of prices has answered in the last hour; try again in a minute\n";
            (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
        }
    }
}

/// The prices of all sources that are not old; `None`: all are.
fn together<'a>(answers: impl Iterator<Item = &'a Answer>, now: u64) -> Option<Rates> {
    let young: Vec<&Answer> = answers.filter(|answer| now.saturating_sub(answer.at) < OLD).collect();
    let mut all = BTreeMap::<&str, Vec<f64>>::new();
    for (currency, price) in young.iter().flat_map(|answer| &answer.prices) {
        all.entry(currency).or_default().push(*price);
    }
    let per_btc =
        all.into_iter().filter_map(|(currency, prices)| Some((currency.to_owned(), middle(prices)?)));
    Some(Rates {
        per_btc: per_btc.collect(),
        sources: young.iter().map(|answer| answer.source.clone()).collect(),
        // The oldest: nothing here is older.
        at: young.iter().map(|answer| answer.at).min()?,
    })
}

/// The middle one; of an even number, the mean of both in the middle.
fn middle(mut prices: Vec<f64>) -> Option<f64> {
    prices.sort_unstable_by(f64::total_cmp);
    let half = prices.len() / 2;
    let upper = *prices.get(half)?;
    let is_odd = prices.len() % 2 == 1;
    let lower = if is_odd { upper } else { *prices.get(half.checked_sub(1)?)? };
    Some((lower + upper) / 2.0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn source(name: &str, prices: &[(&str, f64)], at: u64) -> Answer {
        let prices = prices.iter().map(|(currency, price)| ((*currency).to_owned(), *price)).collect();
        Answer { source: name.into(), prices, at }
    }

    #[test]
    fn the_middle_price_counts_and_old_sources_do_not() {
        let now = 1_800_000_000;
        let three = [
            source("a", &[("EUR", 50_000.0), ("USD", 55_000.0)], now - 10),
            source("b", &[("EUR", 51_000.0)], now - 20),
            source("liar", &[("EUR", 1.0)], now - 5),
        ];
        let rates = together(three.iter(), now).unwrap();
        assert_eq!((rates.per_btc["EUR"], rates.per_btc["USD"]), (50_000.0, 55_000.0));
        assert_eq!((rates.at, rates.sources.len()), (now - 20, 3));
        let later = together(three.iter(), now + OLD - 15).unwrap();
        assert_eq!(
            (later.per_btc["EUR"], later.sources),
            (25_000.5, vec!["a".to_owned(), "liar".to_owned()])
        );
        assert!(together(three.iter(), now + OLD).is_none());
        assert!(together([].iter(), now).is_none());
    }

    /// A source that answers once with prices, and then with errors.
    async fn server() -> String {
        let answers = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let router = Router::new().route(
            "/prices",
            get(move || async move {
                let first = answers.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0;
                if first {
                    r#"{"EUR":50000}"#.into_response()
                } else {
                    StatusCode::BAD_GATEWAY.into_response()
                }
            }),
        );
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/prices", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        url
    }

    async fn get_rates(router: &Router) -> Response {
        let request = axum::extract::Request::get("/rates/v1").body(axum::body::Body::empty()).unwrap();
        tower::ServiceExt::oneshot(router.clone(), request).await.unwrap()
    }

    #[tokio::test]
    async fn what_a_source_says_is_served_and_without_one_nothing_is() {
        let none = open(&RatesSection::default()).unwrap();
        assert_eq!(get_rates(&none).await.status(), StatusCode::NO_CONTENT);
        let dead = open(&RatesSection { sources: vec!["http://127.0.0.1:1/".into()] }).unwrap();
        assert_eq!(get_rates(&dead).await.status(), StatusCode::SERVICE_UNAVAILABLE);
        let router =
            open(&RatesSection { sources: vec![server().await, "http://127.0.0.1:1/".into()] }).unwrap();
        let response = loop {
            let response = get_rates(&router).await;
            if response.status() == StatusCode::OK {
                break response;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        assert_eq!(response.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
        let body = axum::body::to_bytes(response.into_body(), 1 << 16).await.unwrap();
        let rates: Rates = serde_json::from_slice(&body).unwrap();
        assert_eq!((rates.per_btc["EUR"], rates.sources), (50_000.0, vec!["127.0.0.1".to_owned()]));
    }
}
