//! Steps that run in containers: of this machine they see their copy and nothing else.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::common::{command, containers, finish, git, peers, write};

const IMAGE: &str = "localhost/ci-tool-probe:test";

/// The variables that lead to the engine's images.
fn engine() -> Vec<(String, String)> {
    let text = std::fs::read_to_string(peers().join("containers/env")).expect("there");
    let lines = text.lines().filter_map(|line| line.split_once('='));
    lines
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn run(program: &str, arguments: &[&str]) -> crate::common::Run {
    let run = finish(Command::new(program).args(arguments).envs(engine()));
    assert_eq!(
        run.code, 0,
        "{program} {arguments:?}: {}{}",
        run.stdout, run.stderr
    );
    run
}

/// An image with Python, as those of the language have it.
fn build(folder: &Path) {
    write(
        folder,
        "Dockerfile",
        "FROM docker.io/library/debian:bookworm-slim\nRUN apt-get update -qq && apt-get install -y -qq --no-install-recommends ca-certificates python3 python3-venv >/dev/null && rm -rf /var/lib/apt/lists/*\n",
    );
    let folder = folder.to_str().expect("UTF-8");
    run("buildah", &["bud", "--pull-never", "-t", IMAGE, folder]);
}

fn tool(folder: &Path, arguments: &[&str], code: i32) -> crate::common::Run {
    let mut tool = command();
    for (name, value) in std::env::vars() {
        let of_packages = name.starts_with("PIP_") || name.ends_with("_CA_BUNDLE");
        if of_packages || name == "HOME" || name.starts_with("SSL_CERT") {
            tool.env(name, value);
        }
    }
    let run = finish(
        tool.args(arguments)
            .current_dir(folder)
            .envs(engine())
            .env("CANARY", "canary-of-the-host"),
    );
    assert_eq!(
        run.code, code,
        "{arguments:?}: {}{}",
        run.stdout, run.stderr
    );
    run
}

fn verdicts(run: &crate::common::Run) -> Vec<(String, Value)> {
    let json: Value = serde_json::from_str(&run.stdout).expect("JSON");
    let steps = json["probe"]["jobs"][0]["steps"].as_array().expect("steps");
    let one = |step: &Value| {
        let kind = step["kind"].as_str().unwrap_or_default().to_owned();
        (kind, step["verdict"].clone())
    };
    steps.iter().map(one).collect()
}

#[test]
fn steps_in_a_container_see_nothing_of_this_machine() {
    if let Ok(why) = std::fs::read_to_string(peers().join("containers/unusable")) {
        println!(
            "skipped: steps_in_a_container_see_nothing_of_this_machine: no container runs here: {why}"
        );
        return;
    }
    let _engine = containers();
    let folder = tempfile::tempdir().expect("temporary folder");
    let there = folder.path().join("shop");
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "canary-of-the-host").expect("written");
    build(&folder.path().join("image"));
    write(&there, "requirements.txt", "pytest==8.3.4\n");
    write(&there, ".python-version", "3.11\n");
    write(&there, "shop.py", "def add(a, b):\n    return a + b\n");
    write(
        &there,
        "test_shop.py",
        format!(
            "import os\nimport pathlib\n\nfrom shop import add\n\n\ndef test_add():\n    assert add(1, 2) == 3\n\n\ndef test_host():\n    assert not os.path.exists({:?})\n    assert os.listdir('/home') == []\n    names = [open(p).read() for p in map(str, pathlib.Path('/proc').glob('[0-9]*/comm'))]\n    assert len(names) < 10, names\n    assert 'canary' not in str(os.environ)\n\n\ndef test_red():\n    assert add(1, 1) == 3\n",
            secret.display().to_string()
        ),
    );
    git(&there, &["init", "--quiet", "--initial-branch", "main"]);
    git(&there, &["add", "--all"]);
    git(&there, &["commit", "--quiet", "--message", "shop"]);
    let generate = ["generate", "--only", "backend-ci", "--format", "json"];
    let probe = |more: &[&str], code: i32| tool(&there, &[&generate, more].concat(), code);
    let probed = probe(&["--probe=container", "--image", IMAGE], 0);
    assert_eq!(
        verdicts(&probed),
        [(
            "test".to_owned(),
            serde_json::json!({"is": "frozen", "debt": "app-test", "complaints": 1})
        )],
        "{}",
        probed.stdout
    );
    let debt = std::fs::read_to_string(there.join(".github/debt/app-test.toml"));
    assert!(debt.expect("written").contains("test_shop.py::test_red"));
    // What is frozen is compared there too.
    tool(&there, &["debt", "--check", "--image", IMAGE], 0);

    // An image that is nowhere.
    let missing = probe(&["--probe", "--image", "localhost/nothing:1"], 1);
    assert!(
        missing
            .stdout
            .contains("the image localhost/nothing:1 cannot be had"),
        "{}",
        missing.stdout
    );

    // One that never ends leaves no container.
    write(
        &there,
        "test_shop.py",
        "import time\n\n\ndef test_slow():\n    time.sleep(1000)\n",
    );
    std::fs::remove_dir_all(there.join(".github")).expect("removed");
    git(&there, &["add", "--all"]);
    git(&there, &["commit", "--quiet", "--message", "slow"]);
    probe(&["--probe", "--image", IMAGE, "--time-limit", "20"], 0);
    let left = run(
        "podman",
        &["ps", "--all", "--quiet", "--filter=name=ci-tool-probe"],
    );
    assert_eq!(left.stdout, "");
    let debt = std::fs::read_to_string(there.join(".github/debt/app-test.toml"));
    assert!(debt.expect("written").contains("left-out"));

    run("buildah", &["rmi", "--force", IMAGE]);
    run("buildah", &["rmi", "--prune"]);
    // No engine at all.
    let bin = folder.path().join("bin");
    std::fs::create_dir(&bin).expect("created");
    for program in ["git", "bash"] {
        let at = finish(Command::new("which").arg(program));
        std::os::unix::fs::symlink(at.stdout.trim(), bin.join(program)).expect("linked");
    }
    let without = finish(
        command()
            .args(["generate", "--probe=container"])
            .current_dir(&there)
            .env("PATH", &bin),
    );
    assert_eq!(without.code, 3, "{}{}", without.stdout, without.stderr);
    assert!(
        without.stderr.contains("neither podman nor docker answers"),
        "{}",
        without.stderr
    );
}
