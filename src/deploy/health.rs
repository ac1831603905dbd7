//! Whether something that runs is well: what is asked of an answer, and how often it has to
//! be right before it counts.

use std::fmt::Write as _;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use super::certificate;
use crate::forge::web::{Request, Response};
use crate::sys::ui::escape_line;

/// The origin that no application knows: whoever allows it allows all.
const STRANGER: &str = "https://ci-tool-probe.invalid";

/// Headers that a page should have, and what for (OWASP Secure Headers Project).
const SECURITY_HEADERS: [(&str, &str); 4] = [
    ("strict-transport-security", "browsers could be led to http"),
    ("x-content-type-options", "browsers guess types"),
    ("content-security-policy", "injected scripts run"),
    ("referrer-policy", "addresses leak to other sites"),
];

/// A header with a value that nobody is to see.
#[derive(Debug, Clone)]
pub struct Secret {
    /// Its name.
    pub header: String,
    /// Its value.
    pub value: SecretString,
}

/// What is asked of one address.
#[derive(Debug, Clone)]
pub struct Check {
    /// The address.
    pub url: String,
    /// Status codes that are well; any of 200 to 299 where the list is empty.
    pub status: Vec<u16>,
    /// What the body, which is JSON then, holds: the path of a value and its text.
    pub json: Vec<(String, String)>,
    /// A header that is sent, and its value, which nothing repeats. With it the address is one
    /// of https or of this machine, and a redirect is not followed.
    pub secret: Option<Secret>,
    /// Headers that are there, with a value where one is asked for.
    pub headers: Vec<(String, Option<String>)>,
    /// How long an answer may take.
    pub latency: Option<Duration>,
    /// For how many days the certificate has to hold.
    pub certificate_days: Option<i64>,
    /// Whether the address may allow any origin.
    pub refuses_strangers: bool,
    /// Whether the headers have to be there that protect browsers.
    pub security_headers: bool,
    /// Whether redirects are followed.
    pub follow: bool,
    /// Where the application tells its commit: the path of a value of the JSON.
    pub commit: Option<String>,
    /// How long one answer is waited for.
    pub time_limit: Duration,
}

