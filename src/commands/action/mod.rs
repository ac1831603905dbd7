//! `ci-tool action`: the container action. Inputs become the arguments of a
//! command, without a shell in between; results become outputs and a summary.

mod check_run;
mod comment;
mod debt;
mod deploy;
mod findings;
mod suggestions;

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::{ArgAction, ValueEnum as _};

use crate::actions::{escape, inputs, outputs, workspace};
use crate::commands::debt::probing::Flags;
use crate::commands::proposal::Outcome;
use crate::commands::{detect, generate, sync};
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::report;
use crate::sys::env::Env;

/// Run as the container action.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// The commands that the action can run today.
const COMMANDS: &str = "scan, audit, gate, upload, generate, debt, detect, sync, deploy and verify";

/// Runs the command that the inputs name.
///
/// # Errors
/// Where the outputs cannot be written; what the command says is told here.
pub fn run(_: &Args, context: &Context) -> Result<Exit> {
    let on_runner = context.env.in_github_actions();
    // What is printed quotes the repository; the runner must take none of it for
    // a command, wherever in a line it stands.
    let (begin, end) = escape::verbatim();
    if on_runner {
        context.ui.result(&begin)?;
    }
    let mut annotations = Vec::new();
    let exit = run_command(context, &mut annotations).unwrap_or_else(|error| {
        annotations.push(format!("::error::{}", escape::data(&format!("{error:#}"))));
        context.tell(&error)
    });
    if on_runner {
        context.ui.result(&end)?;
        for annotation in annotations {
            context.ui.result(&format!("{annotation}\n"))?;
        }
    }
    let word = match exit {
        Exit::Yes => "yes",
        Exit::No => "no",
        Exit::Usage | Exit::Failed => "failed",
    };
    output(context, "result", word)?;
    Ok(exit)
}

fn run_command(context: &Context, annotations: &mut Vec<String>) -> Result<Exit> {
    let context = &Context {
        config_path: None,
        ui: context.ui,
        verbose: context.verbose,
        env: workspace::with_own_paths(&context.env),
    };
    let path = PathBuf::from(path(context));
    // The flag of the command line has a counterpart here.
    let context = &Context {
        config_path: inputs::input(&context.env, "config").map(PathBuf::from),
        ui: context.ui,
        verbose: context.verbose,
        env: with_own_pin(&with_token(&context.env)),
    };
    let flag = |name: &str| inputs::flag(&context.env, name).map_err(Failure::usage);
    match inputs::input(&context.env, "command").unwrap_or("scan") {
        "scan" => findings::scan(context, annotations),
        "audit" => findings::audit(context, annotations),
        "gate" => findings::gate(context, annotations),
        "upload" => findings::upload(context),
        "debt" => debt::debt(context, annotations),
        "deploy" => deploy::deploy(context, annotations),
        "verify" => deploy::verify(context, annotations),
        "detect" => {
            let format = choose(
                context,
                [
                    ("text", detect::Format::Text),
                    ("json", detect::Format::Json),
                ],
            )?;
            detect::run(&detect::Args { path, format }, context)
        }
        "generate" => {
            let format = choose(
                context,
                [
                    ("text", generate::Format::Text),
                    ("json", generate::Format::Json),
                    ("markdown", generate::Format::Markdown),
                ],
            )?;
            let only = inputs::input(&context.env, "only")
                .unwrap_or_default()
                .split([',', ' ', '\n'])
                .filter(|name| !name.is_empty())
                .map(str::to_owned)
                .collect();
            let target = inputs::input(&context.env, "target")
                .map(|word| {
                    generate::TargetName::from_str(word, false).map_err(|_| {
                        Failure::usage(format!("the input `target` is `{word}`"))
                            .hint("known are github, gitlab and all")
                    })
                })
                .transpose()?;
            let args = generate::Args {
                path,
                only,
                target,
                dry_run: flag("dry-run")?,
                check: flag("check")?,
                pr: pull_request(context),
                force: flag("force")?,
                resolved: Vec::new(),
                explain: None,
                probe: None,
                probing: Flags::default(),
                templates: Vec::new(),
                format,
            };
            if args.check && (args.dry_run || args.force || args.pr.is_some()) {
                return Err(Failure::usage(
                    "the input `check` goes with none of `dry-run`, `force` and `pr`",
                )
                .into());
            }
            if args.dry_run && args.pr.is_some() {
                return Err(Failure::usage("the input `dry-run` does not go with `pr`").into());
            }
            generate(&args, context, annotations)
        }
        "sync" => {
            let format = choose(
                context,
                [
                    ("text", sync::Format::Text),
                    ("json", sync::Format::Json),
                    ("markdown", sync::Format::Markdown),
                ],
            )?;
            let direction = inputs::input(&context.env, "direction")
                .map(|word| {
                    sync::DirectionName::from_str(word, false).map_err(|_| {
                        Failure::usage(format!("the input `direction` is `{word}`"))
                            .hint("known are push, pull and both")
                    })
                })
                .transpose()?;
            let args = sync::Args {
                path,
                direction,
                mirror: inputs::input(&context.env, "mirror").map(str::to_owned),
                create: flag("create")?,
                dry_run: flag("dry-run")?,
                format,
                ..sync::Args::default()
            };
            sync(&args, context, annotations)
        }
        other => Err(Failure::usage(format!("the input `command` is `{other}`"))
            .hint(format!("known are {COMMANDS}"))
            .into()),
    }
}

