//! What GitHub's code scanning takes.

/// Limits of one upload. More than a limit refuses the upload, unless said
/// otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a file after gzip.
    pub gzip_bytes: usize,
    /// Runs in a file.
    pub runs: usize,
    /// Results in a run.
    pub results: usize,
    /// Results of a run that are shown; GitHub leaves out the others.
    pub shown_results: usize,
    /// Rules in a run.
    pub rules: usize,
    /// Extensions of a run's tool.
    pub extensions: usize,
    /// Steps of a result's code flow.
    pub flow_locations: usize,
    /// Places of a result.
    pub locations: usize,
    /// Places of a result that are shown.
    pub shown_locations: usize,
    /// Tags of a rule.
    pub tags: usize,
    /// Tags of a rule that are shown.
    pub shown_tags: usize,
    /// Characters of a rule's name.
    pub name: usize,
    /// Characters of a rule's descriptions.
    pub description: usize,
}

impl Limits {
    /// As GitHub documents them.
    pub const GITHUB: Self = Self {
        gzip_bytes: 10_000_000,
        runs: 20,
        results: 25_000,
        shown_results: 5_000,
        rules: 25_000,
        extensions: 100,
        flow_locations: 10_000,
        locations: 1_000,
        shown_locations: 100,
        tags: 20,
        shown_tags: 10,
        name: 255,
        description: 1024,
    };
}
