//! What is named as a secret, and what is worth being one.

/// The last words of the name of a variable that holds a secret.
const ENDS: [&str; 10] = [
    "SECRET",
    "SECRET_KEY",
    "TOKEN",
    "PASSWORD",
    "PASSWD",
    "API_KEY",
    "PRIVATE_KEY",
    "SECRET_ACCESS_KEY",
    "ENCRYPTION_KEY",
    "SIGNING_KEY",
];

/// Whether a variable is named as a secret: by its last words, and by none that says that
/// everybody may read it.
pub(super) fn is_name(name: &str) -> bool {
    if !name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    {
        return false;
    }
    let name = name.to_ascii_uppercase();
    let words = [
        "PUBLIC",
        "PUBLISHABLE",
        "ANON_",
        "VITE_",
        "REACT_APP_",
        "VUE_APP_",
        "GATSBY_",
        // Keys that pages hold: they name a project, and rules on the server protect it.
        "FIREBASE_API_KEY",
        "MAPS_API_KEY",
        "SEARCH_API_KEY",
    ];
    let is_public = words.iter().any(|word| name.contains(word));
    let ends = |end: &str| {
        name.strip_suffix(end)
            .is_some_and(|before| before.is_empty() || before.ends_with('_'))
    };
    !is_public && ENDS.iter().any(|end| ends(end))
}

/// How values begin that everybody may read: keys for pages of Stripe, Clerk, Mapbox and
/// PostHog, and the published keys of the emulators of Azure's storage and Cosmos DB.
const PUBLIC: [&str; 5] = [
    "pk_",
    "pk.",
    "phc_",
    "Eby8vdM02xNOcqFlqUwJPLlm",
    "C2y6yDjf5/R",
];

/// Whether a value looks like a key that a machine made, and like nothing that a person
/// wrote to hold the place of one.
pub(super) fn is_random(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    let words = [
        "example",
        "change",
        "your",
        "placeholder",
        "secret",
        "password",
        "dummy",
        "test",
        "fake",
        "xxx",
        "todo",
        "local",
        "dev",
        "sample",
        "replace",
        "insert",
        "generate",
        "super",
        "default",
        "abc",
        "123456",
        "key-here",
        "token-here",
        "insecure",
    ];
    let is_part =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=' | '-' | '_' | '.');
    let count = |is: fn(&char) -> bool| value.chars().filter(is).count();
    let distinct: std::collections::BTreeSet<char> = value.chars().collect();
    value.len() >= 20
        && value.chars().all(is_part)
        && count(char::is_ascii_digit) >= 3
        && count(char::is_ascii_alphabetic) >= 3
        && distinct.len() >= 10
        && !words.iter().any(|word| lower.contains(word))
        && !value.contains("//")
        && !PUBLIC.iter().any(|begin| value.starts_with(begin))
        && !is_date_or_version(value)
}

fn is_date_or_version(value: &str) -> bool {
    value
        .split(['.', '-'])
        .all(|part| part.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values() {
        for name in [
            "NEXTAUTH_SECRET",
            "api_key",
            "TOKEN",
            "AWS_SECRET_ACCESS_KEY",
        ] {
            assert!(is_name(name), "{name}");
        }
        for name in [
            "CLERK_PUBLISHABLE_KEY",
            "VITE_API_KEY",
            "KEY",
            "MONKEY",
            "TOKENIZER",
            "MYTOKEN",
            "http://localhost/?access_token",
            "FIREBASE_API_KEY",
            "GATSBY_ALGOLIA_API_KEY",
        ] {
            assert!(!is_name(name), "{name}");
        }
        for value in ["k3Jd82hHs92kdLs0aPq7zX", "sk_live_9f8a7b6c5d4e3f2a1b0c"] {
            assert!(is_random(value), "{value}");
        }
        for value in [
            "your-secret-key-here-12345",
            "postgres",
            "pk_live_9f8a7b6c5d4e3f2a1b0c",
            "phc_k3Jd82hHs92kdLs0aPq7zX",
            "https://a.example/abc123def456ghi",
            "aaaaaaaaaaaaaaaaaaaaaa111",
            "$(openssl rand -hex 32)",
            "changeme-9f8a7b6c5d4e3f2a1b0c",
            "2024-01-01.2024-01-02.2024",
        ] {
            assert!(!is_random(value), "{value}");
        }
    }
}
