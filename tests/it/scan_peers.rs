//! `ci-tool scan` with real programs that ask a service: Snyk, npm and pip-audit, each
//! against a stand-in of its service on loopback.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::common::{Run, command, finish, peers, root, write};
use crate::scan::{json, real_path, told};

const SNYK_TOKEN: &str = "snyk-canary-0123456789";
const NPM_TOKEN: &str = "npm-canary-0123456789";
const GITHUB_TOKEN: &str = "github-canary-0123456789";

/// A stand-in that runs until it is dropped.
struct Service {
    child: Child,
    url: String,
}

impl Service {
    fn start(script: &str, arguments: &[&str]) -> Self {
        let mut child = Command::new("python3")
            .arg(root().join("scripts").join(script))
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let mut url = String::new();
        let output = child.stdout.take().expect("piped");
        BufReader::new(output)
            .read_line(&mut url)
            .expect("it tells its address");
        let url = url.trim().to_owned();
        assert!(url.starts_with("http://127.0.0.1:"), "{script}: {url}");
        Self { child, url }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An address at which nobody answers: a port that was free a moment ago.
fn nobody() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    format!("http://{}", listener.local_addr().expect("bound"))
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::Builder::new().prefix("project").tempdir();
    folder.expect("temporary folder")
}

fn manifest() -> String {
    r#"{"name":"app","version":"1.0.0","dependencies":{"lodash":"4.17.15"}}"#.to_owned()
}

fn lock_file() -> String {
    format!(
        r#"{{"name":"app","version":"1.0.0","lockfileVersion":3,"packages":{{"":{},"node_modules/lodash":{{"version":"4.17.15"}}}}}}"#,
        manifest()
    )
}

/// A project with a dependency that is vulnerable, or not.
fn node(there: &Path, below: &str, is_affected: bool) {
    for (name, text) in [
        ("package.json", manifest()),
        ("package-lock.json", lock_file()),
    ] {
        let text = if is_affected {
            text
        } else {
            text.replace("4.17.15", "4.17.21")
        };
        write(there, &format!("{below}{name}"), text);
    }
}

/// Scans with one scanner and these variables. No run may show a token.
fn scan(there: &Path, scanner: &str, variables: &[(&str, &str)], arguments: &[&str]) -> Run {
    let cache = tempfile::tempdir().expect("a folder");
    let mut command = command();
    command
        .args(["scan", "--format", "json", "--verbose"])
        .args(["--scanner", scanner, "--cache"])
        .arg(cache.path())
        .args(arguments)
        .env("PATH", real_path())
        .env("GITHUB_TOKEN", GITHUB_TOKEN)
        .envs(variables.iter().copied())
        .current_dir(there);
    let run = finish(&mut command);
    let all = format!("{}{}", run.stdout, run.stderr);
    assert!(!all.contains("canary"), "{all}");
    run
}

/// No answer, and why.
fn assert_failed(run: &Run, word: &str) {
    assert_eq!(run.code, 3, "{}{}", run.stdout, run.stderr);
    assert_eq!(json(run)["complete"], false);
    assert!(run.stderr.contains(word), "{word}: {}", run.stderr);
}

/// The real Snyk CLI as a program `snyk` in a folder. It fails where it sees a token
/// that is not its own.
fn snyk_program() -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("a folder");
    let rules = folder.path().join("rules.tar.gz");
    let status = Command::new("python3")
        .arg(root().join("scripts/snyk-iac-rules.py"))
        .arg(&rules)
        .status();
    assert!(status.expect("it starts").success());
    let program = folder.path().join("snyk");
    let text = format!(
        "#!/bin/sh\nenv | grep -q {GITHUB_TOKEN} && exit 99\nexport SNYK_IAC_BUNDLE_PATH={}\nexec node {}/npm/node_modules/snyk/dist/cli/index.js \"$@\"\n",
        rules.display(),
        peers().display(),
    );
    std::fs::write(&program, text).expect("written");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("set");
    folder
}

fn snyk(there: &Path, scanner: &str, url: &str, token: &str, arguments: &[&str]) -> Run {
    let program = snyk_program();
    let path = format!("{}:{}", program.path().display(), real_path());
    let variables = [
        ("PATH", path.as_str()),
        ("SNYK_API", url),
        ("SNYK_TOKEN", token),
        // Without it plain HTTP is taken for HTTPS.
        ("SNYK_HTTP_PROTOCOL_UPGRADE", "0"),
    ];
    scan(there, scanner, &variables, arguments)
}

