//! A template to start from.

use std::path::Path;

use anyhow::Result;

use crate::commands::generate::cannot_write;
use crate::context::Context;
use crate::error::Failure;
use crate::sys::fs;

/// Writes a template that works, with remarks on how to go on.
///
/// # Errors
/// Where the name is none, or there is a template of this name.
pub fn write(name: &str, dir: &Path, context: &Context) -> Result<()> {
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !name.chars().all(is_name) || !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        return Err(Failure::usage(format!("`{name}` is no name of a template"))
            .hint("use small letters, digits and `-`")
            .into());
    }
    let folder = dir.join(name);
    if folder.symlink_metadata().is_ok() {
        return Err(
            Failure::usage(format!("{} is there already", folder.display()))
                .hint("choose another name, or delete it first")
                .into(),
        );
    }
    for (file, text) in [
        ("template.toml", manifest(name)),
        ("template.yml", BODY.to_owned()),
    ] {
        let path = format!("{name}/{file}");
        fs::write_atomically(dir, &path, &text).map_err(|error| cannot_write(&error))?;
    }
    let shown = dir.display();
    context.ui.remark(&format!(
        "{shown}/{name} is written. Try it with `ci-tool template lint {shown}`, \
         then `ci-tool generate --templates {shown} --only {name} --dry-run`"
    ));
    Ok(())
}

fn manifest(name: &str) -> String {
    let mut title = name.replace('-', " ");
    if let Some(first) = title.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    format!(
        "\
# What this template is; docs/templates.md of ci-tool explains every key.
title = \"{title}\"
# Raise it when the output changes: `ci-tool generate --check` then says why.
version = 1
file = \"{name}.yml\"
summary = \"Says in a sentence what the workflow does.\"
# An expression over what `ci-tool template schema` describes.
when = \"backends\"
otherwise = \"no backend was found\"
# A workflow that does one of these already makes this one superfluous: [\"deploy\"].
covered-by = []
"
    )
}

const BODY: &str = "\
#%# A value is written <%= so %>, control flow stands in lines that start with #%.
name: <%= title %>

on:
  push:
    branches:
      - <%= default_branch %>
  workflow_dispatch:

permissions: {}

concurrency:
  group: ${{ github.workflow }}
  cancel-in-progress: false

jobs:
#% for job in backends
  <%= job.id | ident %>:
    name: <%= job.title %>
    runs-on: <%= runner %>
    timeout-minutes: <%= timeout_minutes %>
    permissions:
      contents: read # to check out
    steps:
      - name: Check out
        uses: <%= pin(\"actions/checkout\") %>
        with:
          persist-credentials: false

      - name: Say where it lies
        working-directory: <%= job.directory %>
        run: pwd

#% endfor
";
