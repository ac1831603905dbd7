//! Samples, the binary with a scrubbed environment, and the real peers.

pub mod github;
pub mod platform;
pub mod repositories;
pub mod rest;

use std::path::{Path, PathBuf};
use std::process::Command;

use ci_tool::workflows::catalog::Kind;

/// A commit that stands for a release of our own action.
pub const RELEASE: &str = "0123456789abcdef0123456789abcdef01234567";

/// The package's folder.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The names of all sample repositories, sorted.
pub fn samples() -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(root().join("tests/fixtures"))
        .expect("the samples are there")
        .map(|entry| entry.expect("listed"))
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().expect("UTF-8"))
        .collect();
    names.sort();
    assert!(names.len() >= 8, "{names:?}");
    names
}

/// What a generated file of this path is.
pub fn kind_of(path: &str) -> Kind {
    match path {
        ".gitlab-ci.yml" => Kind::Gitlab,
        ".github/dependabot.yml" => Kind::Dependabot,
        _ => Kind::Workflow,
    }
}

/// A copy of a sample in a temporary folder.
pub fn sample(name: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("temporary folder");
    copy(&root().join("tests/fixtures").join(name), folder.path());
    folder
}

/// Copies a folder's files, leaving out what installs and builds left there.
pub fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).expect("listed") {
        let entry = entry.expect("listed");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            if !["node_modules", ".venv", ".next", "target", "dist"]
                .iter()
                .any(|name| entry.file_name() == *name)
            {
                std::fs::create_dir_all(&target).expect("created");
                copy(&entry.path(), &target);
            }
        } else {
            std::fs::copy(entry.path(), target).expect("copied");
        }
    }
}

/// What a run of the binary gave.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// The binary with nothing of the environment but a release to pin.
pub fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ci-tool"));
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").expect("PATH is set"))
        .env(
            "CI_TOOL_ACTION",
            format!("intowork/ci-action@{RELEASE} # v1.0.0"),
        );
    command
}

/// Runs a prepared command.
pub fn finish(command: &mut Command) -> Run {
    let output = command.output().expect("it starts");
    Run {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Runs the binary in a folder.
pub fn ci_tool(folder: &Path, arguments: &[&str]) -> Run {
    finish(command().args(arguments).current_dir(folder))
}

/// The folder of the real tools. A test that needs them fails without them: a
/// skipped check would read as a passed one.
pub fn peers() -> PathBuf {
    let folder = std::env::var_os("CI_TOOL_PEERS").map_or_else(
        || {
            PathBuf::from(std::env::var_os("HOME").expect("HOME is set"))
                .join(".cache/ci-tool/peers")
        },
        PathBuf::from,
    );
    assert!(
        folder.join("stamp").is_file(),
        "the real tools are not installed in {}: run `make test`, or scripts/install-peers.sh first",
        folder.display()
    );
    folder
}

/// Runs git in a folder, as nobody in particular.
pub fn git(folder: &Path, arguments: &[&str]) {
    let output = Command::new("git")
        .args([
            "-c",
            "user.name=test",
            "-c",
            "user.email=test@example.com",
            "-c",
            "init.defaultBranch=main",
        ])
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("git starts");
    assert!(
        output.status.success(),
        "git {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// The engine of containers, which has one user at a time: a test takes away what another
/// one left that was cut short.
pub fn containers() -> std::sync::MutexGuard<'static, ()> {
    static ENGINE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    ENGINE
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// So many bytes that nothing makes smaller; the same ones for the same seed.
pub fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let words = std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.flatten().take(length).collect()
}

/// Writes a file and the folders above it.
pub fn write(folder: &Path, path: &str, text: impl AsRef<[u8]>) {
    let path = folder.join(path);
    std::fs::create_dir_all(path.parent().expect("it has a parent")).expect("created");
    std::fs::write(path, text).expect("written");
}

/// Holds exchanges, one JSON object a line, against GitHub's published description; what is
/// said where all of them fit.
pub fn follow_githubs_description(exchanges: &str) -> String {
    let folder = tempfile::tempdir().expect("temporary folder");
    write(folder.path(), "exchanges", exchanges);
    let output = Command::new(peers().join("py/bin/python"))
        .arg(root().join("scripts/peers/openapi-check.py"))
        .arg(peers().join("github-api.json"))
        .stdin(std::fs::File::open(folder.path().join("exchanges")).expect("open"))
        .output()
        .expect("it starts");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{told}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    told
}

/// What a script of the peers that drives a browser says, as JSON.
pub fn in_browser(script: &str, arguments: &[&std::ffi::OsStr]) -> serde_json::Value {
    let output = Command::new("node")
        .arg(root().join("scripts/peers").join(script))
        .arg(peers().join("npm/node_modules"))
        .args(arguments)
        .output()
        .expect("node starts");
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).expect("JSON")
}
