//! `ci-tool verify` against real servers.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::common::{Run, command, finish};

/// A server that gives these answers in turn, and the last one for ever.
fn server(answers: Vec<String>) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let count = Arc::new(AtomicUsize::new(0));
    let served = Arc::clone(&count);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let mut lines = BufReader::new(stream.try_clone().expect("cloned")).lines();
            let mut origin = String::new();
            while let Some(Ok(line)) = lines.next() {
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("origin: ") {
                    origin = value.to_owned();
                }
                if line.is_empty() {
                    break;
                }
            }
            let at = served.fetch_add(1, Ordering::SeqCst).min(answers.len() - 1);
            let _ = stream.write_all(answers[at].replace("{origin}", &origin).as_bytes());
        }
    });
    (address, count)
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\n{headers}Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn verify(arguments: &[&str]) -> Run {
    finish(command().arg("verify").args(arguments))
}

#[test]
fn what_is_well_and_what_is_not() {
    let (well, _) = server(vec![answer(
        "200 OK",
        "X-App: 1\r\n",
        r#"{"status": "ok", "commit": "0123456789abcdef"}"#,
    )]);
    let run = verify(&[
        &well,
        "--json",
        "status=ok",
        "--commit",
        "0123456789abcdef",
        "--header",
        "X-App=1",
        "--times",
        "3",
        "--every",
        "0",
    ]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("asked 3 times"), "{}", run.stdout);

    let run = verify(&[&well, "--commit", "fedcba9876", "--within", "0"]);
    assert_eq!(run.code, 1);
    assert!(
        run.stdout
            .contains("what runs is of `0123456789abcdef`, not of fedcba9876"),
        "{}",
        run.stdout
    );
    let (sick, _) = server(vec![answer("503 Service Unavailable", "", "<html>")]);
    let run = verify(&[&well, &sick, "--within", "0", "--format", "json"]);
    assert_eq!(run.code, 1);
    let told: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(told["healthy"], false);
    assert_eq!(told["addresses"][0]["healthy"], true);
    assert_eq!(told["addresses"][1]["status"], 503);
    assert_eq!(
        told["addresses"][1]["wrong"][0],
        "the status is 503, not 2xx"
    );
}

#[test]
fn it_is_asked_until_it_lasts() {
    let (ok, bad) = (answer("200 OK", "", ""), answer("500 Oops", "", ""));
    let sequence = vec![bad.clone(), ok.clone(), bad, ok.clone(), ok];
    let (address, count) = server(sequence);
    let run = verify(&[&address, "--times", "2", "--every", "0"]);
    assert_eq!(run.code, 0, "{}", run.stdout);
    assert_eq!(count.load(Ordering::SeqCst), 5);
}

#[test]
fn a_server_that_lets_anyone_in_is_told() {
    let (reflecting, _) = server(vec![answer(
        "200 OK",
        "Access-Control-Allow-Origin: {origin}\r\nAccess-Control-Allow-Credentials: true\r\n",
        "",
    )]);
    let run = verify(&[&reflecting, "--cors", "--within", "0"]);
    assert_eq!(run.code, 1);
    assert!(run.stdout.contains("any page can act"), "{}", run.stdout);
    assert_eq!(verify(&[&reflecting, "--within", "0"]).code, 0);
    let run = verify(&[&reflecting, "--security-headers", "--within", "0"]);
    assert_eq!(run.code, 1);
    assert!(
        run.stdout.contains("content-security-policy"),
        "{}",
        run.stdout
    );
}

#[test]
fn redirects_are_followed_or_are_the_answer() {
    let (target, _) = server(vec![answer("200 OK", "", "")]);
    let to = format!("Location: {target}/login\r\n");
    let (start, _) = server(vec![answer("302 Found", &to, "")]);
    assert_eq!(verify(&[&start, "--within", "0"]).code, 0);
    let run = verify(&[&start, "--no-redirects", "--within", "0"]);
    assert_eq!(run.code, 1);
    assert!(run.stdout.contains("it leads to http"), "{}", run.stdout);
    let run = verify(&[&start, "--no-redirects", "--status", "302", "--within", "0"]);
    assert_eq!(run.code, 0, "{}", run.stdout);
    // One that leads to itself ends.
    let (round, _) = server(vec![answer("302 Found", "Location: /\r\n", "")]);
    let run = verify(&[&round, "--within", "0"]);
    assert_eq!(run.code, 1);
    assert!(run.stdout.contains("redirects"), "{}", run.stdout);
}

