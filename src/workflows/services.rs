//! How each server runs beside a job, and how a component reaches it there.
//! The passwords are no secrets: the servers live as long as the job and listen
//! on the runner alone.

/// A server as a job's service container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServiceRecipe {
    /// The name that `detect` gives it.
    pub name: &'static str,
    /// The port that it listens on.
    pub port: u16,
    /// The container's environment.
    pub env: &'static [(&'static str, &'static str)],
    /// The command that succeeds once it takes connections.
    pub health_command: &'static str,
    /// Where the job reaches it.
    pub url: &'static str,
    /// The variables that name it by convention, with their values.
    pub variables: &'static [(&'static str, &'static str)],
}

/// Every server that a job can have.
pub const RECIPES: [ServiceRecipe; 5] = [
    ServiceRecipe {
        name: "postgres",
        port: 5432,
        env: &[
            ("POSTGRES_USER", "postgres"),
            ("POSTGRES_PASSWORD", "postgres"),
            ("POSTGRES_DB", "test"),
        ],
        health_command: "pg_isready --username postgres",
        url: "postgresql://postgres:postgres@localhost:5432/test",
        // The names that libpq reads: a connection without an address finds it too.
        variables: &[
            ("PGHOST", "localhost"),
            ("PGPORT", "5432"),
            ("PGUSER", "postgres"),
            ("PGPASSWORD", "postgres"),
            ("PGDATABASE", "test"),
        ],
    },
    ServiceRecipe {
        name: "mysql",
        port: 3306,
        env: &[("MYSQL_ROOT_PASSWORD", "mysql"), ("MYSQL_DATABASE", "test")],
        health_command: "mysqladmin ping --password=mysql",
        url: "mysql://root:mysql@127.0.0.1:3306/test",
        variables: &[],
    },
    ServiceRecipe {
        name: "redis",
        port: 6379,
        env: &[],
        health_command: "redis-cli ping",
        url: "redis://localhost:6379/0",
        variables: &[],
    },
    ServiceRecipe {
        name: "mongodb",
        port: 27017,
        env: &[],
        health_command: "mongosh --quiet --eval 'db.runCommand({ping: 1})'",
        url: "mongodb://localhost:27017/test",
        variables: &[],
    },
    ServiceRecipe {
        name: "rabbitmq",
        port: 5672,
        env: &[],
        health_command: "rabbitmq-diagnostics --quiet ping",
        url: "amqp://guest:guest@localhost:5672/",
        variables: &[],
    },
];

/// The recipe for a server, where there is one.
pub fn recipe(name: &str) -> Option<&'static ServiceRecipe> {
    RECIPES.iter().find(|recipe| recipe.name == name)
}

/// A value that lets a component import: the address of a server for a
/// variable that names one, else an obvious placeholder that is long enough
/// for the checks that libraries make on keys.
pub fn value_for(variable: &str, services: &[&ServiceRecipe]) -> String {
    let has = |name: &str| services.iter().find(|recipe| recipe.name == name);
    let database = services
        .iter()
        .find(|recipe| matches!(recipe.name, "postgres" | "mysql" | "mongodb"));
    let upper = variable.to_ascii_uppercase();
    let names = |parts: &[&str]| parts.iter().any(|part| upper.contains(part));
    let is_address = upper.ends_with("URL")
        || upper.ends_with("URI")
        || upper.ends_with("DSN")
        || upper.ends_with("_CONNECTION");
    let server = if names(&["REDIS", "CACHE"]) {
        has("redis")
    } else if names(&["CELERY", "BROKER", "RABBIT", "AMQP"]) {
        has("rabbitmq").or_else(|| has("redis"))
    } else if names(&["MONGO"]) {
        has("mongodb")
    } else if names(&["DATABASE", "DB", "POSTGRES", "PG", "MYSQL", "SQL"]) {
        database
    } else {
        None
    };
    if let Some(server) = server {
        let env = |name: &str| {
            server
                .env
                .iter()
                .find(|(known, _)| known.ends_with(name))
                .map(|(_, value)| (*value).to_owned())
        };
        if is_address {
            return server.url.to_owned();
        } else if upper.ends_with("HOST") || upper.ends_with("SERVER") {
            return "127.0.0.1".to_owned();
        } else if upper.ends_with("PORT") {
            return server.port.to_string();
        } else if upper.ends_with("USER") || upper.ends_with("USERNAME") {
            return env("USER").unwrap_or_else(|| "root".to_owned());
        } else if upper.ends_with("PASSWORD") || upper.ends_with("PASS") {
            return env("PASSWORD").unwrap_or_default();
        } else if upper.ends_with("NAME") || upper.ends_with("DB") || upper.ends_with("DATABASE") {
            return env("DB")
                .or_else(|| env("DATABASE"))
                .unwrap_or_else(|| "test".to_owned());
        }
    }
    if is_address && names(&["DATABASE", "DB", "SQL"]) {
        // No server is needed, so what imports must be content with a file.
        "sqlite:///test.db".to_owned()
    } else if is_address || upper.ends_with("ORIGIN") || upper.ends_with("ENDPOINT") {
        "http://localhost".to_owned()
    } else if upper.ends_with("PORT") {
        "8000".to_owned()
    } else if upper.ends_with("HOST") {
        "localhost".to_owned()
    } else if upper.ends_with("EMAIL") {
        "ci@example.com".to_owned()
    } else {
        "ci-placeholder-that-is-not-a-secret".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_get_the_address_of_their_server() {
        let services: Vec<&ServiceRecipe> = ["postgres", "redis"]
            .iter()
            .filter_map(|name| recipe(name))
            .collect();
        assert!(value_for("DATABASE_URL", &services).starts_with("postgresql://"));
        assert!(value_for("CELERY_BROKER_URL", &services).starts_with("redis://"));
        assert_eq!(value_for("POSTGRES_PASSWORD", &services), "postgres");
        assert_eq!(value_for("DB_PORT", &services), "5432");
        assert_eq!(value_for("POSTGRES_DB", &services), "test");
        assert_eq!(value_for("DATABASE_URL", &[]), "sqlite:///test.db");
        assert_eq!(value_for("API_URL", &[]), "http://localhost");
        assert!(value_for("NEXTAUTH_SECRET", &services).len() >= 32);
    }

    #[test]
    fn every_service_with_a_default_image_has_a_recipe() {
        for (name, _) in crate::project::defaults::SERVICE_IMAGES {
            assert!(recipe(name).is_some(), "{name}");
        }
    }
}