#[test]
fn the_real_snyk_finds_what_is_there() {
    let (there, api) = (folder(), Service::start("snyk-api.py", &[SNYK_TOKEN]));
    node(there.path(), "", true);
    let run = snyk(there.path(), "snyk", &api.url, SNYK_TOKEN, &[]);
    assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
    let answer = json(&run);
    assert_eq!(answer["complete"], true);
    assert_eq!(answer["scanners"][0]["version"], "1.1307.4");
    assert_eq!(
        told(&answer),
        ["Snyk: SNYK-JS-LODASH-567746 package-lock.json:0 high"]
    );
    let finding = &answer["gate"]["findings"][0]["finding"];
    let text = finding.to_string();
    for word in ["CVE-2020-8203", "GHSA-p6mc-m468-83gw"] {
        assert!(text.contains(word), "{word}: {text}");
    }
    assert_eq!(finding["package"]["name"], "lodash", "{text}");
    assert_eq!(finding["package"]["version"], "4.17.15", "{text}");
    assert!(text.contains("4.17.20"), "{text}");
    node(there.path(), "", false);
    let run = snyk(there.path(), "snyk", &api.url, SNYK_TOKEN, &[]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
}

#[test]
fn snyk_leaves_out_what_it_does_not_understand_and_we_do_not() {
    let (there, api) = (folder(), Service::start("snyk-api.py", &[SNYK_TOKEN]));
    node(there.path(), "good/", false);
    node(there.path(), "bad/", true);
    write(there.path(), "bad/package-lock.json", "{ not JSON");
    let run = snyk(there.path(), "snyk", &api.url, SNYK_TOKEN, &[]);
    assert_failed(&run, "it did not look at bad/package-lock.json");
    assert!(!run.stderr.contains("good/"), "{}", run.stderr);
}

#[test]
fn snyk_without_an_answer_is_no_answer() {
    let there = folder();
    node(there.path(), "", true);
    let run = |fault: &[&str], token: &str, arguments: &[&str]| {
        let api = Service::start("snyk-api.py", &[&[SNYK_TOKEN], fault].concat());
        snyk(there.path(), "snyk", &api.url, token, arguments)
    };
    // Each waits for most of its time.
    std::thread::scope(|scope| {
        let wrong = "wrong-canary-0123456789";
        scope.spawn(|| assert_failed(&run(&[], wrong, &[]), "Authentication failed"));
        scope.spawn(|| assert_failed(&run(&["500"], SNYK_TOKEN, &[]), "Internal server error"));
        scope.spawn(|| {
            let run = run(&["hang"], SNYK_TOKEN, &["--time-limit", "8"]);
            assert_failed(&run, "it did not end within 8 seconds");
        });
        scope.spawn(|| {
            let run = snyk(there.path(), "snyk", &nobody(), SNYK_TOKEN, &[]);
            assert_failed(&run, "ECONNREFUSED");
        });
    });
}

#[test]
fn the_real_snyk_looks_at_an_image() {
    let (there, api) = (folder(), Service::start("snyk-api.py", &[SNYK_TOKEN]));
    let status = Command::new("python3")
        .arg(root().join("scripts/image.py"))
        .arg(there.path().join("app.tar"))
        .arg(format!("app/package.json={}", manifest()))
        .arg(format!("app/package-lock.json={}", lock_file()))
        .status();
    assert!(status.expect("it starts").success());
    let image = ["--image", "app.tar"];
    let run = snyk(there.path(), "snyk", &api.url, SNYK_TOKEN, &image);
    assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
    let answer = json(&run);
    assert_eq!(
        told(&answer),
        ["Snyk: SNYK-JS-LODASH-567746 /app/package.json:0 high"]
    );
    let text = answer["gate"]["findings"].to_string();
    assert!(text.contains("app.tar"), "{text}");
}

#[test]
fn the_real_snyk_looks_at_infrastructure_and_code() {
    let (there, api) = (folder(), Service::start("snyk-api.py", &[SNYK_TOKEN]));
    write(
        there.path(),
        "k8s/web.yml",
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\nspec:\n  containers:\n    - name: web\n      image: web\n      securityContext:\n        privileged: true\n",
    );
    write(
        there.path(),
        "a.py",
        "import subprocess, sys\nsubprocess.call(sys.argv[1], shell=True)\n",
    );
    for (scanner, expected) in [
        ("snyk-iac", "Snyk: SNYK-CC-K8S-1 k8s/web.yml:10 high"),
        ("snyk-code", "SnykCode: python/CommandInjection a.py:2 high"),
    ] {
        let run = snyk(there.path(), scanner, &api.url, SNYK_TOKEN, &[]);
        assert_eq!(run.code, 1, "{scanner}: {}{}", run.stdout, run.stderr);
        let answer = json(&run);
        assert_eq!(told(&answer), [expected]);
        assert_eq!(answer["complete"], true, "{scanner}");
        let run = snyk(there.path(), scanner, &api.url, "wrong-canary-0", &[]);
        assert_failed(&run, "has failed");
    }
    // It passes over what it cannot parse; we do not.
    write(
        there.path(),
        "k8s/broken.yml",
        "apiVersion: v1\nkind: Pod\nmetadata:\n\t- x: [}\n",
    );
    let run = snyk(there.path(), "snyk-iac", &api.url, SNYK_TOKEN, &[]);
    assert_failed(&run, "it did not look at k8s/broken.yml");
}

fn npm(there: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Run {
    scan(there, "npm-audit", variables, arguments)
}

#[test]
fn the_real_npm_audit_asks_the_registry_that_is_set() {
    let (there, registry) = (folder(), Service::start("npm-registry.py", &[]));
    node(there.path(), "web/", true);
    let by_variable = [("NPM_CONFIG_REGISTRY", registry.url.as_str())];
    let run = npm(there.path(), &by_variable, &[]);
    assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
    let answer = json(&run);
    assert_eq!(
        told(&answer),
        ["npm audit: GHSA-p6mc-m468-83gw web/package-lock.json:0 high"]
    );
    let text = answer["gate"]["findings"].to_string();
    assert!(
        text.contains("lodash") && text.contains("4.17.19"),
        "{text}"
    );
    // The repository's settings name a registry, and cannot have it say nothing.
    let settings = format!(
        "registry={}/\noffline=true\nomit[]=prod\nomit[]=dev\nglobal=true\naudit=false\naudit-level=critical\npackage-lock=false\njson=false\n",
        registry.url
    );
    write(there.path(), "web/.npmrc", &settings);
    let run = npm(there.path(), &[], &[]);
    assert_eq!(told(&json(&run)).len(), 1, "{}{}", run.stdout, run.stderr);
    node(there.path(), "web/", false);
    let run = npm(there.path(), &[], &[]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
}

#[test]
fn the_real_npm_audit_uses_the_token_of_a_private_registry() {
    let there = folder();
    let registry = Service::start("npm-registry.py", &["--token", NPM_TOKEN]);
    node(there.path(), "", true);
    let host = registry.url.trim_start_matches("http:");
    let settings = format!(
        "registry={}/\n{host}/:_authToken=${{NPM_TOKEN}}\n",
        registry.url
    );
    write(there.path(), ".npmrc", &settings);
    let run = npm(there.path(), &[("NPM_TOKEN", NPM_TOKEN)], &[]);
    assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
    let wrong = [("NPM_TOKEN", "wrong-canary-0123456789")];
    assert_failed(&npm(there.path(), &wrong, &[]), "401");
    assert_failed(&npm(there.path(), &[], &[]), "401");
}

#[test]
fn npm_audit_without_an_answer_is_no_answer() {
    let there = folder();
    node(there.path(), "", true);
    let ask = |url: &str, arguments: &[&str]| {
        npm(there.path(), &[("NPM_CONFIG_REGISTRY", url)], arguments)
    };
    for status in ["404", "405", "500"] {
        let registry = Service::start("npm-registry.py", &["--status", status]);
        assert_failed(&ask(&registry.url, &[]), status);
    }
    assert_failed(&ask(&nobody(), &[]), "ECONNREFUSED");
    let registry = Service::start("npm-registry.py", &["--hang"]);
    let run = ask(&registry.url, &["--time-limit", "3"]);
    assert_failed(&run, "it did not end within 3 seconds");
    let registry = Service::start("npm-registry.py", &[]);
    write(there.path(), "package-lock.json", "{ not JSON");
    assert_failed(&ask(&registry.url, &[]), "has failed");
}

fn pip_audit(there: &Path, url: &str, arguments: &[&str]) -> Run {
    let url = format!("{url}/v1/query");
    let variables = [
        ("PIP_AUDIT_VULNERABILITY_SERVICE", "osv"),
        ("PIP_AUDIT_OSV_URL", &url),
    ];
    scan(there, "pip-audit", &variables, arguments)
}

#[test]
fn the_real_pip_audit_asks_the_service_that_is_set() {
    let (there, api) = (folder(), Service::start("osv-api.py", &[]));
    write(
        there.path(),
        "api/requirements.txt",
        "django==2.2\nother==1.0\n",
    );
    let run = pip_audit(there.path(), &api.url, &[]);
    let answer = json(&run);
    assert_eq!(
        told(&answer),
        ["pip-audit: PYSEC-2019-13 api/requirements.txt:0 medium"],
        "{}",
        run.stderr
    );
    assert_eq!(answer["complete"], true);
    let text = answer["gate"]["findings"].to_string();
    for word in ["CVE-2019-14234", "2.2.4"] {
        assert!(text.contains(word), "{word}: {text}");
    }
    write(there.path(), "api/requirements.txt", "django==2.2.4\n");
    let run = pip_audit(there.path(), &api.url, &[]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
}

#[test]
fn pip_audit_without_an_answer_is_no_answer() {
    let there = folder();
    write(there.path(), "requirements.txt", "django==2.2\n");
    // Each waits for most of its time.
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let api = Service::start("osv-api.py", &["500"]);
            assert_failed(&pip_audit(there.path(), &api.url, &[]), "ServiceError");
        });
        scope.spawn(|| {
            let api = Service::start("osv-api.py", &["hang"]);
            let run = pip_audit(there.path(), &api.url, &["--time-limit", "6"]);
            assert_failed(&run, "it did not end within 6 seconds");
        });
        scope.spawn(|| {
            // The service of its own choice, with no network.
            let proxy = nobody();
            let variables = [("HTTPS_PROXY", proxy.as_str())];
            let run = scan(there.path(), "pip-audit", &variables, &[]);
            assert_failed(&run, "pip-audit has failed");
        });
    });
    let api = Service::start("osv-api.py", &[]);
    // It looks up none of these, and ends as if all were well.
    for (text, word) in [
        (
            "django==2.2; python_version < \"3\"\n",
            "it looked up no package",
        ),
        ("django==2.2.4\n./local\n", "1 packages were not looked up"),
    ] {
        write(there.path(), "requirements.txt", text);
        assert_failed(&pip_audit(there.path(), &api.url, &[]), word);
    }
    write(there.path(), "requirements.txt", "django>=2.2\n");
    let run = pip_audit(there.path(), &api.url, &[]);
    assert_failed(&run, "not pinned to an exact version");
}

