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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_ends_the_command() {
        assert_eq!(
            error("a,b:c", 3, "50%\n::set-output name=x::y"),
            "::error file=a%2Cb%3Ac,line=3::50%25%0A::set-output name=x::y"
        );
    }
}
