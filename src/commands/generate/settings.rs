//! What is decided about generation: flags beat the environment, the environment the
//! configuration, the configuration what is detected.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::Result;

use super::{Args, TargetName};
use crate::commands::debt;
use crate::config::deploy::{Deploy, Environment, PlatformName};
use crate::config::model::{JobRules, Runner};
use crate::config::sync::Direction;
use crate::config::{Config, Loaded};
use crate::context::Context;
use crate::debt::measured::{self, Measured, MeasuredJob};
use crate::error::Failure;
use crate::probe::Probe;
use crate::project::model::Project;
use crate::workflows::house::{House, OwnStep, Place};
use crate::workflows::{Deploying, Gitlab, OwnAction, Settings, Target, house};

/// Flags beat the environment, the environment the file, the file what is detected.
pub(super) fn settings(
    args: &Args,
    context: &Context,
    project: &Project,
    loaded: &Loaded,
) -> Result<Settings> {
    let config = &loaded.config;
    let defaults = Settings::default();
    let generate = &config.generate;
    let own_action = match (context.env.get("CI_TOOL_ACTION"), &generate.action) {
        (Some(given), _) => {
            let (uses, version) = given
                .split_once('#')
                .map_or((given, None), |(uses, version)| {
                    (uses, Some(version.trim().to_owned()))
                });
            let own = OwnAction {
                uses: uses.trim().to_owned(),
                version,
            };
            if !own.is_pinned() {
                return Err(Failure::usage(format!(
                    "CI_TOOL_ACTION is `{given}`, which is not pinned to a commit"
                ))
                .hint("write owner/name@ followed by the full commit id of 40 digits")
                .into());
            }
            if let Err(why) = own.reference() {
                return Err(Failure::usage(format!("CI_TOOL_ACTION: {why}"))
                    .hint("write `owner/name@commit # v1.2.3`")
                    .into());
            }
            own
        }
        (None, Some(uses)) => OwnAction {
            uses: uses.clone(),
            version: generate.action_version.clone(),
        },
        (None, None) => defaults.own_action,
    };
    let measured = debt::store::measured(&args.path)?;
    Ok(Settings {
        default_branch: generate
            .default_branch
            .clone()
            .or_else(|| project.default_branch.clone())
            .unwrap_or(defaults.default_branch),
        runner: generate.runner.clone().unwrap_or(defaults.runner),
        timeout_minutes: generate.timeout_minutes.unwrap_or(defaults.timeout_minutes),
        own_action,
        environments: generate
            .environments
            .clone()
            .unwrap_or(defaults.environments),
        deploying: deploying(&config.deploy),
        environment_values: environment_values(config, &measured),
        only: if args.only.is_empty() {
            generate.only.clone()
        } else {
            args.only.clone()
        },
        exclude: if args.only.is_empty() {
            generate.exclude.clone()
        } else {
            Vec::new()
        },
        include: generate.include.clone(),
        force: args.force,
        resolved: args.resolved.clone(),
        house: house(loaded, &measured),
        uptime_urls: generate.uptime.urls.clone(),
        target: target(args, config),
        gitlab: Gitlab {
            file: generate.gitlab.file.clone().unwrap_or(defaults.gitlab.file),
            tags: generate.gitlab.tags.clone(),
            image: generate.gitlab.image.clone(),
            sync: matches!(
                config.sync.direction,
                Some(Direction::Pull | Direction::Both)
            ),
        },
        debts: debt::store::load(&args.path)?,
        measured,
    })
}

/// Takes in what a probe measured of whole jobs.
pub(super) fn learn(settings: &mut Settings, probe: &Probe, loaded: &Loaded) {
    // What never ends is in no workflow, and takes no time there.
    let endless = probe.debts.iter().filter(|debt| debt.is_left_out());
    let endless: BTreeSet<&str> = endless.map(|debt| debt.step.as_str()).collect();
    for job in probe.jobs.iter().filter(|job| job.broken.is_none()) {
        let steps = job.steps.iter();
        let steps = steps.filter(|step| !endless.contains(step.name.as_str()));
        let steps: f64 = steps.map(|step| step.seconds).sum();
        let seconds = Duration::try_from_secs_f64((job.install_seconds + steps).ceil());
        let seconds = seconds.map_or(0, |seconds| seconds.as_secs());
        let known = settings.measured.jobs.get(&job.id);
        let mut env = known.map(|job| job.env.clone()).unwrap_or_default();
        env.extend(job.learned.clone());
        let new = MeasuredJob {
            component: job.directory.clone(),
            seconds,
            timeout_minutes: measured::limit(seconds),
            cache: job
                .fetched
                .is_none_or(|(seconds, bytes)| measured::cache_pays(seconds, bytes)),
            env,
        };
        settings.measured.update(&job.id, new);
    }
    settings.house = house(loaded, &settings.measured);
    settings.environment_values = environment_values(&loaded.config, &settings.measured);
}

