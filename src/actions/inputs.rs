//! The container action's inputs: variables that the runner names after them.

use crate::sys::env::Env;

/// An input's value; an empty one counts as not given.
pub fn input<'e>(env: &'e Env, name: &str) -> Option<&'e str> {
    env.get(&variable(name))
        .map(str::trim)
        .filter(|value| !value.is_empty())
}

/// The variable of an input: upper case, spaces as underscores, the rest as it is.
fn variable(name: &str) -> String {
    format!("INPUT_{}", name.replace(' ', "_").to_uppercase())
}

/// A yes-or-no input, in the words of YAML.
///
/// # Errors
/// For any other word; the error names the input.
pub fn flag(env: &Env, name: &str) -> Result<bool, String> {
    match input(env, name) {
        None | Some("false" | "False" | "FALSE") => Ok(false),
        Some("true" | "True" | "TRUE") => Ok(true),
        Some(other) => Err(format!(
            "the input `{name}` is `{other}`: write true or false"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_inputs_are_not_given() {
        let env = Env::from_pairs([
            ("INPUT_DRY-RUN", "true"),
            ("INPUT_PATH", " "),
            ("INPUT_CHECK", "yes"),
        ]);
        assert_eq!(flag(&env, "dry-run"), Ok(true));
        assert_eq!(input(&env, "path"), None);
        assert_eq!(flag(&env, "force"), Ok(false));
        assert!(flag(&env, "check").is_err_and(|message| message.contains("`check`")));
    }
}
