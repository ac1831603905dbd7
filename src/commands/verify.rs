//! `ci-tool verify`.

use std::time::{Duration, Instant};

use anyhow::Result;
use clap::ValueEnum;
use secrecy::SecretString;

use crate::context::Context;
use crate::deploy::health::{Check, Patience, Secret};
use crate::error::{Exit, Failure};
use crate::forge::web::{Response, Web, WebError};
use crate::report::verify::{Address, VERSION, Verified};
use crate::report::{self};
use crate::sys::env::Env;
use crate::sys::{clock, interrupt};

/// Tell whether what runs at addresses is well.
///
/// Asks every address, side by side, until it has answered well as many times in a row as
/// is asked for, or its time is over.
///
/// Exit code 0: all are well. 1: one is not, or does not answer. 2: wrong usage. 3: it
/// could not be found out.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The addresses
    #[arg(required = true, value_name = "URL")]
    pub urls: Vec<String>,

    /// The status that is expected [default: any of 200 to 299]
    #[arg(long, value_name = "CODE", value_delimiter = ',', value_parser = clap::value_parser!(u16).range(100..=599))]
    pub status: Vec<u16>,

    /// What the JSON of the answer holds: `checks.database.status=ok`
    #[arg(long, value_name = "PATH=VALUE", value_parser = pair)]
    pub json: Vec<(String, String)>,

    /// A header that is there, perhaps with this value
    #[arg(long, value_name = "NAME[=VALUE]")]
    pub header: Vec<String>,

    /// A header that is sent, with the variable that holds its value; a redirect is an answer then
    #[arg(long, value_name = "NAME=VARIABLE", value_parser = pair)]
    pub secret_header: Option<(String, String)>,

    /// How many milliseconds an answer may take
    #[arg(long, value_name = "MILLISECONDS")]
    pub max_latency: Option<u64>,

    /// For how many days the certificate has to hold
    #[arg(long, value_name = "DAYS")]
    pub certificate_days: Option<i64>,

    /// No origin may be allowed that the application does not know (CORS)
    #[arg(long)]
    pub cors: bool,

    /// The headers have to be there that protect browsers
    #[arg(long)]
    pub security_headers: bool,

    /// A redirect is an answer and is not followed
    #[arg(long)]
    pub no_redirects: bool,

    /// The commit that has to run; at least seven digits
    #[arg(long, value_name = "COMMIT", value_parser = commit)]
    pub commit: Option<String>,

    /// Where the JSON tells the commit
    #[arg(
        long,
        value_name = "PATH",
        default_value = "commit",
        requires = "commit"
    )]
    pub commit_at: String,

    /// So many good answers in a row
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub times: u32,

    /// So many seconds apart
    #[arg(long, value_name = "SECONDS", default_value_t = 2)]
    pub every: u64,

    /// Within so many seconds; with 0 each address is asked once
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub within: u64,

    /// How many seconds one answer is waited for
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub time_limit: u64,

    /// The form of the answer
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: Format,
}

/// The forms of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For programs; docs/verify.schema.json describes it.
    Json,
    /// For a job's summary.
    Markdown,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (path, value) = text
        .split_once('=')
        .filter(|(path, _)| !path.is_empty())
        .ok_or("it has the form PATH=VALUE")?;
    Ok((path.to_owned(), value.to_owned()))
}

fn commit(text: &str) -> Result<String, String> {
    let is_commit = (7..=64).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_hexdigit());
    is_commit
        .then(|| text.to_ascii_lowercase())
        .ok_or_else(|| "a commit has 7 to 64 hexadecimal digits".to_owned())
}

/// Asks and tells.
///
/// # Errors
/// Where an address is none.
pub fn run(args: &Args, context: &Context) -> Result<Exit> {
    let verified = carry_out(args, &context.env)?;
    context.ui.result(&render(&verified, args.format)?)?;
    Ok(if verified.healthy {
        Exit::Yes
    } else {
        Exit::No
    })
}

/// What was found, in the form that was asked for.
///
/// # Errors
/// Never: nothing in it has keys that are no texts.
pub(super) fn render(verified: &Verified, format: Format) -> Result<String> {
    Ok(match format {
        Format::Text => report::verify::text(verified),
        Format::Json => report::json(verified)?,
        Format::Markdown => report::verify::markdown(verified),
    })
}

