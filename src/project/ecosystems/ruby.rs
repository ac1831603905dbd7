//! Ruby components: a Gemfile with code beside it.

use crate::project::Survey;
use crate::project::defaults;
use crate::project::model::{Component, Evidence, Fact, Language, Need, Role, StepKind};
use crate::project::path;

pub(super) fn detect(survey: &Survey<'_>) -> Vec<Component> {
    survey
        .tree
        .named("Gemfile")
        .filter(|file| !path::is_sample(file))
        .filter_map(|file| describe(survey, file))
        .collect()
}

fn describe(survey: &Survey<'_>, file: &str) -> Option<Component> {
    let tree = survey.tree;
    let root = path::parent(file);
    let text = tree.text(file)?;
    if !tree.under(root).any(|file| file.ends_with(".rb")) {
        return None;
    }
    let gem = |name: &str| {
        let at = text.lines().position(|line| {
            let line = line.trim_start();
            line.starts_with(&format!("gem \"{name}\""))
                || line.starts_with(&format!("gem '{name}'"))
        })?;
        Some(Evidence::new(file, at + 1))
    };
    let framework = [
        ("rails", "rails"),
        ("sinatra", "sinatra"),
        ("hanami", "hanami"),
        ("roda", "roda"),
    ]
    .iter()
    .find_map(|(name, id)| Some(Fact::new((*id).to_owned(), gem(name)?)));
    let role = if framework.is_some() {
        Role::Backend
    } else {
        Role::Library
    };
    let is_rails = framework
        .as_ref()
        .is_some_and(|framework| framework.value == "rails");
    let mut component = Component::new(root, Language::Ruby, role, Evidence::new(file, 1));
    component.framework = framework;
    let mut claims: Vec<(String, Evidence)> = Vec::new();
    if let Some(version_file) = tree.nearest(root, ".ruby-version")
        && let Some(text) = tree.text(&version_file)
    {
        claims.push((
            text.trim().trim_start_matches("ruby-").to_owned(),
            Evidence::new(&version_file, 1),
        ));
    }
    if let Some((at, line)) = text
        .lines()
        .enumerate()
        .find(|(_, line)| line.starts_with("ruby "))
        && let Some(version) = line
            .split(['"', '\''])
            .nth(1)
            .filter(|version| version.starts_with(|c: char| c.is_ascii_digit()))
    {
        claims.push((version.to_owned(), Evidence::new(file, at + 1)));
    }
    claims.extend(survey.image_versions(root, &["ruby"]));
    claims.extend(survey.ci_versions(root, "ruby-version"));
    component.version = Fact::decide(claims);
    if component.version.is_none() {
        component.version = Some(Fact::assumed(defaults::RUBY.to_owned()));
        component.add_gap(
            "version",
            format!(
                "no file says which Ruby is meant; {} is used",
                defaults::RUBY
            ),
            format!("write it into {}", path::join(root, ".ruby-version")),
        );
    }
    component.package_manager = Some(Fact::new("bundler".to_owned(), Evidence::new(file, 1)));
    let lock = path::join(root, "Gemfile.lock");
    component.lock_file = tree.contains(&lock).then(|| Evidence::new(lock, 1));
    component.add_install(
        "bundle install",
        root,
        component
            .lock_file
            .clone()
            .unwrap_or_else(|| Evidence::new(file, 1)),
    );
    if component.lock_file.is_none() {
        component.add_gap(
            "lock-file",
            "there is no lock file, so every run may install something else",
            "commit what `bundle lock` writes",
        );
    }
    match gem("rubocop")
        .or_else(|| gem("rubocop-rails-omakase"))
        .or_else(|| gem("rubocop-rails"))
    {
        Some(evidence) => component.add_step(
            StepKind::Lint,
            "Lint with RuboCop",
            "bundle exec rubocop",
            evidence,
        ),
        None => component.add_gap("lint", "no linter is set up", "add rubocop to the Gemfile"),
    }
    if let Some(evidence) = gem("standard")
        && !component.has_step(StepKind::Lint)
    {
        component.gaps.retain(|gap| gap.kind != "lint");
        component.add_step(
            StepKind::Lint,
            "Lint with Standard",
            "bundle exec standardrb",
            evidence,
        );
    }
    let specs = tree.under(root).find(|file| file.ends_with("_spec.rb"));
    let tests = tree.under(root).find(|file| file.ends_with("_test.rb"));
    let test = match (specs, tests) {
        (Some(file), _) if gem("rspec").is_some() || gem("rspec-rails").is_some() => {
            Some((file, "bundle exec rspec"))
        }
        (_, Some(file)) if is_rails => Some((file, "bin/rails test")),
        (_, Some(file)) if tree.contains(&path::join(root, "Rakefile")) => {
            Some((file, "bundle exec rake test"))
        }
        _ => None,
    };
    if let Some((file, command)) = test {
        if is_rails {
            let driver = [("pg", "postgres"), ("mysql2", "mysql")]
                .iter()
                .find_map(|(name, server)| Some((*server, gem(name)?)));
            if let Some((server, evidence)) = driver {
                let image = survey.service_image(root, server).map_or_else(
                    || defaults::service_image(server).to_owned(),
                    |(image, _)| image,
                );
                component.add_service(server, &image, Need::Tests, evidence.clone());
                component.add_service(server, &image, Need::Migrations, evidence.clone());
                component.add_step(
                    StepKind::Migrations,
                    "Build an empty database",
                    "RAILS_ENV=test bin/rails db:create db:schema:load",
                    evidence,
                );
            }
        }
        component.add_step(StepKind::Test, "Test", command, Evidence::new(file, 1));
    } else {
        component.add_gap(
            "test",
            "there are no tests that a gem of the Gemfile runs",
            "add rspec or minitest and a first test",
        );
    }
    Some(component)
}