impl Check {
    /// That the address answers with a status that is well.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            status: Vec::new(),
            json: Vec::new(),
            secret: None,
            headers: Vec::new(),
            latency: None,
            certificate_days: None,
            refuses_strangers: false,
            security_headers: false,
            follow: true,
            commit: None,
            time_limit: Duration::from_secs(10),
        }
    }

    /// The request that answers it.
    pub fn request(&self) -> Request<'_> {
        let mut request = Request::new("GET", &self.url);
        request.follow = self.follow;
        request.time_limit = self.time_limit;
        if self.refuses_strangers {
            request.headers.push(("origin", STRANGER));
        }
        // An answer that a cache gives says nothing of what runs.
        request.headers.push(("cache-control", "no-cache"));
        let secret = self.secret.as_ref();
        request.secret = secret.map(|secret| (&*secret.header, "", &secret.value));
        request
    }

    /// What is wrong with an answer; nothing where it is well. `commit` is what should run,
    /// `now` is in seconds since 1970.
    pub fn judge(&self, answer: &Response, commit: Option<&str>, now: i64) -> Vec<String> {
        match &self.secret {
            None => self.judge_all(answer, commit, now),
            // What runs there may say back what it was sent, and it is cut in sentences.
            Some(secret) => self.judge_all(&without(answer, &secret.value), commit, now),
        }
    }

    fn judge_all(&self, answer: &Response, commit: Option<&str>, now: i64) -> Vec<String> {
        let mut wrong = Vec::new();
        let status = answer.status;
        let is_well = match self.status.is_empty() {
            true => (200..300).contains(&status),
            false => self.status.contains(&status),
        };
        if !is_well {
            let mut what = format!("the status is {status}, not {}", self.wanted_status());
            if (300..400).contains(&status)
                && let Some(to) = answer.header("location")
            {
                let _ = write!(what, "; it leads to {}", escape_line(to));
            }
            // Vercel's own login page stands before what runs there.
            let cookies = answer
                .headers
                .iter()
                .filter(|(name, _)| name == "set-cookie");
            if self.secret.is_none()
                && cookies
                    .into_iter()
                    .any(|(_, value)| value.starts_with("_vercel_sso_nonce="))
            {
                what.push_str("; Vercel protects it: a `secret` header x-vercel-protection-bypass passes (docs/deploy.md)");
            }
            wrong.push(what);
        }
        self.judge_body(answer, commit, &mut wrong);
        for (name, wanted) in &self.headers {
            match (answer.header(&name.to_ascii_lowercase()), wanted) {
                (None, _) => wrong.push(format!("there is no header {name}")),
                (Some(value), Some(wanted)) if value != wanted => wrong.push(format!(
                    "the header {name} is {}, not {wanted}",
                    quoted(value)
                )),
                _ => {}
            }
        }
        if let Some(most) = self.latency.filter(|most| answer.elapsed > *most) {
            wrong.push(format!(
                "the answer took {} ms, and may take {} ms",
                answer.elapsed.as_millis(),
                most.as_millis()
            ));
        }
        if let Some(days) = self.certificate_days {
            wrong.extend(judge_certificate(answer, days, now));
        }
        if self.refuses_strangers {
            wrong.extend(judge_cors(answer));
        }
        if self.security_headers {
            let missing = SECURITY_HEADERS
                .iter()
                .filter(|(name, _)| answer.header(name).is_none())
                .filter(|(name, _)| {
                    *name != "strict-transport-security" || answer.url.starts_with("https:")
                });
            wrong.extend(missing.map(|(name, why)| format!("there is no header {name}: {why}")));
        }
        wrong
    }

    fn wanted_status(&self) -> String {
        if self.status.is_empty() {
            return "2xx".to_owned();
        }
        let all: Vec<String> = self.status.iter().map(u16::to_string).collect();
        all.join(" or ")
    }

    fn judge_body(&self, answer: &Response, commit: Option<&str>, wrong: &mut Vec<String>) {
        let commit = self.commit.as_ref().zip(commit);
        if self.json.is_empty() && commit.is_none() {
            return;
        }
        let body: Value = match serde_json::from_slice(&answer.body) {
            Ok(body) => body,
            Err(error) => {
                wrong.push(format!("the body is no JSON: {error}"));
                return;
            }
        };
        for (path, wanted) in &self.json {
            match at(&body, path) {
                None => wrong.push(format!("the JSON has no {path}")),
                Some(value) if text(value) != *wanted => wrong.push(format!(
                    "{path} is {}, not {}",
                    quoted(&text(value)),
                    quoted(wanted)
                )),
                Some(_) => {}
            }
        }
        if let Some((path, commit)) = commit {
            match at(&body, path).map(text) {
                None => wrong.push(format!("the JSON has no {path}, which tells the commit")),
                Some(told) if !is_commit(&told, commit) => wrong.push(format!(
                    "what runs is of {}, not of {commit}",
                    quoted(&told)
                )),
                Some(_) => {}
            }
        }
    }
}

/// The same answer, with stars in the place of a secret.
fn without(answer: &Response, secret: &SecretString) -> Response {
    let hide = |text: &str| text.replace(secret.expose_secret(), "***");
    let headers = answer.headers.iter();
    Response {
        headers: headers
            .map(|(name, value)| (name.clone(), hide(value)))
            .collect(),
        body: hide(&String::from_utf8_lossy(&answer.body)).into_bytes(),
        ..answer.clone()
    }
}

/// Whether two names mean the same commit: one may be short, of seven digits at least.
pub fn is_commit(told: &str, wanted: &str) -> bool {
    let (told, wanted) = (told.to_ascii_lowercase(), wanted.to_ascii_lowercase());
    let shorter = told.len().min(wanted.len());
    told == wanted || shorter >= 7 && (told.starts_with(&wanted) || wanted.starts_with(&told))
}

/// The value at a path such as `checks.database.status` or `regions.0`.
fn at<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    path.split('.').try_fold(value, |value, step| match value {
        Value::Array(items) => items.get(step.parse::<usize>().ok()?),
        value => value.get(step),
    })
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A text of the other side in a sentence, cut where it is long.
fn quoted(text: &str) -> String {
    let mut short: String = text.chars().take(60).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    format!("`{}`", escape_line(&short))
}

fn judge_certificate(answer: &Response, days: i64, now: i64) -> Option<String> {
    const DAY: i64 = 24 * 60 * 60;
    let Some(der) = &answer.certificate else {
        return Some("there is no certificate, since it is not https".to_owned());
    };
    let Some(until) = certificate::expires(der) else {
        return Some("the certificate cannot be read".to_owned());
    };
    let left = (until - now).div_euclid(DAY);
    (left < days)
        .then(|| format!("the certificate ends in {left} days, and should hold for {days}"))
}

