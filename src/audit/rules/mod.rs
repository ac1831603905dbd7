//! The rules, a file each.

mod alembic_without_configuration;
mod base_image_unpinned;
mod check_cannot_fail;
mod cli_version_unpinned;
mod compose_health_missing;
mod copied_file_missing;
mod cors_wildcard_with_credentials;
mod database_not_awaited;
mod debian_package_gone;
mod deploy_exit_ignored;
mod deploy_without_environment;
mod deploy_without_health_check;
mod deployed_twice;
mod destructive_migration;
mod django_migration_conflict;
mod dockerignore_drops_copied;
mod editor_history_committed;
mod ephemeral_uploads;
mod forced_mirror_without_fetch;
mod health_check_program_missing;
mod health_route_missing;
mod image_runs_as_root;
mod job_without_timeout;
mod local_action_missing;
mod migration_error_ignored;
mod migration_file_missing;
mod migration_skipped;
mod migrations_cannot_build;
mod mirror_without_retry;
mod missing_dockerfile;
mod missing_make_target;
mod missing_script;
mod next_lint_removed;
mod no_backups;
mod no_ci;
mod no_dependency_updates;
mod no_deploy_pipeline;
mod no_drain_time;
mod no_error_tracking;
mod no_health_endpoint;
mod no_health_gate;
mod no_rollback;
mod no_security_scanning;
mod no_staging;
mod no_structured_logs;
mod no_tests;
mod npm_ci_without_lock;
mod partial_deploy_without_undo;
mod platform_path_missing;
mod port_mismatch;
mod procfile_module_missing;
mod railway_config_retired;
mod railway_unknown_key;
mod rival_platform_files;
mod runtime_drift;
mod script_file_missing;
mod secret_in_arguments;
mod secret_in_image;
mod secret_in_repository;
mod secret_in_script;
mod secret_on_fork_pull_request;
mod secret_read_in_the_open;
mod service_without_password;
mod service_without_ports;
mod signals_not_forwarded;
mod single_region;
mod sleep_after_deploy;
mod standalone_output_missing;
mod start_file_missing;
mod table_created_twice;
mod test_dependency_missing;
mod token_in_remote_url;
mod tool_not_installed;
mod two_way_mirror;
mod unchecked_url;
mod undocumented_variable;
mod unreadable_file;
mod unverified_download;
mod user_data_in_repository;
mod vercel_invalid_variable;
mod vercel_unknown_key;
mod working_directory_missing;

use super::Rule;

/// All rules, sorted by name.
pub const RULES: &[Rule] = &[
    alembic_without_configuration::RULE,
    base_image_unpinned::RULE,
    check_cannot_fail::RULE,
    cli_version_unpinned::RULE,
    compose_health_missing::RULE,
    copied_file_missing::RULE,
    cors_wildcard_with_credentials::RULE,
    database_not_awaited::RULE,
    debian_package_gone::RULE,
    deploy_exit_ignored::RULE,
    deploy_without_environment::RULE,
    deploy_without_health_check::RULE,
    deployed_twice::RULE,
    destructive_migration::RULE,
    django_migration_conflict::RULE,
    dockerignore_drops_copied::RULE,
    editor_history_committed::RULE,
    ephemeral_uploads::RULE,
    forced_mirror_without_fetch::RULE,
    health_check_program_missing::RULE,
    health_route_missing::RULE,
    image_runs_as_root::RULE,
    job_without_timeout::RULE,
    local_action_missing::RULE,
    migration_error_ignored::RULE,
    migration_file_missing::RULE,
    migration_skipped::RULE,
    migrations_cannot_build::RULE,
    mirror_without_retry::RULE,
    missing_dockerfile::RULE,
    missing_make_target::RULE,
    missing_script::RULE,
    next_lint_removed::RULE,
    no_backups::RULE,
    no_ci::RULE,
    no_dependency_updates::RULE,
    no_deploy_pipeline::RULE,
    no_drain_time::RULE,
    no_error_tracking::RULE,
    no_health_endpoint::RULE,
    no_health_gate::RULE,
    no_rollback::RULE,
    no_security_scanning::RULE,
    no_staging::RULE,
    no_structured_logs::RULE,
    no_tests::RULE,
    npm_ci_without_lock::RULE,
    partial_deploy_without_undo::RULE,
    platform_path_missing::RULE,
    port_mismatch::RULE,
    procfile_module_missing::RULE,
    railway_config_retired::RULE,
    railway_unknown_key::RULE,
    rival_platform_files::RULE,
    runtime_drift::RULE,
    script_file_missing::RULE,
    secret_in_arguments::RULE,
    secret_in_image::RULE,
    secret_in_repository::RULE,
    secret_in_script::RULE,
    secret_on_fork_pull_request::RULE,
    secret_read_in_the_open::RULE,
    service_without_password::RULE,
    service_without_ports::RULE,
    signals_not_forwarded::RULE,
    single_region::RULE,
    sleep_after_deploy::RULE,
    standalone_output_missing::RULE,
    start_file_missing::RULE,
    table_created_twice::RULE,
    test_dependency_missing::RULE,
    token_in_remote_url::RULE,
    tool_not_installed::RULE,
    two_way_mirror::RULE,
    unchecked_url::RULE,
    undocumented_variable::RULE,
    unreadable_file::RULE,
    unverified_download::RULE,
    user_data_in_repository::RULE,
    vercel_invalid_variable::RULE,
    vercel_unknown_key::RULE,
    working_directory_missing::RULE,
];

#[cfg(test)]
mod testing {
    use crate::audit::Rule;
    use crate::project::testing::tree;

    /// `path:line about` of all that a rule finds in a repository of these files.
    pub(super) fn found(rule: &Rule, files: &[(&str, &str)]) -> Vec<String> {
        let (_folder, tree) = tree(files);
        let project = crate::project::detect_in(&tree);
        let facts = crate::audit::Facts::new(&tree, &project);
        let mut all: Vec<String> = (rule.check)(&facts)
            .into_iter()
            .map(|one| format!("{}:{} {}", one.path, one.line, one.about))
            .collect();
        all.sort();
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_sorted_named_and_explained() {
        for pair in RULES.windows(2) {
            assert!(pair[0].id < pair[1].id, "{}", pair[1].id);
        }
        for rule in RULES {
            let is_kebab = rule
                .id
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'-');
            assert!(is_kebab && rule.id.len() < 40, "{}", rule.id);
            for text in [rule.title, rule.what, rule.why, rule.mend] {
                assert!(!text.is_empty() && !text.contains('\n'), "{}", rule.id);
            }
            assert!(
                rule.what.ends_with('.') && rule.why.ends_with('.'),
                "{}",
                rule.id
            );
        }
    }
}