fn generate(
    args: &generate::Args,
    context: &Context,
    annotations: &mut Vec<String>,
) -> Result<Exit> {
    let carried = generate::carry_out(args, context)?;
    context
        .ui
        .result(&generate::render(&carried, args.format)?)?;
    let (plan, mode) = (&carried.plan, carried.mode);
    let beside = carried.beside();
    let written: Vec<&str> = plan
        .files
        .iter()
        .filter(|file| file.status.writes())
        .map(|file| file.path.as_str())
        .chain(plan.lock.changes.then_some(plan.lock.path.as_str()))
        .chain(beside.iter().map(|(path, _)| path.as_str()))
        .collect();
    output(
        context,
        "changed",
        if written.is_empty() { "false" } else { "true" },
    )?;
    output(context, "files", &serde_json::to_string(&written)?)?;
    output(
        context,
        "plan",
        report::plan::json(plan, mode, None)?.trim_end(),
    )?;
    summary(context, &report::plan::markdown(plan, mode))?;
    if let Some(branch) = &args.pr {
        let outcome = generate::propose(args, branch, &carried, context)?;
        context.ui.remark(&outcome.sentence(branch));
        output(context, "pull-request", outcome.url())?;
        if matches!(outcome, Outcome::Theirs { .. }) {
            let told = escape::data(&outcome.sentence(branch));
            annotations.push(format!("::error::{told}"));
            return Ok(Exit::No);
        }
    }
    if mode == report::plan::Mode::Check {
        let drift = plan.files.iter().filter(|file| file.status.is_drift());
        annotations.extend(drift.map(|file| escape::error(&file.path, 1, &file.reason)));
    }
    Ok(generate::answer(&carried))
}

fn sync(args: &sync::Args, context: &Context, annotations: &mut Vec<String>) -> Result<Exit> {
    let answer = sync::carry_out(args, context)?;
    context.ui.result(&answer.text)?;
    output(
        context,
        "changed",
        if answer.is_changed { "true" } else { "false" },
    )?;
    output(context, "plan", answer.json.trim_end())?;
    summary(context, &answer.markdown)?;
    annotations.extend(
        answer
            .open
            .iter()
            .map(|told| format!("::error::{}", escape::data(told))),
    );
    Ok(answer.exit)
}

