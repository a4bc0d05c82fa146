//! The example sites of `examples/`, served for a network: they take their money through the payee's API for sites.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};

use super::node::Node;
use super::{end_of, wait_for};
use crate::cache::Cache;
use crate::proc::Group;
use crate::root;
use crate::tools::npm;

const START_LIMIT: Duration = Duration::from_secs(60);

/// Each site, and what its key may do.
const SITES: [(&str, &[&str]); 4] = [
    ("shop", &["invoices:create", "invoices:read"]),
    ("l402", &["invoices:create"]),
    ("video", &["sessions:create", "sessions:read"]),
    ("game", &["invoices:create", "invoices:read", "sessions:create", "sessions:read", "payments:send"]),
];

/// Maximum that the game may pay out in a day, in msat.
const PRIZES_PER_DAY_MSAT: &str = "100000000";

/// Running sites. They end when this is dropped.
pub struct Examples {
    sites: Vec<Group>,
    /// URL by name.
    pub urls: Value,
}

impl Examples {
    /// Makes a key for each site and starts it; they log into `folder`.
    ///
    /// # Errors
    /// When Node.js or a package cannot be had, or a site does not come up.
    pub fn start(cache: &Cache, payee: &Node, folder: &Path) -> Result<Self> {
        npm::install(cache)?;
        let (mut sites, mut urls) = (Vec::new(), Map::new());
        for (name, scopes) in SITES {
            let (site, url) = start(name, scopes, payee, folder)
                .with_context(|| format!("the example {name} does not start"))?;
            sites.push(site);
            urls.insert(name.to_owned(), url.into());
        }
        Ok(Self { sites, urls: urls.into() })
    }

    /// Ends them.
    ///
    /// # Errors
    /// Names none of them: whether one had to be killed.
    pub fn end(&mut self) -> Result<()> {
        let killed = self.sites.iter_mut().map(Group::stop).filter(|kind| !kind).count();
        if killed == 0 {
            Ok(())
        } else {
            bail!("{killed} of the examples did not end on SIGTERM and were killed")
        }
    }
}

fn start(name: &str, scopes: &[&str], payee: &Node, folder: &Path) -> Result<(Group, String)> {
    let mut key = json!({ "name": name, "account": name, "scopes": scopes });
    if scopes.contains(&"payments:send")
        && let Some(fields) = key.as_object_mut()
    {
        fields.insert("spending".to_owned(), json!({ "perDayMsat": PRIZES_PER_DAY_MSAT }));
    }
    let made = payee.admin.post("/admin/v1/keys", &key, 30)?;
    let secret = |field: &str| {
        made.get(field).and_then(Value::as_str).with_context(|| format!("the key has no {field}"))
    };
    let log = folder.join(format!("{name}.log"));
    let output = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
    let mut node = Command::new("node");
    node.arg(root().join("examples").join(name).join("server.mjs"))
        .env("GATEWAY_URL", payee.url())
        .env("GATEWAY_KEY", secret("token")?)
        .env("GATEWAY_WEBHOOK_SECRET", secret("webhookSecret")?)
        .env_remove("PORT")
        .stdin(Stdio::null())
        .stderr(output.try_clone().context("cannot share the log")?)
        .stdout(output);
    let mut site = Group::spawn(node)?;
    let url = wait_for(name, START_LIMIT, || match site.try_wait()? {
        Some(status) => bail!("it ended ({status})"),
        None => url(&std::fs::read_to_string(&log)?).context("it does not say where it is"),
    });
    Ok((site, url.with_context(|| end_of(&log))?))
}

/// Line that a site prints once it is served.
fn url(log: &str) -> Option<String> {
    let said = log.lines().find_map(|line| serde_json::from_str::<Value>(line).ok())?;
    said.get("url")?.as_str().map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::url;

    #[test]
    fn a_site_says_where_it_is() {
        let log = "(node:1) Warning: x\n{\"example\":\"shop\",\"url\":\"http://127.0.0.1:1\"}\n{\"sold\":\"cake\"}\n";
        assert_eq!(url(log).as_deref(), Some("http://127.0.0.1:1"));
        assert_eq!(url("{\"example\":"), None);
    }
}
