//! In what the APIs of forges differ that are asked in the same way.

/// What an API wants of every request, and what its people call things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    GitHub,
    GitLab,
}

impl Dialect {
    /// The header `Accept`.
    pub(super) const fn accept(self) -> &'static str {
        match self {
            Self::GitHub => "application/vnd.github+json",
            Self::GitLab => "application/json",
        }
    }

    /// Where its address comes from.
    pub(super) const fn address(self) -> &'static str {
        match self {
            Self::GitHub => "GITHUB_API_URL",
            Self::GitLab => "CI_API_V4_URL",
        }
    }
}
