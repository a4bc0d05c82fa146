//! A gateway as a process, and plain HTTP and WebSocket to speak to it.

use std::collections::HashMap;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// The seed of [`folder`].
pub const WORDS: &str =
    "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about";

/// Another one.
pub const OTHER_WORDS: &str = "legal winner thank year wave sausage worth useful legal winner thank yellow";

/// No test waits longer for a process.
const LIMIT: Duration = Duration::from_secs(60);

/// A file that only its owner reads.
pub fn write_private(path: &Path, contents: &str) {
    use std::os::unix::fs::PermissionsExt;
    fs::write(path, contents).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// The token of [`folder`].
pub fn token() -> String {
    "a1".repeat(32)
}

/// A folder with secrets and a configuration whose bitcoind is not there.
pub fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    write_private(&dir.path().join("seed"), WORDS);
    write_private(&dir.path().join("admin.token"), &token());
    configure(dir.path(), "");
    dir
}

/// The same with `more` after the section `[http]`.
pub fn configure(dir: &Path, more: &str) {
    configure_on(dir, "regtest", "url = \"http://127.0.0.1:1\"\nuser = \"a\"\npassword = \"b\"", more);
}

/// The same with this network and `[bitcoind]`.
pub fn configure_on(dir: &Path, network: &str, bitcoind: &str, more: &str) {
    let config = format!(
        "network = \"{network}\"\n[bitcoind]\n{bitcoind}\n[admin]\nlisten = \"127.0.0.1:0\"\n\
         [log]\nformat = \"json\"\nlevel = \"debug\"\n[http]\nlisten = \"127.0.0.1:0\"\n{more}\n"
    );
    write_private(&dir.join("gateway.toml"), &config);
}

/// A running gateway; killed when dropped.
pub struct Gateway {
    child: Child,
    log: PathBuf,
    /// Address of the edge.
    pub http: String,
    /// Address of the admin API.
    pub admin: String,
    /// Address for other nodes, when there is one.
    pub tcp: String,
}

impl Gateway {
    /// Starts the process and waits for nothing.
    pub fn spawn(dir: &Path) -> Self {
        Self::spawn_with(dir, &[])
    }

    /// The same with more arguments.
    pub fn spawn_with(dir: &Path, more: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_amplet-gateway"));
        command.args(["--config", "gateway.toml"]).args(more);
        Self::spawn_as(command, dir)
    }

