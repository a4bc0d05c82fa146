//! Go: the one that is installed if it is new enough, else the toolchain that Go's module proxy has.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::apt::{self, Need, need};
use crate::cache::{Cache, Workshop};
use crate::proc;
use crate::ui::Step;

/// What lnd asks for in its go.mod; any later release builds it, too.
const VERSION: &str = "1.25.10";
const OLDEST: [u32; 3] = [1, 25, 10];
const NAME: &str = "go";
const USUAL: Duration = Duration::from_secs(30);
const LIMIT: Duration = Duration::from_secs(30 * 60);

/// Where Go's own archive is unpacked by its instructions, for a `PATH` that lacks it.
const USUAL_PLACE: &str = "/usr/local/go/bin/go";
const PROXY: &str = "https://proxy.golang.org";

const NEEDS: [Need; 3] = [
    need("curl", "curl"),
    need("unzip", "unzip"),
    need("/etc/ssl/certs/ca-certificates.crt", "ca-certificates"),
];

/// The toolchain of the module proxy, for Linux on x86-64.
const PLATFORM: &str = "linux-amd64";
/// Its hash in Go's checksum database (`h1:`, <https://go.dev/ref/mod#go-sum-files>), in hex.
const SUM: &str = "3e5934859e9ab53dc56d18e1dff28f45d43226c9ae78fe8b122a8fde206c7cd3";

/// The `go` to use, if there is one already.
#[must_use]
pub fn find(cache: &Cache) -> Option<PathBuf> {
    let installed = [proc::which("go"), Some(PathBuf::from(USUAL_PLACE))];
    let installed = installed.into_iter().flatten().find(|go| is_new_enough(go));
    installed.or_else(|| cache.has(NAME, VERSION).then(|| binary(&cache.dir(NAME, VERSION))))
}

/// The `go` to use; fetched first if it must be.
///
/// # Errors
/// When it cannot be fetched, is not what the checksum database has, or there is none for this machine.
pub fn ensure(cache: &Cache) -> Result<PathBuf> {
    if let Some(found) = find(cache) {
        return Ok(found);
    }
    if (std::env::consts::OS, std::env::consts::ARCH) != ("linux", "x86_64") {
        bail!("install Go {VERSION} or newer (https://go.dev/dl), and run this again");
    }
    apt::ensure(cache, &NEEDS)?;
    let dir = cache.provide(NAME, VERSION, |shop| {
        let step = Step::begin(&format!("Go {VERSION}"), USUAL);
        fetch(shop, &step)?;
        step.done();
        Ok(())
    })?;
    Ok(binary(&dir))
}

fn binary(dir: &Path) -> PathBuf {
    dir.join("bin/go")
}

fn is_new_enough(go: &Path) -> bool {
    // Else a Go older than the module of the present folder wants fetches another one and answers for that.
    let text = proc::output(Command::new(go).arg("version").env("GOTOOLCHAIN", "local"));
    text.ok().and_then(|text| version(&text)).is_some_and(|version| version >= OLDEST)
}

/// The numbers in `go version go1.26.8 linux/amd64`.
fn version(text: &str) -> Option<[u32; 3]> {
    let mut numbers = text.split_whitespace().nth(2)?.strip_prefix("go")?.split('.');
    let mut next = || numbers.next().map_or(Some(0), |number| number.parse().ok());
    Some([next()?, next()?, next()?])
}

/// The first proxy of `GOPROXY`'s list, as Go reads it.
fn proxy() -> String {
    let listed = std::env::var("GOPROXY").unwrap_or_default();
    let first = listed.split([',', '|']).find(|entry| entry.starts_with("http"));
    first.unwrap_or(PROXY).trim_end_matches('/').to_owned()
}

fn fetch(shop: &Workshop, step: &Step) -> Result<()> {
    let name = format!("v0.0.1-go{VERSION}.{PLATFORM}");
    let archive = shop.work.join("go.zip");
    let mut curl = Command::new("curl");
    curl.args(["--fail", "--silent", "--show-error", "--location", "--retry", "3", "--output"]);
    curl.arg(&archive).arg(format!("{}/golang.org/toolchain/@v/{name}.zip", proxy()));
    step.note("fetching");
    proc::run(curl, step, &shop.log, LIMIT)
        .with_context(|| format!("cannot fetch Go {VERSION}: is the network up?"))?;
    let unpacked = shop.work.join("unpacked");
    let mut unzip = Command::new("unzip");
    unzip.args(["-q", "-o"]).arg(&archive).arg("-d").arg(&unpacked);
    step.note("unpacking");
    proc::run(unzip, step, &shop.log, LIMIT)?;
    step.note("comparing with the checksum database");
    // The hash of the list of all files with theirs, in the order of their names.
    let list = "find golang.org -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum";
    let found = proc::output(Command::new("sh").args(["-c", list]).current_dir(&unpacked))?;
    if found.split_whitespace().next() != Some(SUM) {
        crate::cache::remove(&unpacked)?;
        bail!(
            "Go {VERSION} from {} has another hash ({found}) than the checksum database: try again",
            proxy()
        );
    }
    // A module's archive has no permissions, and no go.mod within.
    let mend = "chmod -R a+x bin pkg/tool; find . -name _go.mod -execdir mv {} go.mod \\;";
    let root = unpacked.join(format!("golang.org/toolchain@{name}"));
    proc::output(Command::new("sh").args(["-e", "-c", mend]).current_dir(&root))?;
    crate::cache::remove(&shop.out)?;
    std::fs::rename(&root, &shop.out).with_context(|| format!("cannot move {}", root.display()))?;
    if !is_new_enough(&binary(&shop.out)) {
        bail!("the Go that was fetched does not run");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{OLDEST, version};

    #[test]
    fn versions_are_read_and_compared() {
        assert_eq!(version("go version go1.26.8 linux/amd64"), Some([1, 26, 8]));
        assert_eq!(version("go version go1.27 darwin/arm64"), Some([1, 27, 0]));
        assert_eq!(version("gccgo (Debian) 12"), None);
        assert!(version("go version go1.19.8 linux/amd64") < Some(OLDEST));
        assert!(version("go version go1.25.10 linux/amd64") >= Some(OLDEST));
    }
}