/// What a browser would conclude from the answer to a stranger (Fetch standard, CORS).
fn judge_cors(answer: &Response) -> Option<String> {
    let allowed = answer.header("access-control-allow-origin")?;
    let with_credentials = answer.header("access-control-allow-credentials") == Some("true");
    match allowed.trim() {
        "*" => Some("every origin is allowed (access-control-allow-origin: *)".to_owned()),
        STRANGER if with_credentials => Some(
            "every origin that asks is allowed, with cookies: any page can act for its visitors"
                .to_owned(),
        ),
        STRANGER => Some("every origin that asks is allowed".to_owned()),
        "null" => Some("the origin `null` is allowed, which any page can have".to_owned()),
        _ => None,
    }
}

/// How often, and for how long, something is asked before it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// It is well after so many good answers in a row.
    pub times: u32,
    /// Between two questions.
    pub every: Duration,
    /// After this time it is not well.
    pub within: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Response {
        Response {
            status,
            headers: headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            body: body.as_bytes().to_vec(),
            url: "https://a.example/health".to_owned(),
            redirects: 0,
            elapsed: Duration::from_millis(300),
            certificate: None,
        }
    }

    fn wrong(check: &Check, answer: &Response) -> String {
        check
            .judge(answer, Some("0123456789abcdef0123456789abcdef01234567"), 0)
            .join("; ")
    }

    #[test]
    fn each_question_has_its_answer() {
        let plain = Check::new("https://a.example/health");
        assert_eq!(wrong(&plain, &answer(204, &[], "")), "");
        assert_eq!(
            wrong(&plain, &answer(503, &[], "")),
            "the status is 503, not 2xx"
        );
        assert!(
            wrong(&plain, &answer(301, &[("location", "/login")], "")).ends_with("leads to /login")
        );

        let mut json = plain.clone();
        json.json = vec![("checks.0.status".to_owned(), "ok".to_owned())];
        json.commit = Some("version.commit".to_owned());
        let told = |status: &str, commit: &str| {
            let body = format!(
                r#"{{"checks": [{{"status": "{status}"}}], "version": {{"commit": "{commit}"}}}}"#
            );
            wrong(&json, &answer(200, &[], &body))
        };
        assert_eq!(told("ok", "0123456"), "");
        assert_eq!(told("ok", "0123456789abcdef0123456789abcdef01234567"), "");
        assert!(told("ok", "012345").contains("what runs is of `012345`"));
        assert!(told("ok", "dev").contains("what runs is of `dev`"));
        assert!(told("down\u{1b}[2J", "0123456").contains("is no JSON"));
        assert_eq!(
            told("down", "0123456"),
            "checks.0.status is `down`, not `ok`"
        );
        assert!(wrong(&json, &answer(200, &[], "<html>")).contains("no JSON"));
        assert_eq!(
            wrong(&json, &answer(200, &[], "{}")),
            "the JSON has no checks.0.status; the JSON has no version.commit, which tells the commit"
        );

        let mut slow = plain.clone();
        slow.latency = Some(Duration::from_millis(200));
        assert!(wrong(&slow, &answer(200, &[], "")).contains("took 300 ms"));

        let mut certificate = plain;
        certificate.certificate_days = Some(14);
        assert!(wrong(&certificate, &answer(200, &[], "")).contains("not https"));
    }

    #[test]
    fn strangers_are_told_apart_from_those_who_are_allowed() {
        let mut check = Check::new("https://a.example");
        check.refuses_strangers = true;
        let cors = |headers: &[(&str, &str)]| wrong(&check, &answer(200, headers, ""));
        let origin = "access-control-allow-origin";
        assert_eq!(cors(&[]), "");
        assert_eq!(cors(&[(origin, "https://app.example")]), "");
        assert!(cors(&[(origin, "*")]).contains("every origin"));
        assert!(cors(&[(origin, "null")]).contains("`null`"));
        assert!(
            cors(&[
                (origin, STRANGER),
                ("access-control-allow-credentials", "true")
            ])
            .contains("act for its visitors")
        );
        check.refuses_strangers = false;
        check.security_headers = true;
        check.headers = vec![("X-A".to_owned(), Some("1".to_owned()))];
        let told = wrong(&check, &answer(200, &[("x-a", "2")], ""));
        assert!(told.contains("header X-A is `2`, not 1"), "{told}");
        assert_eq!(told.matches("there is no header").count(), 4, "{told}");
    }
}
