//! Locking, installing and proving scanners, against a fake of GitHub that can lie.

use std::path::Path;

use ci_tool::scanners::lock;

use crate::common::github::{FakeGitHub, Fault, days_ago};
use crate::common::{Run, command, finish, write};

/// A program that finds one vulnerability, as OSV-Scanner would tell it.
const PROGRAM: &str = r#"#!/bin/sh
echo '{"results":[{"source":{"path":"requirements.txt","type":"lockfile"},"packages":[{"package":{"name":"django","version":"2.2","ecosystem":"PyPI"},"vulnerabilities":[{"id":"GHSA-6r97-cj55-9hrq","aliases":["CVE-2019-14234"],"summary":"SQL injection"}],"groups":[{"ids":["GHSA-6r97-cj55-9hrq"],"max_severity":"9.8"}]}]}]}'
exit 1
"#;

fn asset() -> &'static str {
    if std::env::consts::ARCH == "aarch64" {
        "osv-scanner_linux_arm64"
    } else {
        "osv-scanner_linux_amd64"
    }
}

/// A GitHub with a release of so many days, whose asset has this digest.
fn github(days: u64, digest: &str, program: &str) -> FakeGitHub {
    let fake = FakeGitHub::start();
    let release = serde_json::json!({
        "prerelease": false, "draft": false, "published_at": days_ago(days),
        "assets": [{
            "name": asset(),
            "browser_download_url": format!("{}/download/{}", fake.url, asset()),
            "digest": format!("sha256:{digest}"),
        }]
    });
    fake.fail(
        "/releases/tags/v2.3.3",
        99,
        Fault::Answer(200, Vec::new(), release.to_string()),
    )
    .fail(
        "/download/",
        99,
        Fault::Answer(200, Vec::new(), program.to_owned()),
    )
}

struct There {
    folder: tempfile::TempDir,
    cache: tempfile::TempDir,
}

impl There {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        write(folder.path(), "requirements.txt", "django==2.2\n");
        let cache = tempfile::tempdir().expect("a folder");
        Self { folder, cache }
    }

    fn run(&self, fake: &FakeGitHub, arguments: &[&str]) -> Run {
        let mut command = command();
        command
            .args(arguments)
            .env("GITHUB_API_URL", &fake.url)
            .env("CI_TOOL_CACHE", self.cache.path())
            .env("PATH", "/usr/bin:/bin")
            .current_dir(self.folder.path());
        finish(&mut command)
    }

    fn program(&self) -> std::path::PathBuf {
        let text = std::fs::read_to_string(self.folder.path().join(lock::PATH)).expect("read");
        let lock = lock::Lock::parse(&text).expect("a lock");
        lock.scanners[0].program(self.cache.path())
    }
}

fn says(run: &Run, code: i32, word: &str) {
    let all = format!("{}{}", run.stdout, run.stderr);
    assert!(
        run.code == code && all.contains(word),
        "{code} {word}: {} {all}",
        run.code
    );
}

#[test]
fn a_release_is_locked_installed_proven_and_used() {
    let there = There::new();
    let fake = github(30, &lock::sha256(PROGRAM.as_bytes()), PROGRAM);
    let update = ["scanners", "update", "osv-scanner@2.3.3"];
    says(
        &there.run(&fake, &[&update[..], &["--dry-run"]].concat()),
        0,
        "+version = \"2.3.3\"",
    );
    assert!(!there.folder.path().join(lock::PATH).exists());
    says(&there.run(&fake, &update), 0, "+version = \"2.3.3\"");

    // Locked and not installed is not run from anywhere else.
    says(
        &there.run(&fake, &["scan", "--scanner", "osv-scanner"]),
        3,
        "ci-tool scanners install",
    );
    says(
        &there.run(&fake, &["scanners", "verify"]),
        1,
        "is not installed",
    );
    says(
        &there.run(&fake, &["scanners", "install"]),
        0,
        "2.3.3 is installed",
    );
    says(&there.run(&fake, &["scanners", "install"]), 0, "is there");
    says(
        &there.run(&fake, &["scanners", "verify"]),
        0,
        "is what was locked",
    );
    says(
        &there.run(&fake, &["scanners", "list"]),
        0,
        "2.3.3 locked and installed",
    );
    let run = there.run(&fake, &["scan", "--scanner", "osv-scanner"]);
    says(&run, 1, "CVE-2019-14234");

    // Somebody puts another program in its place.
    let mark = there.folder.path().join("it-ran");
    let evil = format!("{PROGRAM}touch {}\n", mark.display());
    std::fs::write(there.program(), evil).expect("written");
    says(
        &there.run(&fake, &["scan", "--scanner", "osv-scanner"]),
        3,
        "it was changed and is not used",
    );
    assert!(!mark.exists());
    says(&there.run(&fake, &["scanners", "verify"]), 1, "WAS CHANGED");
    // Installing again mends it.
    says(
        &there.run(&fake, &["scanners", "install"]),
        0,
        "2.3.3 is installed",
    );
    says(
        &there.run(&fake, &["scan", "--scanner", "osv-scanner"]),
        1,
        "CVE-2019-14234",
    );
}

