//! Other programs of this machine, and its other users.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Command;
use std::sync::mpsc::channel;
use std::time::Duration;

use crate::harness::{folder, token, write_private};

/// The gateway is down, and another program listens on the port of its admin API.
#[test]
fn the_admin_token_goes_to_the_gateway_alone() {
    let dir = folder();
    let thief = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = thief.local_addr().unwrap();
    let config = std::fs::read_to_string(dir.path().join("gateway.toml")).unwrap();
    let config =
        config.replace("[admin]\nlisten = \"127.0.0.1:0\"", &format!("[admin]\nlisten = \"{address}\""));
    write_private(&dir.path().join("gateway.toml"), &config);
    let (heard, calls) = channel();
    std::thread::spawn(move || {
        for stream in thief.incoming() {
            let mut stream = stream.unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
            let mut bytes = [0; 4096];
            let read = stream.read(&mut bytes).unwrap_or(0);
            heard.send(String::from_utf8_lossy(&bytes[..read]).into_owned()).unwrap();
            let body = r#"{"keys":[],"proof":"00"}"#;
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
        }
    });
    let mut command = Command::new(env!("CARGO_BIN_EXE_amplet-gateway"));
    let output =
        command.args(["keys", "--config", "gateway.toml", "list"]).current_dir(dir.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let calls: Vec<String> = calls.try_iter().collect();
    assert!(!calls.is_empty(), "it asked");
    assert!(calls.iter().all(|call| !call.contains(&token())), "{calls:?}");
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("is not this gateway"), "{said}");
}

/// The configuration holds bitcoind's password.
#[test]
fn a_password_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let dir = folder();
    let file = dir.path().join("gateway.toml");
    let check = |mode: u32| {
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_amplet-gateway"));
        let output =
            command.args(["check", "--config", "gateway.toml"]).current_dir(dir.path()).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, said) = check(0o644);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("bitcoind.password") && said.contains("chmod 600"), "{said}");
    // All is well then but that there is no bitcoind.
    assert_eq!(check(0o640).0, Some(4), "a service's group may read it");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(dir.path().join("cookie"), "a:b").unwrap();
    let cookie = text.replace("user = \"a\"\npassword = \"b\"", "cookie_file = \"cookie\"");
    std::fs::write(&file, cookie).unwrap();
    let (code, said) = check(0o644);
    assert_eq!(code, Some(4), "without a password there is nothing to hide: {said}");
}