/// An advisory of RustSec's database, in its form.
const ADVISORY: &str = r#"```toml
[advisory]
id = "RUSTSEC-2020-0071"
package = "time"
date = "2020-11-18"
aliases = ["CVE-2020-26235"]
cvss = "CVSS:3.1/AV:L/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H"

[versions]
patched = [">= 0.2.23"]
```

# Reads a variable while another thread may write it

The text.
"#;

#[test]
fn the_real_cargo_audit_looks_at_every_lock_file() {
    let there = folder();
    let lock = |version: &str| {
        format!(
            "version = 3\n\n[[package]]\nname = \"a\"\nversion = \"0.1.0\"\ndependencies = [\"time\"]\n\n[[package]]\nname = \"time\"\nversion = \"{version}\"\nsource = \"registry+https://github.com/rust-lang/crates.io-index\"\n"
        )
    };
    write(there.path(), "tool/Cargo.lock", lock("0.1.45"));
    write(there.path(), "other/Cargo.lock", lock("0.3.36"));
    // Its database is a git repository on GitHub; a proxy that nobody is at stands for
    // a machine without a network.
    let no_network = [("HTTPS_PROXY", "http://127.0.0.1:9")];
    let run = scan(there.path(), "cargo-audit", &no_network, &["--offline"]);
    assert_failed(&run, "--offline forbids that");
    let run = scan(there.path(), "cargo-audit", &no_network, &[]);
    assert_failed(&run, "couldn't fetch advisory database");
    // With a database that is there already.
    let database = folder();
    write(
        database.path(),
        "crates/time/RUSTSEC-2020-0071.md",
        ADVISORY,
    );
    write(
        there.path(),
        ".github/ci-tool.yml",
        format!(
            "scan:\n  scanners:\n    cargo-audit:\n      command: [cargo-audit, audit, --no-fetch, --stale, --no-yanked, --db, {}, --format, sarif, --file, \"{{file}}\"]\n      report: stdout\n      codes: [1]\n      files: [\"**/Cargo.lock\"]\n",
            database.path().display()
        ),
    );
    let run = scan(there.path(), "cargo-audit", &no_network, &[]);
    assert!(run.code <= 1, "{}{}", run.stdout, run.stderr);
    assert_eq!(
        told(&json(&run)),
        ["cargo-audit: RUSTSEC-2020-0071 tool/Cargo.lock:1 medium"]
    );
}