#[test]
fn what_is_too_young_unnamed_or_another_one_is_refused() {
    let there = There::new();
    let good = lock::sha256(PROGRAM.as_bytes());
    let update = |fake: &FakeGitHub, name: &str| there.run(fake, &["scanners", "update", name]);
    let fake = github(2, &good, PROGRAM);
    says(
        &update(&fake, "osv-scanner@2.3.3"),
        3,
        "is 2 days old, and must be 7",
    );
    says(
        &update(&fake, "osv-scanner@latest"),
        2,
        "`latest` is no version",
    );
    says(&update(&fake, "osv-scanner"), 2, "NAME@VERSION");
    says(&update(&fake, "nothing@1.0"), 2, "it is not known where");
    // GitHub's hash is another one.
    let fake = github(30, &"0".repeat(64), PROGRAM);
    says(&update(&fake, "osv-scanner@2.3.3"), 3, "it is not locked");
    assert!(!there.folder.path().join(lock::PATH).exists());
    // After it was locked, the release is replaced, with a hash beside it that fits.
    let before = github(30, &good, PROGRAM);
    says(&update(&before, "osv-scanner@2.3.3"), 0, "2.3.3");
    let evil = "#!/bin/sh\necho stolen\n";
    let fake = github(30, &lock::sha256(evil.as_bytes()), evil);
    let file = there.folder.path().join(lock::PATH);
    let text = std::fs::read_to_string(&file).expect("read");
    std::fs::write(&file, text.replace(&before.url, &fake.url)).expect("written");
    says(
        &there.run(&fake, &["scanners", "install"]),
        3,
        "it was changed and is not used",
    );
    assert!(!Path::exists(&there.program()));
    // A lock that names no version, or a program twice, is refused at its line.
    let file = there.folder.path().join(lock::PATH);
    let text = std::fs::read_to_string(&file).expect("read");
    std::fs::write(&file, text.replace("\"2.3.3\"", "\"latest\"")).expect("written");
    says(&there.run(&fake, &["scan"]), 2, ".github/scanners.lock:");
}

/// In a job the machine is empty: the action installs what is locked, proves it and scans.
#[test]
fn the_action_installs_what_is_locked() {
    let there = There::new();
    let fake = github(30, &lock::sha256(PROGRAM.as_bytes()), PROGRAM);
    says(
        &there.run(&fake, &["scanners", "update", "osv-scanner@2.3.3"]),
        0,
        "+version",
    );
    let act = |inputs: &[(&str, &str)]| {
        let mut command = command();
        command
            .arg("action")
            .env("GITHUB_API_URL", &fake.url)
            .env("CI_TOOL_CACHE", there.cache.path())
            .env("PATH", "/usr/bin:/bin")
            .env("INPUT_UPLOAD", "false")
            .env("INPUT_SCANNER", "osv-scanner")
            .envs(inputs.iter().copied())
            .current_dir(there.folder.path());
        finish(&mut command)
    };
    // Without the network nothing is fetched, and that is no answer.
    says(&act(&[("INPUT_OFFLINE", "true")]), 3, "scanners install");
    says(&act(&[]), 1, "CVE-2019-14234");
    says(&act(&[]), 1, "is there");
}
