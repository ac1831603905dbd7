//! What is used where the project says nothing. Each use leaves a gap that
//! says so. Current on 2026-11; raise them with the `CHANGELOG`.

/// Python with the most months of support left that wheels are built for.
pub const PYTHON: &str = "3.13";
/// Node.js in long-term support.
pub const NODE: &str = "24";
/// The Go release before the newest: still supported.
pub const GO: &str = "1.25";
/// Java in long-term support.
pub const JAVA: &str = "21";
/// Ruby.
pub const RUBY: &str = "3.4";
/// PHP.
pub const PHP: &str = "8.4";
/// .NET in long-term support.
pub const DOTNET: &str = "10.0";
/// The image of each service that tests may need, by the service's name.
pub const SERVICE_IMAGES: [(&str, &str); 5] = [
    ("mongodb", "mongo:8"),
    ("mysql", "mysql:8.4"),
    ("postgres", "postgres:17"),
    ("rabbitmq", "rabbitmq:4"),
    ("redis", "redis:8"),
];

/// The image for a service that the project names no version of.
pub fn service_image(name: &str) -> &'static str {
    SERVICE_IMAGES
        .iter()
        .find(|(known, _)| *known == name)
        .map_or("", |(_, image)| image)
}
