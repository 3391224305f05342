//! Where entries are delivered to.

use crate::store::audit::Kept;
use reqwest::{Url, header::CONTENT_TYPE};
use serde::Deserialize;
use service_kit::peer::plain_client;
use std::{path::PathBuf, time::Duration};
use telemetry::audit::{AuditFile, Head};

/// `AUDIT_LOG`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditTarget {
    /// The path of a file.
    File(PathBuf),
    /// `http://host/path`, which takes JSON lines.
    Http(Url),
}

impl AuditTarget {
    /// `None` when the text is a URL of another kind.
    pub fn new(text: &str) -> Option<Self> {
        if !text.contains("://") {
            return Some(Self::File(text.into()));
        }
        let url = text.parse().ok().filter(|url: &Url| url.scheme() == "http" && url.password().is_none());
        url.map(Self::Http)
    }
}

/// The way there.
pub(super) enum Way {
    File(PathBuf),
    Http(reqwest::Client, Url),
}

/// The way, ready to take entries.
pub(super) enum Open<'a> {
    File(AuditFile),
    Http(&'a reqwest::Client, &'a Url),
}

/// Why nothing was delivered, in words.
pub(super) type Refusal = String;

/// What a collector may say beside its 2xx.
#[derive(Default, Deserialize)]
struct Taken {
    #[serde(default)]
    rejected: u64,
}

impl Way {
    pub(super) fn new(target: &AuditTarget, timeout: Duration) -> Result<Self, reqwest::Error> {
        Ok(match target {
            AuditTarget::File(path) => Self::File(path.clone()),
            AuditTarget::Http(url) => Self::Http(plain_client(timeout)?, url.clone()),
        })
    }

    /// A file is found as it is now: another instance may have written to it, or somebody may have moved it.
    pub(super) async fn open(&self) -> Result<Open<'_>, Refusal> {
        match self {
            Self::File(path) => {
                let path = path.clone();
                blocking(move || AuditFile::open(&path)).await.map(Open::File)
            }
            Self::Http(client, url) => Ok(Open::Http(client, url)),
        }
    }
}

impl Open<'_> {
    /// The last entry of a file.
    pub(super) fn last(&self) -> Option<&Head> {
        match self {
            Self::File(file) => Some(file.last()),
            Self::Http(..) => None,
        }
    }

    pub(super) async fn deliver(self, entries: Vec<Kept>) -> Result<(), Refusal> {
        match self {
            Self::File(file) => {
                blocking(move || file.append(entries.iter().map(|entry| entry.line.as_str()))).await
            }
            Self::Http(client, url) => post(client, url, &entries).await,
        }
    }
}

async fn post(client: &reqwest::Client, url: &Url, entries: &[Kept]) -> Result<(), Refusal> {
    let body: String = entries.iter().flat_map(|entry| [entry.line.as_str(), "\n"]).collect();
    let request = client.post(url.clone()).header(CONTENT_TYPE, "application/x-ndjson").body(body);
    match request.send().await {
        Ok(answer) if answer.status().is_success() => match answer.json().await.unwrap_or_default() {
            Taken { rejected: 0 } => Ok(()),
            Taken { rejected } => Err(format!("the collector has refused {rejected} of them")),
        },
        Ok(answer) => Err(format!("the collector answered {}", answer.status().as_u16())),
        Err(error) if error.is_timeout() => Err("the collector did not answer in time".to_owned()),
        Err(_) => Err("the collector cannot be reached".to_owned()),
    }
}

/// Whether the file goes on where this entry of the database is.
pub(super) fn is_same(last: &Head, entry: Option<&Kept>) -> bool {
    entry.and_then(|entry| Head::of(&entry.line)).is_some_and(|head| head == *last)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, Refusal> {
    let done = tokio::task::spawn_blocking(work).await.map_err(|error| error.to_string())?;
    done.map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_or_a_url() {
        assert_eq!(AuditTarget::new("data/audit.log"), Some(AuditTarget::File("data/audit.log".into())));
        let url = "http://collector:8000/audit";
        assert_eq!(AuditTarget::new(url), Some(AuditTarget::Http(url.parse().unwrap())));
        for wrong in ["https://collector/audit", "tcp://collector:5170", "http://ada:secret@collector/"] {
            assert_eq!(AuditTarget::new(wrong), None);
        }
    }
}
