//! Certificates for agents and their controller, as cert-manager or an operator would make them.

use std::fs;
use std::path::Path;

use anyhow::Result;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};

/// The name that the controller's certificate must have.
pub(crate) const CONTROLLER: &str = "controller.kubomesh.dev";

/// A year far ahead, and one that is over.
const VALID: i32 = 2100;
const EXPIRED: i32 = 2001;

/// The name that the certificates of a namespace's agents must have.
pub(crate) fn agent_name(namespace: &str) -> String {
    format!("agent.{namespace}.kubomesh.dev")
}

/// A CA.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// What either end needs, PEM.
#[derive(Debug, Clone)]
pub(crate) struct Texts {
    /// `tls.crt`.
    pub(crate) certificate: String,
    /// `tls.key`.
    pub(crate) key: String,
    /// `ca.crt`: who signs the other end's.
    pub(crate) ca: String,
}

// === impl Authority ===

impl Authority {
    /// A new one of this name.
    pub(crate) fn new(name: &str) -> Result<Self> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, format!("CA {name} of the lab"));
        let key = KeyPair::generate()?;
        Ok(Self(CertifiedIssuer::self_signed(params, key)?))
    }

    /// A certificate with this name, beside the CA itself.
    pub(crate) fn issue(&self, name: &str) -> Result<Texts> {
        self.issue_until(name, VALID)
    }

    /// One that has expired.
    pub(crate) fn issue_expired(&self, name: &str) -> Result<Texts> {
        self.issue_until(name, EXPIRED)
    }

    fn issue_until(&self, name: &str, year: i32) -> Result<Texts> {
        let mut params = CertificateParams::new([name.to_owned()])?;
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(year, 1, 1);
        let key = KeyPair::generate()?;
        Ok(Texts {
            certificate: params.signed_by(&key, &self.0)?.pem(),
            key: key.serialize_pem(),
            ca: self.0.pem(),
        })
    }
}

// === impl Texts ===

impl Texts {
    /// With another CA in `ca.crt`.
    pub(crate) fn trusting(self, authority: &Authority) -> Self {
        let ca = authority.0.pem();
        Self { ca, ..self }
    }

    /// Its files by their names in a Secret.
    pub(crate) fn files(&self) -> [(&'static str, &str); 3] {
        [
            ("tls.crt", &self.certificate),
            ("tls.key", &self.key),
            ("ca.crt", &self.ca),
        ]
    }

    /// Puts the files into a folder, each in the place of what was there.
    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        fs::create_dir_all(folder)?;
        for (name, text) in self.files() {
            let new = folder.join(format!(".{name}"));
            fs::write(&new, text)?;
            fs::rename(&new, folder.join(name))?;
        }
        Ok(())
    }
}
