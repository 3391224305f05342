//! The chain in the database and the chain in the file: each for itself, and one against the other.

use super::lines::{Line, Lines};
use crate::cli::VerifyOptions;
use order::store::audit::reader::{AuditReader, Ends};
use std::{
    error::Error,
    path::{Path, PathBuf},
};
use telemetry::audit::{AuditKey, Fault, Head, Verifier};

/// What is there to check.
pub(super) struct Sources {
    key: AuditKey,
    log: Option<PathBuf>,
    database: Option<String>,
}

/// What came out.
#[derive(Default)]
pub(super) struct Findings {
    /// What is wrong, a line each.
    pub(super) faults: Vec<String>,
    /// What is not, a line each.
    pub(super) whole: Vec<String>,
}

impl Sources {
    pub(super) fn of(options: VerifyOptions) -> Result<Self, Box<dyn Error>> {
        let path = &options.key_file;
        let held = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let key = AuditKey::new(held.trim()).ok_or_else(|| format!("{} holds no key", path.display()))?;
        let (log, database) = options.sources();
        Ok(Self { key, log, database })
    }

    /// The service may be running: what was delivered is read before the file, and the file before the entries, so
    /// that what is read later has all that was read before.
    pub(super) async fn check(self) -> Result<Findings, Box<dyn Error>> {
        let mut found = Findings::default();
        let delivered = match &self.database {
            Some(url) => Some(AuditReader::open(url).await?.ends().await?.delivered),
            None => None,
        };
        let log = match &self.log {
            Some(path) => self.check_log(path, delivered, &mut found)?,
            None => None,
        };
        if let Some(url) = &self.database {
            self.check_database(url, log.as_ref(), &mut found).await?;
        }
        Ok(found)
    }

    /// The last entry of a file that is whole.
    fn check_log(
        &self,
        path: &Path,
        delivered: Option<i64>,
        found: &mut Findings,
    ) -> Result<Option<Head>, Box<dyn Error>> {
        let mut lines = Lines::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let mut verifier = Verifier::new(self.key.clone());
        while let Some(line) = lines.next()? {
            let checked = match line {
                Line::Whole(line) => verifier.check(&line),
                Line::Cut => {
                    Err(Fault::new(verifier.head().number + 1, "its line was cut, or is being written"))
                }
            };
            if let Err(fault) = checked {
                found.faults.push(format!("log: {fault}"));
                return Ok(None);
            }
        }
        let last = verifier.head().clone();
        if let Some(delivered) = delivered.filter(|delivered| *delivered > last.number) {
            let why = format!("it is missing: the log was cut, for {delivered} entries were delivered");
            found.faults.push(format!("log: {}", Fault::new(last.number + 1, why)));
        } else {
            let (count, repeats) = (last.number, lines.repeats());
            let again = match repeats {
                0 => String::new(),
                _ => format!("; {repeats} lines are there again, which changes nothing"),
            };
            let whether = match self.database {
                Some(_) => "",
                None => "; only the database knows whether the end is missing",
            };
            found.whole.push(format!("log: {count} entries, whole{again}{whether}"));
        }
        Ok(Some(last))
    }

    async fn check_database(
        &self,
        url: &str,
        log: Option<&Head>,
        found: &mut Findings,
    ) -> Result<(), Box<dyn Error>> {
        let mut reader = AuditReader::open(url).await?;
        let ends = reader.ends().await?;
        let mut lines = self.log.as_deref().map(Lines::open).transpose()?;
        let mut verifier = Verifier::new(self.key.clone());
        loop {
            let page = reader.page(verifier.head().number).await?;
            if page.is_empty() {
                break;
            }
            for kept in page {
                let logged = lines.as_mut().map(Lines::next).transpose()?.flatten();
                let differs = matches!(&logged, Some(Line::Whole(line)) if *line != kept.line.as_bytes());
                if let Err(fault) =
                    verifier.check(kept.line.as_bytes()).and_then(|()| numbered(&verifier, kept.number))
                {
                    found.faults.push(format!("database: {fault}"));
                    return Ok(());
                }
                // Both are whole for themselves: somebody who has the key has written one of them anew.
                if log.is_some() && differs {
                    let why = "the log and the database have different ones";
                    found.faults.push(Fault::new(kept.number, why).to_string());
                    return Ok(());
                }
            }
        }
        let last = verifier.head();
        if let Some(fault) = end(last, &ends, log.map_or(0, |log| log.number)) {
            found.faults.push(format!("database: {fault}"));
        } else {
            let waiting = last.number - ends.delivered;
            let count = last.number;
            found.whole.push(format!("database: {count} entries, whole; {waiting} wait to be delivered"));
        }
        Ok(())
    }
}

fn numbered(verifier: &Verifier, number: i64) -> Result<(), Fault> {
    let is = verifier.head().number;
    if is == number { Ok(()) } else { Err(Fault::new(is, format!("it is kept under the number {number}"))) }
}

/// What is wrong with the end of the database's chain.
fn end(last: &Head, ends: &Ends, logged: i64) -> Option<Fault> {
    let (head, next) = (&ends.head, last.number + 1);
    if head.number > last.number {
        let why = format!("it is missing: the end was cut, for there were {}", head.number);
        return Some(Fault::new(next, why));
    }
    if head != last {
        return Some(Fault::new(head.number, "the record of the last entry does not fit it"));
    }
    if ends.count != last.number {
        let more = ends.count - last.number;
        return Some(Fault::new(
            0,
            format!("below number 1 there are rows that are no entries of the chain: {more}"),
        ));
    }
    let elsewhere = logged.max(ends.delivered);
    (elsewhere > last.number)
        .then(|| Fault::new(next, format!("it is missing: the end was cut, for {elsewhere} were delivered")))
}
