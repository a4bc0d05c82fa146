//! A small HTTP/1.1 server on loopback, for the harness's control API and the demo's page: one request per
//! connection, a thread each.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// Longest request head, in bytes.
const MAX_HEAD: usize = 16 * 1024;
/// Longest request body, in bytes.
const MAX_BODY: usize = 1024 * 1024;
/// A client that is silent for so long is let go.
const SILENCE: Duration = Duration::from_secs(30);

/// Request of a client.
pub struct Request {
    /// `GET`, `POST`, ..
    pub method: String,
    /// Path without the query.
    pub path: String,
    /// Body.
    pub body: Vec<u8>,
}

/// Response to a client.
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Header fields beside `content-length` and `connection`.
    pub fields: Vec<(&'static str, String)>,
    /// Body.
    pub body: Vec<u8>,
}

impl Response {
    /// A JSON answer.
    #[must_use]
    pub fn json(status: u16, value: &serde_json::Value) -> Self {
        let fields = vec![("content-type", "application/json".to_owned())];
        Self { status, fields, body: value.to_string().into_bytes() }
    }
}

/// Serves `handler` on a free port of 127.0.0.1 for as long as this process lives.
///
/// # Errors
/// When no port can be had.
pub fn serve(handler: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port on 127.0.0.1")?;
    let address = listener.local_addr().context("the listener has no address")?;
    let handler = Arc::new(handler);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let handler = Arc::clone(&handler);
            std::thread::spawn(move || {
                // A client that went away or spoke nonsense concerns nobody else.
                let _ = converse(&stream, handler.as_ref());
            });
        }
    });
    Ok(address)
}

/// A port of 127.0.0.1 that is free now.
///
/// # Errors
/// When there is none.
pub fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port on 127.0.0.1")?;
    Ok(listener.local_addr().context("the listener has no address")?.port())
}

fn converse(mut stream: &TcpStream, handler: &dyn Fn(&Request) -> Response) -> Result<()> {
    stream.set_read_timeout(Some(SILENCE))?;
    stream.set_write_timeout(Some(SILENCE))?;
    let response = match read(stream) {
        Ok(Some(request)) => handler(&request),
        Ok(None) => return Ok(()),
        Err(error) => Response::json(400, &serde_json::json!({ "error": format!("{error:#}") })),
    };
    let mut head = format!("HTTP/1.1 {} {}\r\n", response.status, reason(response.status));
    for (name, value) in &response.fields {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("content-length: {}\r\nconnection: close\r\n\r\n", response.body.len()));
    stream.write_all(head.as_bytes())?;
    stream.write_all(&response.body)?;
    Ok(stream.flush()?)
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        204 => "No Content",
        400 => "Bad Request",
        404 => "Not Found",
        _ => "Internal Server Error",
    }
}

/// Reads one request; `None` when the client opened a connection and said nothing.
fn read(mut stream: impl Read) -> Result<Option<Request>> {
    let mut bytes = Vec::new();
    loop {
        if let Some((request, body_at, length)) = head(&bytes)? {
            return body(stream, request, bytes.split_off(body_at), length).map(Some);
        }
        if bytes.len() > MAX_HEAD {
            bail!("the request head is longer than {MAX_HEAD} bytes");
        }
        if !receive(&mut stream, &mut bytes)? {
            if bytes.is_empty() {
                return Ok(None);
            }
            bail!("the connection ended within the request head");
        }
    }
}

/// The request, where its body begins and how long it is; `None` while the head is incomplete.
fn head(bytes: &[u8]) -> Result<Option<(Request, usize, usize)>> {
    let mut fields = [httparse::EMPTY_HEADER; 64];
    let mut parsed = httparse::Request::new(&mut fields);
    let httparse::Status::Complete(end) = parsed.parse(bytes).context("not an HTTP request")? else {
        return Ok(None);
    };
    let mut length = 0;
    for field in parsed.headers.iter() {
        if field.name.eq_ignore_ascii_case("content-length") {
            let text = std::str::from_utf8(field.value).context("content-length is not text")?;
            length = text.trim().parse().context("content-length is not a number")?;
        }
        if field.name.eq_ignore_ascii_case("transfer-encoding") {
            bail!("send content-length instead of transfer-encoding");
        }
    }
    if length > MAX_BODY {
        bail!("the body is longer than {MAX_BODY} bytes");
    }
    let path = parsed.path.unwrap_or("/");
    let path = path.split_once('?').map_or(path, |(path, _)| path).to_owned();
    let method = parsed.method.unwrap_or_default().to_owned();
    Ok(Some((Request { method, path, body: Vec::new() }, end, length)))
}

fn body(mut stream: impl Read, mut request: Request, begun: Vec<u8>, length: usize) -> Result<Request> {
    request.body = begun;
    while request.body.len() < length {
        if !receive(&mut stream, &mut request.body)? {
            bail!("the connection ended within the body");
        }
    }
    request.body.truncate(length);
    Ok(request)
}

fn receive(stream: &mut impl Read, bytes: &mut Vec<u8>) -> Result<bool> {
    let mut buffer = [0_u8; 4096];
    let count = stream.read(&mut buffer).context("the client is silent")?;
    bytes.extend(buffer.iter().take(count));
    Ok(count > 0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn requests_are_read_whole_and_nonsense_is_refused() {
        let read_all = |text: &str| read(text.as_bytes());
        let request = read_all("POST /mine?x=1 HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello").unwrap().unwrap();
        assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/mine"));
        assert_eq!(request.body, b"hello");
        assert!(read_all("").unwrap().is_none());
        for (text, what) in [
            ("nonsense\r\n\r\n", "not an HTTP request"),
            ("GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", "not a number"),
            ("GET / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", "longer than"),
            ("POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc", "within the body"),
            ("POST / HTTP/1.1\r\nConte", "within the request head"),
            ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", "content-length"),
        ] {
            let error = read_all(text).err().map(|e| format!("{e:#}")).unwrap_or_default();
            assert!(error.contains(what), "{text:?}: {error}");
        }
    }

    #[test]
    fn a_served_answer_arrives() {
        let address =
            serve(|request| Response::json(200, &serde_json::json!({ "path": request.path }))).unwrap();
        let answer = minreq::get(format!("http://{address}/info")).with_timeout(5).send().unwrap();
        assert_eq!((answer.status_code, answer.as_str().unwrap()), (200, r#"{"path":"/info"}"#));
    }
}
