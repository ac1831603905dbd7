//! Workflow commands: how a text is written into the log without being one.

/// A text as the message of a workflow command.
pub fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// A text as a property of a workflow command.
pub fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// `::error::` with a place in a file.
pub fn error(file: &str, line: usize, message: &str) -> String {
    format!(
        "::error file={},line={line}::{}",
        property(file),
        data(message)
    )
}

/// A remark with a title: `level` is `error`, `warning` or `notice`. Without a file it is
/// about the whole run.
pub fn annotation(
    level: &str,
    file: Option<&str>,
    line: usize,
    title: &str,
    message: &str,
) -> String {
    let title = property(title);
    let message = data(message);
    match file {
        Some(file) => format!(
            "::{level} file={},line={line},title={title}::{message}",
            property(file)
        ),
        None => format!("::{level} title={title}::{message}"),
    }
}

/// A pair of commands between which the runner takes nothing for a command. The
/// word that ends it is new in each run, so no file of a repository can hold it.
pub fn verbatim() -> (String, String) {
    use std::hash::{BuildHasher as _, RandomState};
    // The standard library's one source of randomness from the system.
    let token = format!(
        "ci-tool-{:016x}{:016x}",
        RandomState::new().hash_one(0),
        RandomState::new().hash_one(1)
    );
    (
        format!("::stop-commands::{token}\n"),
        format!("::{token}::\n"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_that_ends_verbatim_text_is_new_each_time() {
        let (begin, end) = verbatim();
        let token = begin
            .trim_end()
            .strip_prefix("::stop-commands::")
            .expect("a command");
        assert_eq!(end, format!("::{token}::\n"));
        assert_ne!(begin, verbatim().0);
    }

    #[test]
    fn nothing_in_a_text_ends_the_command() {
        assert_eq!(
            error("a,b:c", 3, "50%\n::set-output name=x::y"),
            "::error file=a%2Cb%3Ac,line=3::50%25%0A::set-output name=x::y"
        );
    }
}
