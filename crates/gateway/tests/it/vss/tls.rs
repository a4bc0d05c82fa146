//! TLS to PostgreSQL: by whose word, and to whom.

use std::path::Path;
use std::process::Command;

use amplet_gateway::desk::backup::PostgresStore;

use super::cluster::Cluster;

/// Makes the certificate and key of an authority, or with one of a server, in a folder.
fn certify(folder: &Path, name: &str, by: Option<&str>) {
    let mut openssl = Command::new("openssl");
    openssl.current_dir(folder).args(["req", "-x509", "-nodes", "-days", "2", "-newkey", "ec"]);
    openssl.args(["-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj"]).arg(format!("/CN={name}"));
    openssl.args(["-keyout", &format!("{name}.key"), "-out", &format!("{name}.crt")]);
    match by {
        None => openssl.args(["-addext", "keyUsage=keyCertSign"]),
        Some(by) => {
            openssl.args(["-CA", &format!("{by}.crt"), "-CAkey", &format!("{by}.key")]);
            openssl.args([
                "-addext",
                &format!("subjectAltName=DNS:{name}"),
                "-addext",
                "basicConstraints=critical,CA:FALSE",
            ])
        }
    };
    let output = openssl.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn a_server_is_believed_by_its_certificate_alone() {
    let folder = tempfile::tempdir().unwrap();
    for (name, by) in [("ours", None), ("theirs", None), ("localhost", Some("ours"))] {
        certify(folder.path(), name, by);
    }
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    let mut cluster = Cluster::start();
    let port = cluster.serve_tls(&read("localhost.key"), &read("localhost.crt"));
    let open = async |host: &str, options: &str| {
        let url = format!("postgres://amplet@{host}:{port}/postgres{options}");
        PostgresStore::open(&url).await.map(drop).map_err(|error| error.to_string())
    };
    let file = |name: &str| folder.path().join(name).display().to_string();
    let ca = file("ours.crt");
    for mode in ["verify-full", "require"] {
        open("localhost", &format!("?sslmode={mode}&sslrootcert={ca}")).await.unwrap();
    }
    for (host, options, what) in [
        ("localhost", String::new(), "no encryption"),
        ("localhost", format!("?sslrootcert={ca}"), "sslrootcert without sslmode"),
        ("localhost", "?sslmode=require".into(), "UnknownIssuer"),
        ("localhost", format!("?sslmode=require&sslrootcert={}", file("theirs.crt")), "UnknownIssuer"),
        ("localhost", format!("?sslmode=verify-full&sslrootcert={}", file("none.crt")), "none.crt"),
        (
            "localhost",
            format!("?sslmode=verify-full&sslrootcert={}", file("ours.key")),
            "it has no certificate",
        ),
        ("127.0.0.1", format!("?sslmode=require&sslrootcert={ca}"), "not valid for name"),
    ] {
        let refused = open(host, &options).await.unwrap_err();
        assert!(refused.contains(what), "{host}{options}: {refused}");
    }
}