/// Values for variables: those that a probe found to do, and before them what is chosen.
fn environment_values(
    config: &Config,
    measured: &Measured,
) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut values: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for job in measured.jobs.values().filter(|job| !job.env.is_empty()) {
        let of_component = values.entry(job.component.clone()).or_default();
        of_component.extend(job.env.clone());
    }
    for (root, correction) in &config.detect.components {
        let of_component = values.entry(root.clone()).or_default();
        of_component.extend(correction.env.clone());
    }
    values
}

/// What a workflow has to know of the deployments that are configured.
fn deploying(deploy: &Deploy) -> BTreeMap<String, Deploying> {
    let of = |environment: &Environment| {
        let mut told = Deploying {
            has_checks: !environment.checks.is_empty(),
            ..Deploying::default()
        };
        let here = &environment.services;
        let services = deploy.services.iter();
        for (_, service) in services.filter(|(name, _)| here.is_empty() || here.contains_key(*name))
        {
            let token = |usual: &str| service.token.clone().unwrap_or_else(|| usual.to_owned());
            let (platform, secrets) = match service.platform {
                PlatformName::Railway => ("railway", vec![token("RAILWAY_TOKEN")]),
                PlatformName::Vercel => ("vercel", vec![token("VERCEL_TOKEN")]),
                PlatformName::Command => ("command", service.variables.clone()),
            };
            told.platforms.insert(platform.to_owned());
            told.secrets.extend(secrets);
        }
        let asked = here.values().flat_map(|one| &one.health);
        let secrets = asked.filter_map(|health| Some(health.secret.as_ref()?.variable.clone()));
        told.secrets.extend(secrets);
        told.secrets.extend(environment.database.clone());
        told
    };
    let environments = deploy.environments.iter();
    environments
        .map(|(name, one)| (name.clone(), of(one)))
        .collect()
}

/// What the configuration wants of jobs, and what was measured of them.
fn house(loaded: &Loaded, measured: &Measured) -> House {
    let generate = &loaded.config.generate;
    let chosen = generate.jobs.iter();
    let chosen = chosen.filter_map(|(pattern, rules)| house_rule(loaded, pattern, rules));
    let rules = measured_rules(measured, generate.timeout_minutes);
    House {
        rules: rules.into_iter().chain(chosen).collect(),
        source: loaded.text.clone(),
    }
}

/// What was measured of jobs, as rules; a limit that is chosen for all goes before that.
fn measured_rules(measured: &Measured, chosen_limit: Option<u32>) -> Vec<house::Rule> {
    let jobs = measured.jobs.iter();
    let rules = jobs.filter_map(|(id, job)| {
        let pattern = format!("{{backend-ci,frontend-ci}}/{id}");
        Some(house::Rule {
            is_measured: true,
            line: 1,
            matcher: house::Rule::matcher(&pattern).ok()?,
            pattern,
            runner: None,
            timeout_minutes: match chosen_limit {
                Some(_) => None,
                None => Some(job.timeout_minutes),
            },
            env: BTreeMap::new(),
            permissions: BTreeMap::new(),
            cache: (!job.cache).then_some(false),
            steps: BTreeMap::new(),
        })
    });
    rules.collect()
}

fn house_rule(loaded: &Loaded, pattern: &str, rules: &JobRules) -> Option<house::Rule> {
    let line = loaded.line_of(&["generate", "jobs", pattern]);
    let steps = [
        (Place::First, "first", &rules.steps.first),
        (
            Place::BeforeInstall,
            "before-install",
            &rules.steps.before_install,
        ),
        (
            Place::AfterInstall,
            "after-install",
            &rules.steps.after_install,
        ),
        (Place::Last, "last", &rules.steps.last),
    ];
    let steps = steps.into_iter().filter(|(_, _, steps)| !steps.is_empty());
    Some(house::Rule {
        pattern: pattern.to_owned(),
        is_measured: false,
        line,
        // The configuration's checks let no other pass.
        matcher: house::Rule::matcher(pattern).ok()?,
        runner: rules.runner.clone().map(|runner| match runner {
            Runner::Label(label) => house::Runner::Label(label),
            Runner::Labels(labels) => house::Runner::Labels(labels),
            Runner::Group { group, labels } => house::Runner::Group { group, labels },
        }),
        timeout_minutes: rules.timeout_minutes,
        env: rules.env.clone(),
        permissions: rules.permissions.clone(),
        cache: rules.cache,
        steps: steps
            .map(|(place, key, steps)| {
                let mut written = house::written_steps(&loaded.text, pattern, key);
                if written.is_empty() {
                    written = steps
                        .iter()
                        .map(|step| OwnStep {
                            text: step.0.trim_end().to_owned(),
                            line,
                        })
                        .collect();
                }
                (place, written)
            })
            .collect(),
    })
}

fn target(args: &Args, config: &Config) -> Target {
    use crate::config::model::TargetName as Configured;
    match (args.target, config.generate.target) {
        (Some(TargetName::Github), _) | (None, Some(Configured::Github)) => Target::Github,
        (Some(TargetName::Gitlab), _) | (None, Some(Configured::Gitlab)) => Target::Gitlab,
        (Some(TargetName::All), _) | (None, Some(Configured::All)) => Target::All,
        (None, None) => Target::default(),
    }
}