#[test]
fn who_does_not_answer_is_not_well_and_an_address_that_is_none_is_wrong_usage() {
    let run = verify(&["http://127.0.0.1:1", "--within", "0"]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stdout.contains("it does not answer"), "{}", run.stdout);
    for wrong in [
        "htp://x",
        "no address",
        "https://user:canary@example.com",
        "file:///etc/passwd",
    ] {
        let run = verify(&[wrong, "--within", "0"]);
        assert_eq!(run.code, 2, "{wrong}: {}", run.stderr);
        assert!(!run.stderr.contains("canary"), "{}", run.stderr);
    }
    let (text, _) = server(vec![answer("200 OK", "", "\u{1b}[2J\u{202e}\n::error::x")]);
    let run = verify(&[&text, "--json", "a=b", "--within", "0"]);
    assert_eq!(run.code, 1);
    assert!(!run.stdout.contains('\u{1b}'), "{}", run.stdout);
}

/// A certificate of openssl, served by Python.
#[test]
fn a_certificate_that_ends_soon_is_told() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let made = std::process::Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
        ])
        .args(["-nodes", "-days", "5", "-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-keyout", "key.pem", "-out", "cert.pem"])
        .current_dir(folder.path())
        .output()
        .expect("openssl starts");
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let script = "import http.server,ssl\n\
        s=http.server.HTTPServer(('127.0.0.1',0),http.server.SimpleHTTPRequestHandler)\n\
        c=ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER); c.load_cert_chain('cert.pem','key.pem')\n\
        s.socket=c.wrap_socket(s.socket,server_side=True)\n\
        print(s.server_port,flush=True)\n\
        s.serve_forever()\n";
    let mut child = std::process::Command::new("python3")
        .args(["-c", script])
        .current_dir(folder.path())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("python3 starts");
    let mut port = String::new();
    let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
    stdout.read_line(&mut port).expect("it prints its port");
    let url = format!("https://localhost:{}/", port.trim());
    let asked = |days: &str, trusted: bool| {
        let mut command = command();
        command.args(["verify", &url, "--certificate-days", days, "--within", "0"]);
        if trusted {
            command.env("SSL_CERT_FILE", folder.path().join("cert.pem"));
        }
        finish(&mut command)
    };
    let enough = asked("3", true);
    let soon = asked("14", true);
    let stranger = asked("3", false);
    let _ = child.kill();
    let _ = child.wait();
    let mut rest = String::new();
    let _ = stdout.read_to_string(&mut rest);
    assert_eq!(enough.code, 0, "{}{}", enough.stdout, enough.stderr);
    assert_eq!(soon.code, 1, "{}", soon.stdout);
    assert!(
        soon.stdout.contains("days, and should hold for 14"),
        "{}",
        soon.stdout
    );
    // One that nobody vouches for is no connection.
    assert_eq!(stranger.code, 1, "{}", stranger.stdout);
    assert!(
        stranger.stdout.contains("it does not answer"),
        "{}",
        stranger.stdout
    );
}

#[test]
fn what_is_protected_is_passed_by_a_secret_that_nobody_sees() {
    // Longer than what is quoted of an answer.
    const VALUE: &str =
        "canary-bypass-0123456789-0123456789-0123456789-0123456789-0123456789-0123456789";
    let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let lines = BufReader::new(stream.try_clone().expect("cloned")).lines();
            let head: Vec<String> = lines
                .map_while(Result::ok)
                .take_while(|line| !line.is_empty())
                .collect();
            let wanted = format!("x-vercel-protection-bypass: {VALUE}");
            let passes = head.iter().any(|line| line.eq_ignore_ascii_case(&wanted));
            let told = if head[0].contains("/elsewhere") {
                answer("302 Found", "Location: http://127.0.0.1:1/\r\n", "")
            } else if passes {
                // It says back what it was sent.
                answer("200 OK", "", &format!(r#"{{"status": "{VALUE}"}}"#))
            } else {
                answer(
                    "401 Unauthorized",
                    "Set-Cookie: _vercel_sso_nonce=x; Path=/\r\n",
                    "",
                )
            };
            let _ = stream.write_all(told.as_bytes());
        }
    });
    let verify = |path: &str, arguments: &[&str]| {
        let run = finish(
            command()
                .args(["verify", &format!("{address}{path}"), "--within", "0"])
                .args(arguments)
                .env("BYPASS", VALUE)
                .env("BLANK", " "),
        );
        let told = format!("{}{}", run.stdout, run.stderr);
        assert!(!told.contains("canary"), "{told}");
        run
    };
    let run = verify("/", &[]);
    assert_eq!(run.code, 1);
    assert!(run.stdout.contains("Vercel protects it"), "{}", run.stdout);
    let secret = ["--secret-header", "x-vercel-protection-bypass=BYPASS"];
    let run = verify("/", &secret);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let run = verify("/", &[&secret[..], &["--json", "status=ok"]].concat());
    assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("status is `***`"), "{}", run.stdout);
    // It goes to nobody else.
    let run = verify("/elsewhere", &secret);
    assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("the status is 302"), "{}", run.stdout);
    for wrong in ["x-a=NOT_SET", "x-a=BLANK", "x-a"] {
        let run = verify("/", &["--secret-header", wrong]);
        assert_eq!(run.code, 2, "{}{}", run.stdout, run.stderr);
    }
}
