//! The certificate that is served: checked before it is used, replaced while the process runs.

mod files;
mod intake;
mod pair;

pub(crate) use files::follow;
pub(crate) use intake::{Intake, Served};
pub(crate) use pair::{Pair, PairError};

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring;

/// TLS 1.2 and 1.3 with the certificate of the moment; HTTP/1.1. Who calls is not asked for a
/// certificate: an API server has none unless it is configured to.
///
/// # Errors
/// When the crypto provider lacks what both versions need: a mistake in the program.
pub(crate) fn server_config(served: &Arc<Served>) -> Result<Arc<ServerConfig>, rustls::Error> {
    let resolver: Arc<Served> = Arc::clone(served);
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(resolver);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests;