/// Asks all addresses.
///
/// # Errors
/// As [`run`].
pub(super) fn carry_out(args: &Args, env: &Env) -> Result<Verified> {
    interrupt::watch();
    let secret = args.secret_header.as_ref().map(|(header, variable)| {
        let value = env.get(variable).map(str::trim);
        let value = value.filter(|value| !value.is_empty()).ok_or_else(|| {
            // It may be the value that somebody wrote there.
            Failure::usage("the variable that --secret-header names is not set")
                .hint("--secret-header x-api-key=MY_VARIABLE, with the value in MY_VARIABLE")
        })?;
        anyhow::Ok(Secret {
            header: header.clone(),
            value: SecretString::from(value.to_owned()),
        })
    });
    let secret = secret.transpose()?;
    let checks: Vec<Check> = args
        .urls
        .iter()
        .map(|url| Check {
            secret: secret.clone(),
            ..check(args, url)
        })
        .collect();
    let asked: Vec<Result<Address>> = std::thread::scope(|scope| {
        let threads: Vec<_> = checks
            .iter()
            .map(|check| scope.spawn(|| watch(check, args)))
            .collect();
        threads
            .into_iter()
            .map(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
            .collect()
    });
    let addresses: Vec<Address> = asked.into_iter().collect::<Result<_>>()?;
    if interrupt::asked() {
        return Err(Failure::failed("stopped before the end, as was asked").into());
    }
    Ok(Verified {
        version: VERSION,
        healthy: addresses.iter().all(|one| one.healthy),
        addresses,
    })
}

fn check(args: &Args, url: &str) -> Check {
    let headers = args
        .header
        .iter()
        .map(|header| match header.split_once('=') {
            Some((name, value)) => (name.trim().to_owned(), Some(value.trim().to_owned())),
            None => (header.trim().to_owned(), None),
        });
    Check {
        status: args.status.clone(),
        json: args.json.clone(),
        headers: headers.collect(),
        latency: args.max_latency.map(Duration::from_millis),
        certificate_days: args.certificate_days,
        refuses_strangers: args.cors,
        security_headers: args.security_headers,
        follow: !args.no_redirects,
        commit: args.commit.is_some().then(|| args.commit_at.clone()),
        time_limit: Duration::from_secs(args.time_limit),
        ..Check::new(url)
    }
}

/// Asks one address until it counts, or its time is over.
fn watch(check: &Check, args: &Args) -> Result<Address> {
    let web = Web::new().map_err(|error| Failure::failed(error.to_string()))?;
    let patience = Patience {
        times: args.times,
        every: Duration::from_secs(args.every),
        within: Duration::from_secs(args.within),
    };
    let started = Instant::now();
    let mut address = Address {
        url: check.url.clone(),
        healthy: false,
        tries: 0,
        status: None,
        milliseconds: None,
        wrong: Vec::new(),
    };
    let mut good = 0;
    loop {
        address.tries += 1;
        let answer = web.send(&check.request());
        if let Err(error @ WebError::Unusable { .. }) = answer {
            return Err(Failure::usage(error.to_string())
                .hint("an address looks like https://api.example.com/health")
                .into());
        }
        note(&mut address, &answer, check, args.commit.as_deref());
        good = if address.wrong.is_empty() {
            good + 1
        } else {
            0
        };
        if good >= patience.times {
            address.healthy = true;
            return Ok(address);
        }
        if started.elapsed() + patience.every > patience.within || interrupt::asked() {
            if address.wrong.is_empty() {
                address.wrong.push(format!(
                    "only {good} of {} good answers in a row within {} seconds",
                    patience.times, args.within
                ));
            }
            return Ok(address);
        }
        std::thread::sleep(patience.every);
    }
}

fn note(
    address: &mut Address,
    answer: &Result<Response, WebError>,
    check: &Check,
    commit: Option<&str>,
) {
    match answer {
        Ok(answer) => {
            address.status = Some(answer.status);
            address.milliseconds = u64::try_from(answer.elapsed.as_millis()).ok();
            address.wrong = check.judge(answer, commit, clock::now());
        }
        Err(error) => {
            let (WebError::Unusable { why, .. }
            | WebError::NotSent { why, .. }
            | WebError::NoAnswer { why, .. }) = error;
            address.status = None;
            address.milliseconds = None;
            address.wrong = vec![format!("it does not answer: {why}")];
        }
    }
}
