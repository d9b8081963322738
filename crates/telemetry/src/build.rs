//! What was built, from what, by which compiler.

use std::fmt;

/// A build of the product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuildInfo {
    /// Version of the workspace, semver.
    pub version: &'static str,
    /// Commit: twelve hex digits, or what `KUBOMESH_COMMIT` said at build time; `development`
    /// in a development build, `unknown` where git could not say.
    pub commit: &'static str,
    /// Version of the compiler.
    pub rustc: &'static str,
    /// `SOURCE_DATE_EPOCH` as it was at build time, else when the commit was made: seconds since 1970.
    /// Empty where neither is known, and in a development build.
    pub epoch: &'static str,
}

/// This build.
pub const BUILD: BuildInfo = BuildInfo {
    version: env!("CARGO_PKG_VERSION"),
    commit: env!("KUBOMESH_BUILD_COMMIT"),
    rustc: env!("KUBOMESH_BUILD_RUSTC"),
    epoch: env!("KUBOMESH_BUILD_EPOCH"),
};

impl BuildInfo {
    /// The date of its source, RFC 3339 in UTC: `2026-05-04T09:30:00Z`. `None` where it is not known.
    #[must_use]
    pub fn date(&self) -> Option<String> {
        let seconds = self.epoch.parse().ok()?;
        let time = jiff::Timestamp::from_second(seconds).ok()?;
        Some(time.to_string())
    }
}

/// One line: `0.1.0 (1a2b3c4d5e6f, rustc 1.95.0)`.
impl fmt::Display for BuildInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} ({}, rustc {})",
            self.version, self.commit, self.rustc
        )
    }
}
