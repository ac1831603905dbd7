//! Input that is broken, huge, unreadable or strange: a clear error or a named
//! warning, and nothing half-written.

use std::process::Command;

use crate::common::{ci_tool, finish, sample, write};

/// The warning for a file, which does not stop the run.
fn warning(path: &str, text: impl AsRef<[u8]>) -> String {
    let folder = sample("go-service");
    write(folder.path(), path, text);
    let run = ci_tool(folder.path(), &["generate", "--dry-run"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.contains("backend-ci.yml"), "{}", run.stdout);
    run.stderr
}

#[test]
fn broken_yaml_and_json_are_named_with_their_line() {
    let text = warning(".github/workflows/ci.yml", "on: push\njobs:\n  a: [\n");
    assert!(
        text.contains("warning: .github/workflows/ci.yml:"),
        "{text}"
    );
    let text = warning("web/package.json", "{\n  \"name\": ,\n}\n");
    assert!(
        text.contains("warning: web/package.json:2: cannot be parsed"),
        "{text}"
    );
    let text = warning("api/pyproject.toml", "[project\n");
    assert!(
        text.is_empty() || text.contains("api/pyproject.toml:1"),
        "{text}"
    );
}

#[test]
fn a_file_of_a_gigabyte_is_not_read() {
    let folder = sample("go-service");
    std::fs::create_dir(folder.path().join("web")).expect("created");
    std::fs::File::create(folder.path().join("web/package.json"))
        .and_then(|file| file.set_len(1 << 30))
        .expect("created");
    let started = std::time::Instant::now();
    let run = ci_tool(folder.path(), &["detect"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(
        run.stderr.contains("web/package.json:1: is 1024 MiB large"),
        "{}",
        run.stderr
    );
    assert!(started.elapsed().as_secs() < 5, "it was read after all");
}

#[test]
fn a_file_that_is_not_utf_8_is_named() {
    let text = warning("web/package.json", b"{\"name\": \"caf\xe9\"}");
    assert!(
        text.contains("web/package.json:1: is not UTF-8 (byte 14)"),
        "{text}"
    );
}

#[cfg(unix)]
#[test]
fn links_out_of_the_tree_are_neither_read_nor_written_through() {
    let outside = tempfile::tempdir().expect("temporary folder");
    write(
        outside.path(),
        "package.json",
        "{\"scripts\": {\"test\": \"rm -rf\"}}",
    );
    let folder = sample("go-service");
    std::fs::create_dir(folder.path().join("web")).expect("created");
    std::os::unix::fs::symlink(
        outside.path().join("package.json"),
        folder.path().join("web/package.json"),
    )
    .expect("linked");
    let run = ci_tool(folder.path(), &["detect"]);
    assert!(
        run.stderr
            .contains("web/package.json:1: symbolic link that leaves the repository"),
        "{}",
        run.stderr
    );
    assert!(!run.stdout.contains("web"), "{}", run.stdout);

    std::os::unix::fs::symlink(outside.path(), folder.path().join(".github")).expect("linked");
    let run = ci_tool(folder.path(), &["generate"]);
    assert_eq!(run.code, 3, "{}{}", run.stdout, run.stderr);
    assert!(run.stderr.contains("is a symbolic link"), "{}", run.stderr);
    assert!(run.stderr.contains("hint:"), "{}", run.stderr);
    assert_eq!(
        std::fs::read_dir(outside.path()).expect("listed").count(),
        1,
        "something was written outside"
    );
}

#[test]
fn paths_with_spaces_and_emoji_work() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let base = "my project 🚀";
    for (path, text) in [
        ("the api/go.mod", "module example.com/a\n\ngo 1.22\n"),
        ("the api/a_test.go", "package a\n"),
        (
            "wéb 🎈/package.json",
            "{\"scripts\": {\"build\": \"vite build\"}, \"dependencies\": {\"vue\": \"3\"}, \"devDependencies\": {\"vite\": \"5\"}}",
        ),
    ] {
        write(folder.path(), &format!("{base}/{path}"), text);
    }
    let run = ci_tool(folder.path(), &["generate", base]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let workflows = folder.path().join(base).join(".github/workflows");
    let backend = std::fs::read_to_string(workflows.join("backend-ci.yml")).expect("generated");
    assert!(backend.contains("working-directory: the api"), "{backend}");
    assert!(backend.contains("compare the-api 'the api' "), "{backend}");
    let frontend = std::fs::read_to_string(workflows.join("frontend-ci.yml")).expect("generated");
    assert!(
        frontend.contains("working-directory: \"wéb 🎈\""),
        "{frontend}"
    );
    assert_eq!(
        ci_tool(folder.path(), &["generate", "--check", base]).code,
        0
    );
}

#[cfg(unix)]
#[test]
fn a_file_name_that_is_not_utf_8_is_named() {
    use std::os::unix::ffi::OsStrExt as _;
    let folder = sample("go-service");
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9.txt");
    std::fs::write(folder.path().join(name), "x").expect("written");
    let run = ci_tool(folder.path(), &["detect"]);
    assert_eq!(run.code, 0);
    assert!(run.stderr.contains("name is not UTF-8"), "{}", run.stderr);
}

/// Runs the binary as a user without rights; the tests themselves may be root,
/// for whom mode bits do not count.
#[cfg(target_os = "linux")]
fn as_nobody(folder: &std::path::Path, arguments: &[&str]) -> crate::common::Run {
    use std::os::unix::fs::PermissionsExt as _;
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(folder, open.clone()).expect("set");
    // The build's folder may be closed to others, so the program is brought along.
    let program = folder.join(".git/ci-tool");
    std::fs::create_dir_all(folder.join(".git")).expect("created");
    std::fs::copy(env!("CARGO_BIN_EXE_ci-tool"), &program).expect("copied");
    std::fs::set_permissions(&program, open).expect("set");
    let is_root = finish(Command::new("id").arg("-u")).stdout.trim() == "0";
    let mut command = if is_root {
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
            .arg(&program);
        command
    } else {
        Command::new(&program)
    };
    finish(command.args(arguments).current_dir(folder))
}

#[cfg(target_os = "linux")]
#[test]
fn an_unreadable_folder_is_named_and_an_unwritable_one_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = sample("go-service");
    std::fs::create_dir(folder.path().join("closed")).expect("created");
    std::fs::set_permissions(
        folder.path().join("closed"),
        std::fs::Permissions::from_mode(0o000),
    )
    .expect("set");
    let run = as_nobody(folder.path(), &["detect"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(
        run.stderr
            .contains("closed:1: cannot be listed: Permission denied"),
        "{}",
        run.stderr
    );
    std::fs::create_dir(folder.path().join(".github")).expect("created");
    std::fs::set_permissions(
        folder.path().join(".github"),
        std::fs::Permissions::from_mode(0o555),
    )
    .expect("set");
    let run = as_nobody(folder.path(), &["generate"]);
    assert_eq!(run.code, 3, "{}{}", run.stdout, run.stderr);
    assert!(
        run.stderr.contains("Permission denied") && run.stderr.contains("hint:"),
        "{}",
        run.stderr
    );
    assert!(!run.stderr.contains("written"), "{}", run.stderr);
}

#[cfg(target_os = "linux")]
#[test]
fn a_read_only_file_system_is_said_to_be_one() {
    let folder = sample("go-service");
    let script = "mount --bind \"$1\" \"$1\" && mount -o remount,ro,bind \"$1\" \"$1\" && exec \"$2\" generate \"$1\"";
    let is_root = finish(Command::new("id").arg("-u")).stdout.trim() == "0";
    // Mounting needs root; CI machines give it without a password.
    let mut command = if is_root {
        Command::new("unshare")
    } else {
        let mut command = Command::new("sudo");
        command.args(["--non-interactive", "unshare"]);
        command
    };
    let run = finish(
        command
            .args(["--mount", "sh", "-c", script, "sh"])
            .arg(folder.path())
            .arg(env!("CARGO_BIN_EXE_ci-tool")),
    );
    assert_eq!(run.code, 3, "{}{}", run.stdout, run.stderr);
    assert!(
        run.stderr.contains("Read-only file system"),
        "{}",
        run.stderr
    );
    assert!(
        run.stderr.contains("hint: the file system is read-only"),
        "{}",
        run.stderr
    );
}
