//! Mutual TLS between controller and agents. It fails closed: what is missing or wrong is an error
//! that names the file and the remedy, and never plain text on the wire.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::client::verify_server_name;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{
    ClientConfig, DigitallySignedStruct, DistinguishedName, RootCertStore, ServerConfig,
    SignatureScheme,
};

/// The name that the controller's certificate must have.
pub const CONTROLLER_NAME: &str = "controller.kubomesh.dev";

/// gRPC's protocol in the handshake.
const ALPN: &[u8] = b"h2";

/// The name that the certificate of a namespace's agents must have.
#[must_use]
pub fn agent_name(namespace: &str) -> String {
    format!("agent.{namespace}.kubomesh.dev")
}

/// One PEM text and what people know it by: a path, or a Secret's key.
#[derive(Debug, Clone, Copy)]
pub struct Pem<'a> {
    /// `/etc/kubomesh/tls.crt`, or `tls.crt of Secret ipfs/kubomesh-agent-tls`.
    pub name: &'a str,
    /// The text.
    pub bytes: &'a [u8],
}

/// The three texts that either end needs, as in a Secret of type `kubernetes.io/tls` with a CA.
#[derive(Debug, Clone, Copy)]
pub struct Pems<'a> {
    /// `tls.crt`: the own certificate, then those between it and the CA.
    pub certificate: Pem<'a>,
    /// `tls.key`: its key.
    pub key: Pem<'a>,
    /// `ca.crt`: who signs the other end's certificate.
    pub ca: Pem<'a>,
}

/// A certificate, key or CA that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} {why}; {remedy}")]
pub struct TlsError {
    name: String,
    why: String,
    remedy: &'static str,
}

/// The controller's side: its certificate, whom it trusts, and the name that agents must have.
#[derive(Clone)]
pub struct ClientTls {
    pub(crate) config: Arc<ClientConfig>,
    pub(crate) name: ServerName<'static>,
}

/// The agent's side: its certificate, and whom it trusts to be the controller.
#[derive(Clone)]
pub struct ServerTls(Arc<ServerConfig>);

// === impl ClientTls ===

impl ClientTls {
    /// For agents of this namespace.
    ///
    /// # Errors
    /// When one of the texts cannot be used: which, why, and what to do.
    pub fn new(pems: Pems<'_>, namespace: &str) -> Result<Self, TlsError> {
        let roots = Arc::new(roots(pems.ca)?);
        let (chain, key) = (chain(pems.certificate)?, key(pems.key)?);
        let versions = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(|error| library(pems.ca, &error))?;
        let mut config = versions
            .with_root_certificates(roots)
            .with_client_auth_cert(chain, key)
            .map_err(|error| unfit(pems.key, &error))?;
        config.alpn_protocols = vec![ALPN.to_vec()];
        let name = agent_name(namespace);
        let name = ServerName::try_from(name).map_err(|error| TlsError {
            name: format!("the namespace {namespace}"),
            why: format!("makes no name for a certificate: {error}"),
            remedy: "it must be a DNS label",
        })?;
        Ok(Self {
            config: Arc::new(config),
            name,
        })
    }
}

// === impl ServerTls ===

impl ServerTls {
    /// Lets in only who shows a certificate of the CA with the name [`CONTROLLER_NAME`].
    ///
    /// # Errors
    /// When one of the texts cannot be used: which, why, and what to do.
    pub fn new(pems: Pems<'_>) -> Result<Self, TlsError> {
        let roots = Arc::new(roots(pems.ca)?);
        let (chain, key) = (chain(pems.certificate)?, key(pems.key)?);
        let chains = WebPkiClientVerifier::builder_with_provider(roots, provider())
            .build()
            .map_err(|error| library(pems.ca, &error))?;
        let versions = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(|error| library(pems.ca, &error))?;
        let mut config = versions
            .with_client_cert_verifier(Arc::new(Controller { chains }))
            .with_single_cert(chain, key)
            .map_err(|error| unfit(pems.key, &error))?;
        config.alpn_protocols = vec![ALPN.to_vec()];
        Ok(Self(Arc::new(config)))
    }

    /// The TLS library's configuration.
    #[must_use]
    pub fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.0)
    }
}

/// A client certificate of the CA that is the controller's: an agent's own certificate, of the same
/// CA, commands nobody.
#[derive(Debug)]
struct Controller {
    chains: Arc<dyn ClientCertVerifier>,
}

impl ClientCertVerifier for Controller {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.chains.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let verified = self
            .chains
            .verify_client_cert(end_entity, intermediates, now)?;
        let name = ServerName::try_from(CONTROLLER_NAME)
            .map_err(|error| rustls::Error::General(error.to_string()))?;
        verify_server_name(&ParsedCertificate::try_from(end_entity)?, &name)?;
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chains.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chains.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chains.supported_verify_schemes()
    }
}

// === reading ===

/// Named here and not taken from the process, so that no library's choice can change it.
fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

const CERTIFICATES: &str = "it must hold certificates in PEM, the own one first";
const KEY: &str = "it must hold the certificate's private key in PEM";
const CA: &str = "it must hold the certificates of the CA in PEM";

fn chain(pem: Pem<'_>) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    certificates(pem, CERTIFICATES)
}

fn roots(pem: Pem<'_>) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem, CA)? {
        roots
            .add(certificate)
            .map_err(|error| refused(pem, &error, CA))?;
    }
    Ok(roots)
}

fn certificates(
    pem: Pem<'_>,
    remedy: &'static str,
) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.bytes).collect();
    let all = all.map_err(|error| refused(pem, &error, remedy))?;
    match all.is_empty() {
        true => Err(refused(pem, &"there is no certificate", remedy)),
        false => Ok(all),
    }
}

fn key(pem: Pem<'_>) -> Result<PrivateKeyDer<'static>, TlsError> {
    // The library's sentence may show where in the text it stopped, never what stands there.
    PrivateKeyDer::from_pem_slice(pem.bytes)
        .map_err(|_| refused(pem, &"there is no private key", KEY))
}

fn refused(pem: Pem<'_>, why: &dyn fmt::Display, remedy: &'static str) -> TlsError {
    TlsError {
        name: pem.name.to_owned(),
        why: format!("cannot be used: {why}"),
        remedy,
    }
}

fn unfit(pem: Pem<'_>, why: &rustls::Error) -> TlsError {
    refused(pem, why, "it must be the key of the certificate beside it")
}

fn library(pem: Pem<'_>, why: &dyn fmt::Display) -> TlsError {
    refused(pem, why, CA)
}

// === impl Debug ===

impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientTls")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerTls")
    }
}