/// The arguments of a command from the inputs that are named as its flags are.
///
/// # Errors
/// As the command line would say it.
fn parse<A: clap::Args>(context: &Context, positional: &[String]) -> Result<A> {
    let command = A::augment_args(clap::Command::new("action").no_binary_name(true));
    let mut arguments = Vec::new();
    for argument in command.get_arguments() {
        let Some(name) = argument.get_long() else {
            continue;
        };
        let Some(value) = inputs::input(&context.env, name) else {
            continue;
        };
        let takes_none = argument
            .get_num_args()
            .is_some_and(|count| count.min_values() == 0);
        match argument.get_action() {
            ArgAction::SetTrue => {
                if inputs::flag(&context.env, name).map_err(Failure::usage)? {
                    arguments.push(format!("--{name}"));
                }
            }
            // `fix: true` means all rules, as `--fix` alone does.
            _ if takes_none && matches!(value, "true" | "false") => {
                if value == "true" {
                    arguments.push(format!("--{name}"));
                }
            }
            ArgAction::Append => {
                let each = value.split(['\n', ',']).map(str::trim);
                let each = each.filter(|one| !one.is_empty());
                arguments.extend(each.map(|one| format!("--{name}={one}")));
            }
            // In one argument, so that no value is taken for a flag.
            _ => arguments.push(format!("--{name}={value}")),
        }
    }
    arguments.push("--".to_owned());
    arguments.extend_from_slice(positional);
    command
        .try_get_matches_from(arguments)
        .and_then(|matches| A::from_arg_matches(&matches))
        .map_err(|error| {
            let said = error.to_string();
            let said = said.trim_start_matches("error: ");
            let first = said.split("\n\n").next().unwrap_or_default();
            Failure::usage(first.replace("\n  ", " "))
                .hint("the inputs are those of action.yml; each is the flag of the same name")
                .into()
        })
}

/// An input that names several, one a line or separated by commas.
fn list(context: &Context, name: &str) -> Vec<String> {
    let text = inputs::input(&context.env, name).unwrap_or_default();
    let each = text.split(['\n', ',']).map(str::trim);
    each.filter(|one| !one.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The environment with the token of the input `token`, where it has none.
fn with_token(env: &Env) -> Env {
    match inputs::input(env, "token") {
        Some(token) if env.get("GITHUB_TOKEN").is_none() => env.with("GITHUB_TOKEN", token),
        _ => env.clone(),
    }
}

/// The environment with the commit that this action is used at, so that workflows which
/// it generates use that one too. The image cannot know it: that commit names the image.
fn with_own_pin(env: &Env) -> Env {
    let repository = env.get("GITHUB_ACTION_REPOSITORY");
    let used = repository.zip(env.get("GITHUB_ACTION_REF"));
    match used.filter(|(_, at)| crate::workflows::is_full_commit(at)) {
        Some((repository, at)) if env.get("CI_TOOL_ACTION").is_none() => {
            let version = env!("CARGO_PKG_VERSION");
            env.with("CI_TOOL_ACTION", &format!("{repository}@{at} # v{version}"))
        }
        _ => env.clone(),
    }
}

/// The input `pr`: the branch of the pull request.
fn pull_request(context: &Context) -> Option<String> {
    match inputs::input(&context.env, "pr")? {
        "false" => None,
        "true" => Some(generate::BRANCH.to_owned()),
        branch => Some(branch.to_owned()),
    }
}

/// The input `path`: the repository's folder, relative to the workspace.
fn path(context: &Context) -> String {
    inputs::input(&context.env, "path")
        .unwrap_or(".")
        .to_owned()
}

/// The input `format`, one of the given words; the first without it.
fn choose<T: Copy, const N: usize>(context: &Context, known: [(&str, T); N]) -> Result<T> {
    let given = inputs::input(&context.env, "format").unwrap_or(known[0].0);
    known
        .iter()
        .find(|(word, _)| *word == given)
        .map(|(_, format)| *format)
        .ok_or_else(|| {
            let words: Vec<&str> = known.iter().map(|(word, _)| *word).collect();
            Failure::usage(format!("the input `format` is `{given}`"))
                .hint(format!("known are {}", words.join(", ")))
                .into()
        })
}

fn output(context: &Context, name: &str, value: &str) -> Result<()> {
    match context.env.path("GITHUB_OUTPUT") {
        Some(file) => outputs::append(&file, name, value)
            .with_context(|| format!("cannot write the output `{name}` to {}", file.display())),
        None => Ok(()),
    }
}

/// Adds to what the job's page shows.
fn summary(context: &Context, markdown: &str) -> Result<()> {
    match context.env.path("GITHUB_STEP_SUMMARY") {
        Some(file) => outputs::summary(&file, markdown)
            .with_context(|| format!("cannot write the job summary {}", file.display())),
        None => Ok(()),
    }
}