    /// The same by another command.
    pub fn spawn_as(mut command: Command, dir: &Path) -> Self {
        let log = dir.join(format!("{}.log", fs::read_dir(dir).unwrap().count()));
        let child = command
            .current_dir(dir)
            .stdin(Stdio::null())
            .stderr(fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        Self { child, log, http: String::new(), admin: String::new(), tcp: String::new() }
    }

    /// Starts the process and waits until it listens.
    pub fn start(dir: &Path) -> Self {
        let mut gateway = Self::spawn(dir);
        gateway.listen();
        gateway
    }

    /// Waits until it listens.
    pub fn listen(&mut self) {
        let line = self.wait_for_log("the gateway starts");
        let line: Value = serde_json::from_str(&line).unwrap();
        self.http = line["http"].as_str().unwrap().into();
        self.admin = line["admin"].as_str().unwrap().into();
        self.tcp = line["tcp"].as_str().unwrap().into();
    }

    /// Everything it logged.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// The first complete log line with `text` in it.
    pub fn wait_for_log(&mut self, text: &str) -> String {
        let end = Instant::now() + LIMIT;
        loop {
            let log = self.log();
            let complete = log.rfind('\n').map_or("", |end| &log[..end]);
            if let Some(line) = complete.lines().find(|line| line.contains(text)) {
                return line.to_owned();
            }
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none() && Instant::now() < end, "no `{text}` ({ended:?}) in:\n{log}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Its memory that is in use, in bytes.
    pub fn resident_bytes(&self) -> usize {
        let statm = fs::read_to_string(format!("/proc/{}/statm", self.child.id())).unwrap();
        statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
    }

    /// Bytes that it has had written to the disk.
    pub fn written_bytes(&self) -> u64 {
        let io = fs::read_to_string(format!("/proc/{}/io", self.child.id())).unwrap();
        io.lines().find_map(|line| line.strip_prefix("write_bytes: ")).unwrap().parse().unwrap()
    }

    /// Sends a signal by name.
    pub fn signal(&self, name: &str) {
        let kill = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(kill.success());
    }

    /// Waits until it has ended.
    pub fn wait(&mut self) -> ExitStatus {
        self.wait_within(LIMIT)
    }

    /// Waits until it has ended, for so long at most.
    pub fn wait_within(&mut self, limit: Duration) -> ExitStatus {
        let end = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < end, "it does not end:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// `GET` at the edge.
    pub fn get(&self, path: &str) -> Answer {
        request(&self.http, "GET", path, &[], None)
    }

    /// The same with these header lines.
    pub fn get_with(&self, path: &str, headers: &[&str]) -> Answer {
        request(&self.http, "GET", path, headers, None)
    }

    /// A request to the admin API; `token`: another than the right one.
    pub fn admin(&self, method: &str, path: &str, token: Option<&str>, body: Option<&str>) -> Answer {
        let token = token.map_or_else(self::token, str::to_owned);
        let authorization = format!("Authorization: Bearer {token}");
        request(&self.admin, method, path, &[&authorization, "Content-Type: application/json"], body)
    }

    /// Opens a WebSocket and returns the code with which it is closed, if it is without our doing.
    pub fn websocket(&self, path: &str, headers: &[&str]) -> u16 {
        close_code(&mut self.upgraded(path, headers))
    }

    /// An open WebSocket.
    pub fn upgraded(&self, path: &str, headers: &[&str]) -> TcpStream {
        let mut all = vec![
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        ];
        all.extend(headers);
        let mut stream = send(&self.http, "GET", path, &all, None);
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
        stream
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads frames (RFC 6455 section 5.2) up to the close frame and returns its code.
pub fn close_code(stream: &mut TcpStream) -> u16 {
    loop {
        let mut head = [0; 2];
        stream.read_exact(&mut head).unwrap();
        let mut payload = vec![0; usize::from(head[1] & 0x7f)];
        stream.read_exact(&mut payload).unwrap();
        if head[0] & 0x0f == 8 {
            return u16::from_be_bytes([payload[0], payload[1]]);
        }
    }
}

/// An HTTP answer.
pub struct Answer {
    /// Its status.
    pub status: u16,
    headers: HashMap<String, String>,
    /// Its body.
    pub body: String,
    /// The same as it came.
    pub bytes: Vec<u8>,
}

impl Answer {
    /// A header by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.body))
    }
}

/// A request to an admin API with the right token.
pub fn admin_request(address: &str, method: &str, path: &str, body: &str) -> Answer {
    let authorization = format!("Authorization: Bearer {}", token());
    request(address, method, path, &[&authorization, "Content-Type: application/json"], Some(body))
}

fn send(address: &str, method: &str, path: &str, headers: &[&str], body: Option<&str>) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    let body = body.unwrap_or_default();
    let lines: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    let length = body.len();
    let head =
        format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {length}\r\n{lines}\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    // A server that refuses a large body may have closed before all of it is sent.
    let _ = stream.write_all(body.as_bytes());
    stream
}

fn bytes_before_body(answer: &[u8]) -> usize {
    answer.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4
}

/// One request with these header lines.
pub fn request(address: &str, method: &str, path: &str, headers: &[&str], body: Option<&str>) -> Answer {
    let mut all = vec!["Connection: close"];
    all.extend(headers);
    let mut stream = send(address, method, path, &all, body);
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no HTTP: {text}"));
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
    let (body, bytes) = (body.to_owned(), bytes.split_off(bytes_before_body(&bytes)));
    Answer { status, headers, body, bytes }
}
