//! Whom a connection with TLS trusts.

use crate::{
    config::variables::{LOG_SHIP, LOG_SHIP_CA},
    env::ConfigError,
};
use std::{path::Path, sync::Arc};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        self, ClientConfig, RootCertStore,
        pki_types::{CertificateDer, pem::PemObject},
    },
};

/// A client that trusts the certificates in the file `ca`, or whom the system trusts.
pub(in crate::log) fn client(ca: Option<&Path>) -> Result<TlsConnector, ConfigError> {
    let roots = match ca {
        Some(path) => roots_in(path).map_err(|why| {
            let takes = format!("the path of a file with certificates in PEM ({why})");
            LOG_SHIP_CA.wrong_here(path.display(), takes)
        })?,
        None => system_roots(),
    };
    if roots.is_empty() {
        let takes = "certificates to trust: the system has none, so name a file in LOG_SHIP_CA";
        return Err(LOG_SHIP.wrong_here("tls", takes));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| LOG_SHIP.wrong_here("tls", error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

fn roots_in(path: &Path) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| error.to_string())? {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    if roots.is_empty() { Err("it has none".to_owned()) } else { Ok(roots) }
}

/// A certificate of the system's that cannot be read is one that is not trusted.
fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_certificates_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        std::fs::write(&path, "nothing").unwrap();
        for path in [path.as_path(), Path::new("/nowhere/ca.pem")] {
            let error = client(Some(path)).err().expect("a refusal").to_string();
            let expected = format!("LOG_SHIP_CA: `{}` won't do; it takes the path of a file", path.display());
            assert!(error.starts_with(&expected), "{error}");
        }
    }
}
