//! Where scanners are released that `ci-tool scanners update` can lock: as an asset
//! of a release at GitHub. Adding one is an entry.

/// How a scanner is released.
#[derive(Debug, Clone, Copy)]
pub struct Released {
    /// The scanner.
    pub name: &'static str,
    /// Its repository.
    pub owner: &'static str,
    /// Its repository's name.
    pub repository: &'static str,
    /// Platforms with the name of their asset; `{version}` is the version.
    pub assets: &'static [(&'static str, &'static str)],
    /// The program in the asset, where that is an archive.
    pub member: Option<&'static str>,
}

/// The scanners that can be locked.
pub const RELEASES: [Released; 4] = [
    Released {
        name: "trivy",
        owner: "aquasecurity",
        repository: "trivy",
        assets: &[
            ("linux-x86_64", "trivy_{version}_Linux-64bit.tar.gz"),
            ("linux-aarch64", "trivy_{version}_Linux-ARM64.tar.gz"),
            ("macos-aarch64", "trivy_{version}_macOS-ARM64.tar.gz"),
            ("macos-x86_64", "trivy_{version}_macOS-64bit.tar.gz"),
        ],
        member: Some("trivy"),
    },
    Released {
        name: "grype",
        owner: "anchore",
        repository: "grype",
        assets: &[
            ("linux-x86_64", "grype_{version}_linux_amd64.tar.gz"),
            ("linux-aarch64", "grype_{version}_linux_arm64.tar.gz"),
            ("macos-aarch64", "grype_{version}_darwin_arm64.tar.gz"),
            ("macos-x86_64", "grype_{version}_darwin_amd64.tar.gz"),
        ],
        member: Some("grype"),
    },
    Released {
        name: "osv-scanner",
        owner: "google",
        repository: "osv-scanner",
        assets: &[
            ("linux-x86_64", "osv-scanner_linux_amd64"),
            ("linux-aarch64", "osv-scanner_linux_arm64"),
            ("macos-aarch64", "osv-scanner_darwin_arm64"),
            ("macos-x86_64", "osv-scanner_darwin_amd64"),
        ],
        member: None,
    },
    Released {
        name: "gitleaks",
        owner: "gitleaks",
        repository: "gitleaks",
        assets: &[
            ("linux-x86_64", "gitleaks_{version}_linux_x64.tar.gz"),
            ("linux-aarch64", "gitleaks_{version}_linux_arm64.tar.gz"),
            ("macos-aarch64", "gitleaks_{version}_darwin_arm64.tar.gz"),
            ("macos-x86_64", "gitleaks_{version}_darwin_x64.tar.gz"),
        ],
        member: Some("gitleaks"),
    },
];
