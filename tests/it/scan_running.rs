//! `ci-tool scan` under way: images and lists of components, databases from a registry,
//! stopping, and what people see meanwhile.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::common::{Run, command, finish, root, write};
use crate::scan::{database, fake, json, project, real_path, told, with_fakes};

/// A child that ends with the test.
struct Server(Child, u16);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A registry with this cache's database, which first refuses so many questions.
fn registry(cache: &Path, refusals: u32) -> Server {
    let mut child = Command::new("python3")
        .arg(root().join("scripts/oci-registry.py"))
        .arg(cache.join("trivy"))
        .args(["--refuse", &refusals.to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut line = String::new();
    let stdout = child.stdout.take().expect("piped");
    BufReader::new(stdout).read_line(&mut line).expect("a port");
    Server(child, line.trim().parse().expect("a number"))
}

fn run(there: &Path, cache: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Run {
    let mut command = command();
    command
        .args(arguments)
        .arg("--cache")
        .arg(cache)
        .env("PATH", real_path())
        .envs(variables.iter().copied())
        .current_dir(there);
    finish(&mut command)
}

fn says(run: &Run, code: i32, words: &[&str]) {
    let all = format!("{}{}", run.stdout, run.stderr);
    assert_eq!(run.code, code, "{all}");
    for word in words {
        assert!(all.contains(word), "{word}: {all}");
    }
}

#[test]
fn a_database_is_pulled_in_spite_of_limits_locked_and_held() {
    let (there, source, cache) = (project(), folder(), folder());
    database(source.path(), 0);
    let server = registry(source.path(), 1);
    let from = format!("127.0.0.1:{}/aquasec/trivy-db:2", server.1);
    let variables = [("TRIVY_DB_REPOSITORY", from.as_str())];
    let pull = |more: &[&str]| {
        let arguments = [&["scanners", "db", "pull"], more].concat();
        run(there.path(), cache.path(), &arguments, &variables)
    };
    // The registry's limit is not the end of it.
    says(
        &pull(&["--lock"]),
        0,
        &["its database is there", "+scanner = \"trivy\""],
    );
    let scan = || {
        let arguments = ["scan", "--scanner", "trivy", "--offline"];
        run(there.path(), cache.path(), &arguments, &[])
    };
    says(&scan(), 1, &["CVE-2019-14234"]);
    // Somebody takes an advisory out of the database.
    let file = cache.path().join("trivy/db/trivy.db");
    let mut bytes = std::fs::read(&file).expect("read");
    let at = bytes
        .windows(5)
        .position(|word| word == b"2.2.4")
        .expect("the advisory");
    bytes[at] = b'0';
    std::fs::write(&file, bytes).expect("written");
    says(
        &scan(),
        3,
        &["scanners.lock", "was changed and is not used"],
    );
    // Pulled anew it is the one that was locked.
    says(&pull(&[]), 0, &["its database is there"]);
    says(&scan(), 1, &["CVE-2019-14234"]);
    // Another one, of a registry that has moved on, is not.
    let lock = there.path().join(".github/scanners.lock");
    let text = std::fs::read_to_string(&lock).expect("read");
    let (head, tail) = text.split_once("sha256 = \"").expect("a hash");
    let other = format!("{head}sha256 = \"{}{}", "0".repeat(8), &tail[8..]);
    std::fs::write(&lock, other).expect("written");
    says(&pull(&[]), 3, &["was changed and is not used"]);
    says(&scan(), 3, &["was changed and is not used"]);
    std::fs::remove_file(&file).expect("removed");
    says(&scan(), 3, &["is locked, and", "is not there"]);
}

#[test]
fn a_registry_that_has_none_is_a_failure_and_what_may_pass_is_tried_again() {
    let (there, source, cache) = (project(), folder(), folder());
    database(source.path(), 0);
    let server = registry(source.path(), 4);
    let scan = |name: &str, cache: &Path| {
        let from = format!("127.0.0.1:{}/{name}:2", server.1);
        let arguments = ["scan", "--scanner", "trivy", "--format", "json"];
        run(
            there.path(),
            cache,
            &arguments,
            &[("TRIVY_DB_REPOSITORY", &from)],
        )
    };
    let none = scan("aquasec/none", cache.path());
    says(&none, 3, &["repository name not known"]);
    assert!(!none.stderr.contains("tried again"), "{}", none.stderr);
    // Trivy itself asks more than once; its failure is tried again.
    let late = scan("aquasec/trivy-db", folder().path());
    says(
        &late,
        1,
        &["trivy is tried again", "TOOMANYREQUESTS", "CVE-2019-14234"],
    );
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

/// Without a daemon and without privileges.
const BUILDAH: [(&str, &str); 2] = [("BUILDAH_ISOLATION", "chroot"), ("STORAGE_DRIVER", "vfs")];

#[test]
fn an_image_that_a_dockerfile_builds_is_scanned_under_its_name() {
    let (there, cache, home) = (folder(), folder(), folder());
    database(cache.path(), 0);
    write(
        there.path(),
        "app/site-packages/Django-2.2.dist-info/METADATA",
        "Metadata-Version: 2.1\nName: Django\nVersion: 2.2\n",
    );
    write(
        there.path(),
        "app/Dockerfile",
        "FROM scratch\nCOPY site-packages /usr/lib/python3/dist-packages\n",
    );
    let scan = |image: &str| {
        let mut variables = BUILDAH.to_vec();
        let home = home.path().to_str().expect("UTF-8");
        variables.push(("HOME", home));
        let arguments = [
            "scan",
            "--offline",
            "--scanner",
            "trivy",
            "--image",
            image,
            "--format",
            "json",
        ];
        run(there.path(), cache.path(), &arguments, &variables)
    };
    let (one, other) = (scan("app/Dockerfile"), scan("./app/Dockerfile"));
    says(&one, 1, &[]);
    let of = |run: &Run| -> Vec<String> {
        let answer = json(run);
        let all = answer["gate"]["findings"].as_array().cloned();
        let all = all.unwrap_or_default().into_iter();
        all.map(|one| one["finding"]["identity"].to_string())
            .collect()
    };
    let expected = "Trivy: CVE-2019-14234 usr/lib/python3/dist-packages/Django-2.2.dist-info/METADATA:0 critical";
    let found = told(&json(&one));
    assert!(found.iter().any(|one| one == expected), "{found:#?}");
    // What it is called does not hang on where it was built, or when.
    assert!(!of(&one).is_empty());
    assert_eq!(of(&one), of(&other));
    // What cannot be built is not scanned, and said.
    write(
        there.path(),
        "app/Dockerfile",
        "FROM scratch\nCOPY no-such-file /\n",
    );
    says(
        &scan("app/Dockerfile"),
        3,
        &["build` failed", "no-such-file"],
    );
}

#[test]
fn what_no_scanner_takes_or_nobody_can_build_is_told() {
    let (there, fakes) = (project(), fake("exit 0"));
    let arguments = [
        "--scanner",
        "hadolint",
        "--skip",
        "hadolint",
        "--image",
        "a:1",
    ];
    let run = with_fakes(there.path(), fakes.path(), &arguments);
    says(
        &run,
        3,
        &["a:1 has failed", "no scanner that runs looks at it"],
    );
    let empty = folder();
    let mut command = command();
    command
        .args(["scan", "--image", "Dockerfile", "--cache"])
        .arg(empty.path())
        .env("PATH", empty.path())
        .current_dir(there.path());
    says(
        &finish(&mut command),
        3,
        &["docker, podman, buildah, and none is installed"],
    );
}

#[test]
fn a_list_of_components_is_looked_up() {
    let (there, cache) = (folder(), folder());
    database(cache.path(), 0);
    let list = |components: &str| {
        format!(
            r#"{{"bomFormat":"CycloneDX","specVersion":"1.5","version":1,"components":[{components}]}}"#
        )
    };
    let django =
        r#"{"type":"library","name":"django","version":"2.2","purl":"pkg:pypi/django@2.2"}"#;
    write(there.path(), "bom.cdx.json", list(django));
    write(there.path(), "empty.cdx.json", list(""));
    write(there.path(), "other.json", "{\"a\": 1}");
    let scan = |name: &str| {
        let arguments = [
            "scan",
            "--offline",
            "--scanner",
            "trivy",
            "--sbom",
            name,
            "--format",
            "json",
        ];
        run(there.path(), cache.path(), &arguments, &[])
    };
    let one = scan("bom.cdx.json");
    says(&one, 1, &[]);
    assert_eq!(
        told(&json(&one)),
        ["Trivy: CVE-2019-14234 bom.cdx.json:0 critical"]
    );
    says(&scan("empty.cdx.json"), 3, &["it found no packages in it"]);
    says(&scan("other.json"), 3, &["trivy has failed", "other.json"]);
    says(&scan("none.json"), 2, &["there is no file none.json"]);
}

#[test]
fn control_c_stops_every_scanner_and_says_so() {
    let (there, cache) = (project(), folder());
    let mark = format!("9{:05}", std::process::id() % 100_000);
    let fakes = fake(&format!("trap '' INT TERM; sleep {mark}; sleep {mark}"));
    let mut command = command();
    command
        .args(["scan", "--scanner", "trivy,gitleaks,hadolint", "--cache"])
        .arg(cache.path())
        .env("PATH", format!("{}:/usr/bin:/bin", fakes.path().display()))
        .current_dir(there.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    let count = || {
        let found = Command::new("pgrep")
            .args(["-fc", &format!("^sleep {mark}")])
            .output();
        let found = found.expect("pgrep runs").stdout;
        String::from_utf8_lossy(&found)
            .trim()
            .parse::<u32>()
            .expect("a number")
    };
    let started = Instant::now();
    while count() < 3 {
        assert!(
            started.elapsed() < Duration::from_secs(30),
            "they do not start"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    let asked = Instant::now();
    let status = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(status.expect("kill runs").success());
    let status = child.wait().expect("it ends");
    let mut said = String::new();
    let stderr = child.stderr.as_mut().expect("piped");
    stderr.read_to_string(&mut said).expect("read");
    assert_eq!(status.code(), Some(3), "{said}");
    assert!(
        said.contains("stopped before the end, as was asked"),
        "{said}"
    );
    assert!(asked.elapsed() < Duration::from_secs(10));
    assert_eq!(count(), 0, "something runs on");
}

#[test]
fn a_scanner_that_writes_into_the_repository_gives_no_answer() {
    let there = project();
    let script =
        r#"printf '{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"x"}},"results":[]}]}'"#;
    write(
        there.path(),
        ".github/ci-tool.yml",
        "scan:\n  scanners:\n    own:\n      command: [gitleaks]\n      report: stdout\n",
    );
    let scan = |script: &str| {
        let fakes = fake(script);
        with_fakes(there.path(), fakes.path(), &["--scanner", "own"])
    };
    says(&scan(script), 0, &[]);
    let target = there.path().join("run.sh");
    let writes = format!(
        "{{ echo x >> {}; }} 2>/dev/null; {script}",
        target.display()
    );
    let before = std::fs::read(&target).expect("read");
    let run = scan(&writes);
    if std::fs::read(&target).expect("read") == before {
        // The kernel held it to its own folder (Landlock), so that nothing came of it.
        says(&run, 0, &[]);
    } else {
        says(
            &run,
            3,
            &["repository has failed", "run.sh changed while scanners ran"],
        );
    }
}

#[test]
fn in_a_job_each_scanner_has_a_group_in_which_nothing_is_a_command() {
    let there = project();
    let fakes = fake("echo '::error::taken over' >&2; echo \"token $SNYK_TOKEN\" >&2; exit 2");
    let mut command = command();
    command
        .args(["scan", "--scanner", "snyk", "--cache"])
        .arg(folder().path())
        .env("PATH", format!("{}:/usr/bin:/bin", fakes.path().display()))
        .env("SNYK_TOKEN", "canary-of-snyk-0123456789")
        .env("GITHUB_ACTIONS", "true")
        .current_dir(there.path());
    let run = finish(&mut command);
    says(
        &run,
        3,
        &[
            "::group::snyk ended after",
            "\n| ::error::taken over\n",
            "\n::endgroup::\n",
        ],
    );
    assert!(!run.stderr.contains("canary-of"), "{}", run.stderr);
    assert!(!run.stderr.contains("\n::error::taken"), "{}", run.stderr);
}

#[test]
fn a_report_about_something_else_is_no_answer() {
    let there = folder();
    write(there.path(), "a.txt", "a\n");
    let script = |about: &str| {
        format!(
            r#"while [ "$1" != --output ]; do shift; done; echo '{{"SchemaVersion":2,"ArtifactName":"{about}","ArtifactType":"filesystem","Results":[]}}' > "$2""#
        )
    };
    let scan = |about: &str| {
        let fakes = fake(&script(about));
        with_fakes(there.path(), fakes.path(), &["--scanner", "trivy"])
    };
    let root = there.path().canonicalize().expect("it is there");
    says(&scan(root.to_str().expect("UTF-8")), 0, &[]);
    says(&scan("/elsewhere"), 3, &["its report is about /elsewhere"]);
}
