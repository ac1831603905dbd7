//! The releases that `scan --install` fetches where a repository locks none, so that the
//! first scan of a repository looks for vulnerabilities too. Adding one is an entry; a
//! repository's lock takes its place.
//!
//! A release is pinned when it is some weeks old and independent parties have recorded
//! the same hashes of it.

/// A download of a release, proven by its hash.
#[derive(Debug, Clone, Copy)]
pub struct Pinned {
    /// The scanner.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// As [`super::lock::platform`] says it.
    pub platform: &'static str,
    /// Where the download is.
    pub url: &'static str,
    /// The SHA-256 of the download, in hexadecimal digits.
    pub sha256: &'static str,
    /// The program's name in the download.
    pub member: &'static str,
}

/// The downloads.
pub const PINNED: [Pinned; 2] = [
    Pinned {
        name: "trivy",
        version: "0.75.0",
        platform: "linux-x86_64",
        url: "https://github.com/aquasecurity/trivy/releases/download/v0.75.0/trivy_0.75.0_Linux-64bit.tar.gz",
        sha256: "c6e65abddb348e25f10549df887045629cf28cc72453cd1c63acb717316b3f3f",
        member: "trivy",
    },
    Pinned {
        name: "trivy",
        version: "0.75.0",
        platform: "linux-aarch64",
        url: "https://github.com/aquasecurity/trivy/releases/download/v0.75.0/trivy_0.75.0_Linux-ARM64.tar.gz",
        sha256: "a1ee9f6ffb7d112b64ff726a2a0717c21175c1114361391f4a132956751a13b3",
        member: "trivy",
    },
];

/// The download of a scanner for a platform.
pub fn find(name: &str, platform: &str) -> Option<&'static Pinned> {
    let mut all = PINNED.iter();
    all.find(|one| one.name == name && one.platform == platform)
}

#[cfg(test)]
mod tests {
    use super::super::releases::RELEASES;
    use super::*;

    #[test]
    fn every_download_is_where_the_scanner_is_released() {
        for one in &PINNED {
            let of = RELEASES.iter().find(|release| release.name == one.name);
            let of = of.expect("a release that can be locked too");
            let asset = of.assets.iter().find(|asset| asset.0 == one.platform);
            let asset = asset
                .expect("a platform")
                .1
                .replace("{version}", one.version);
            let (owner, repository, version) = (of.owner, of.repository, one.version);
            let url = format!(
                "https://github.com/{owner}/{repository}/releases/download/v{version}/{asset}"
            );
            assert_eq!(one.url, url);
            assert_eq!(of.member, Some(one.member));
            assert_eq!(one.sha256.len(), 64, "{}", one.platform);
            assert!(one.sha256.bytes().all(|byte| byte.is_ascii_hexdigit()));
        }
    }
}
