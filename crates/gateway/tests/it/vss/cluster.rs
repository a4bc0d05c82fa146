//! A PostgreSQL of the test's own: in a folder of its own, reached by a socket in it.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PROGRAMS: &str = "/usr/lib/postgresql/15/bin";
const LIMIT: Duration = Duration::from_secs(60);

/// A cluster; stopped when dropped.
pub struct Cluster {
    folder: tempfile::TempDir,
    server: Option<Child>,
    /// Its port on this machine, where it serves TLS and nothing else; by the socket alone otherwise.
    port: Option<u16>,
}

impl Cluster {
    /// Makes one and starts it.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        if is_root() {
            let owned = Command::new("chown").arg("postgres").arg(folder.path()).status().unwrap();
            assert!(owned.success());
        }
        let mut made = program("initdb");
        made.args(["--no-sync", "--auth=trust", "--username=amplet", "--encoding=UTF8", "--locale=C.UTF-8"]);
        let made = made.arg("--pgdata").arg(folder.path().join("data")).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let mut cluster = Self { folder, server: None, port: None };
        cluster.resume();
        cluster
    }

    /// Has it serve TLS on a port of `localhost`, with this key and certificate (PEM).
    pub fn serve_tls(&mut self, key: &str, certificate: &str) -> u16 {
        self.stop();
        let data = self.folder.path().join("data");
        for (name, text) in [
            ("server.key", key),
            ("server.crt", certificate),
            ("pg_hba.conf", "local all all trust\nhostssl all all samehost trust\n"),
        ] {
            let file = data.join(name);
            std::fs::write(&file, text).unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
            if is_root() {
                assert!(Command::new("chown").arg("postgres").arg(&file).status().unwrap().success());
            }
        }
        // Free now; the port of the socket's name, too.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        self.port = Some(port);
        self.resume();
        port
    }

    /// The URL of its database.
    pub fn url(&self) -> String {
        format!("postgres://amplet@/postgres?host={}", self.folder.path().display())
    }

    /// Starts it again.
    pub fn resume(&mut self) {
        let mut server = program("postgres");
        // What is tested survives the gateway's death, not the machine's.
        server.args(["-c", "fsync=off", "-c", "unix_socket_permissions=0777"]);
        match self.port {
            None => server.args(["-c", "listen_addresses="]),
            Some(port) => server
                .args(["-c", "listen_addresses=127.0.0.1", "-c", "ssl=on", "-c"])
                .arg(format!("port={port}")),
        };
        server.arg("-c").arg(format!("unix_socket_directories={}", self.folder.path().display()));
        server.arg("-D").arg(self.folder.path().join("data"));
        self.server = Some(server.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        let end = Instant::now() + LIMIT;
        while !self.is_ready() {
            assert!(Instant::now() < end, "PostgreSQL does not start");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn is_ready(&self) -> bool {
        let mut ready = Command::new(Path::new(PROGRAMS).join("pg_isready"));
        ready.arg("--quiet").arg("--host").arg(self.folder.path());
        if let Some(port) = self.port {
            ready.arg("--port").arg(port.to_string());
        }
        ready.status().unwrap().success()
    }

    /// Stops it at once, as a machine that loses its power.
    pub fn stop(&mut self) {
        if let Some(mut server) = self.server.take() {
            let stopped = program("pg_ctl")
                .args(["stop", "--mode=immediate", "--pgdata"])
                .arg(self.folder.path().join("data"))
                .stdout(Stdio::null())
                .status();
            assert!(stopped.is_ok_and(|status| status.success()));
            server.wait().unwrap();
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.stop();
    }
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout == b"0\n"
}

/// One of PostgreSQL's programs, which run for anybody but root.
fn program(name: &str) -> Command {
    let path = Path::new(PROGRAMS).join(name);
    assert!(path.exists(), "{} is missing; `cargo xtask doctor --fetch` brings it", path.display());
    if !is_root() {
        return Command::new(path);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(path);
    command
}
