//! An authority that signs one certificate and is never used again.

use std::time::Duration;

use kubomesh_core::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

/// How far the clocks of the API servers may be behind.
const SKEW: Duration = Duration::from_hours(1);

/// A certificate with its key and the authority that signed it, all PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Made {
    pub(super) cert: String,
    pub(super) key: String,
    pub(super) authority: String,
}

/// Makes an authority, has it sign a certificate for these names, and forgets its key.
///
/// # Errors
/// When a name is none, or the system has no randomness.
pub(super) fn make(
    names: &[String],
    now: Timestamp,
    lifetime: Duration,
) -> Result<Made, rcgen::Error> {
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    let date = |at: Timestamp| epoch + Duration::from_millis(at.0);
    let (from, to) = (date(now - SKEW), date(now + lifetime));
    let mut ca = CertificateParams::new(Vec::new())?;
    // A name of its own: of two authorities of one name a verifier may try the wrong one.
    let name = format!("kubomesh-webhook {now}");
    ca.distinguished_name.push(DnType::CommonName, name);
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    (ca.not_before, ca.not_after) = (from, to);
    let ca_key = KeyPair::generate()?;
    let ca_cert = ca.self_signed(&ca_key)?;

    let mut leaf = CertificateParams::new(names.to_vec())?;
    let first = names.first().map_or("kubomesh-webhook", String::as_str);
    // X.509 has 64 characters for it; nobody looks there since there are alternative names.
    let short: String = first.chars().take(64).collect();
    leaf.distinguished_name.push(DnType::CommonName, short);
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    leaf.use_authority_key_identifier_extension = true;
    (leaf.not_before, leaf.not_after) = (from, to);
    let key = KeyPair::generate()?;
    let cert = leaf.signed_by(&key, &Issuer::from_params(&ca, &ca_key))?;
    Ok(Made {
        cert: cert.pem(),
        key: key.serialize_pem(),
        authority: ca_cert.pem(),
    })
}
