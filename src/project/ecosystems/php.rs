//! PHP components: a composer.json with code beside it.

use super::minor_version;
use crate::project::Survey;
use crate::project::defaults;
use crate::project::model::{Component, Evidence, Fact, Language, Role, StepKind};
use crate::project::path;

pub(super) fn detect(survey: &Survey<'_>) -> Vec<Component> {
    survey
        .tree
        .named("composer.json")
        .filter(|file| !path::is_sample(file))
        .filter_map(|file| describe(survey, file))
        .collect()
}

fn describe(survey: &Survey<'_>, file: &str) -> Option<Component> {
    let tree = survey.tree;
    let root = path::parent(file);
    let node = tree.json(file)?;
    let sources: Vec<&str> = tree
        .under(root)
        .filter(|file| file.ends_with(".php"))
        .collect();
    if sources.is_empty() {
        return None;
    }
    let package = |name: &str| {
        ["require", "require-dev"]
            .iter()
            .find_map(|section| node.entry_at(&[section, name]))
            .map(|entry| Evidence::new(file, entry.line))
    };
    let framework = [
        ("laravel/framework", "laravel"),
        ("symfony/framework-bundle", "symfony"),
        ("slim/slim", "slim"),
        ("cakephp/cakephp", "cakephp"),
        ("codeigniter4/framework", "codeigniter"),
    ]
    .iter()
    .find_map(|(name, id)| Some(Fact::new((*id).to_owned(), package(name)?)));
    let role = if framework.is_some() {
        Role::Backend
    } else {
        Role::Library
    };
    let mut component = Component::new(root, Language::Php, role, Evidence::new(file, 1));
    if root == "." {
        component.name = node
            .get("name")
            .and_then(|name| name.str())
            .map_or(".", path::name)
            .to_owned();
    }
    component.framework = framework;
    let mut claims: Vec<(String, Evidence)> = survey.image_versions(root, &["php"]);
    if let Some(entry) = node.entry_at(&["config", "platform", "php"])
        && let Some(version) = entry.node.str()
    {
        claims.push((minor_version(version), Evidence::new(file, entry.line)));
    }
    let ci = survey.ci_versions(root, "php-version");
    let mut distinct: Vec<String> = Vec::new();
    for (version, _) in &ci {
        if !distinct.contains(version) {
            distinct.push(version.clone());
        }
    }
    if distinct.len() > 1
        && let Some((_, evidence)) = ci.first()
    {
        component.supported_versions = Some(Fact::new(distinct, evidence.clone()));
    } else {
        claims.extend(ci);
    }
    if claims.is_empty()
        && let Some(entry) = node.entry_at(&["require", "php"])
        && let Some(range) = entry.node.str()
    {
        let lowest = range.trim_start_matches(|c: char| !c.is_ascii_digit());
        claims.push((minor_version(lowest), Evidence::new(file, entry.line)));
    }
    component.version =
        Fact::decide(claims).or_else(|| Some(Fact::assumed(defaults::PHP.to_owned())));
    component.package_manager = Some(Fact::new("composer".to_owned(), Evidence::new(file, 1)));
    let lock = path::join(root, "composer.lock");
    component.lock_file = tree.contains(&lock).then(|| Evidence::new(lock, 1));
    component.add_install(
        "composer install --no-interaction --no-progress",
        root,
        component
            .lock_file
            .clone()
            .unwrap_or_else(|| Evidence::new(file, 1)),
    );
    if component.lock_file.is_none() && role == Role::Backend {
        component.add_gap(
            "lock-file",
            "there is no lock file, so every run may install something else",
            "commit what `composer update` writes",
        );
    }
    if component
        .framework
        .as_ref()
        .is_some_and(|framework| framework.value == "laravel")
    {
        let example = path::join(root, ".env.example");
        if tree.contains(&example) {
            component.add_install(
                "cp .env.example .env && php artisan key:generate",
                root,
                Evidence::new(example, 1),
            );
        }
    }
    if let (Some(evidence), true) = (
        package("laravel/pint"),
        tree.contains(&path::join(root, "pint.json")),
    ) {
        component.add_step(
            StepKind::Lint,
            "Check the style with Pint",
            "vendor/bin/pint --test",
            evidence,
        );
    } else if let (Some(evidence), Some(_)) = (
        package("squizlabs/php_codesniffer"),
        tree.first_in(root, &["phpcs.xml", "phpcs.xml.dist", ".phpcs.xml"]),
    ) {
        component.add_step(
            StepKind::Lint,
            "Lint with PHP_CodeSniffer",
            "vendor/bin/phpcs",
            evidence,
        );
    }
    if let (Some(evidence), Some(_)) = (
        package("phpstan/phpstan").or_else(|| package("larastan/larastan")),
        tree.first_in(
            root,
            &["phpstan.neon", "phpstan.neon.dist", "phpstan.dist.neon"],
        ),
    ) {
        component.add_step(
            StepKind::TypeCheck,
            "Check types with PHPStan",
            "vendor/bin/phpstan analyse --no-progress",
            evidence,
        );
    }
    let test = sources.iter().find(|file| {
        file.ends_with("Test.php") || path::relative(root, file).starts_with("tests/")
    });
    let runner = if package("pestphp/pest").is_some() {
        Some("vendor/bin/pest")
    } else if package("phpunit/phpunit").is_some() {
        Some("vendor/bin/phpunit")
    } else {
        None
    };
    match (test, runner) {
        (Some(test), Some(runner)) => {
            component.add_step(StepKind::Test, "Test", runner, Evidence::new(*test, 1))
        }
        _ => component.add_gap(
            "test",
            "there are no tests that an installed package runs",
            "add phpunit/phpunit and a first test",
        ),
    }
    Some(component)
}
