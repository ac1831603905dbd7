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
    /// Its address up to the host's name, and behind the port.
    pub address: (&'static str, &'static str),
    /// The variable that names its host by convention.
    pub host_variable: Option<&'static str>,
    /// The other variables that name it by convention, with their values.
    pub variables: &'static [(&'static str, &'static str)],
}

/// From where a job reaches the servers beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// The job runs on the machine itself, which the ports are published on.
    Machine,
    /// The job runs in a container, which knows each server by its name.
    Container,
}

impl ServiceRecipe {
    /// The host under which a job finds it.
    pub fn host(&self, reach: Reach) -> &'static str {
        match reach {
            // MySQL's clients take `localhost` for a socket.
            Reach::Machine if self.name == "mysql" => "127.0.0.1",
            Reach::Machine => "localhost",
            Reach::Container => self.name,
        }
    }

    /// The address at which a job reaches it.
    pub fn url(&self, reach: Reach) -> String {
        let (before, after) = self.address;
        format!("{before}{}:{}{after}", self.host(reach), self.port)
    }
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
        address: ("postgresql://postgres:postgres@", "/test"),
        host_variable: Some("PGHOST"),
        // The names that libpq reads: a connection without an address finds it too.
        variables: &[
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
        address: ("mysql://root:mysql@", "/test"),
        host_variable: None,
        variables: &[],
    },
    ServiceRecipe {
        name: "redis",
        port: 6379,
        env: &[],
        health_command: "redis-cli ping",
        address: ("redis://", "/0"),
        host_variable: None,
        variables: &[],
    },
    ServiceRecipe {
        name: "mongodb",
        port: 27017,
        env: &[],
        health_command: "mongosh --quiet --eval 'db.runCommand({ping: 1})'",
        address: ("mongodb://", "/test"),
        host_variable: None,
        variables: &[],
    },
    ServiceRecipe {
        name: "rabbitmq",
        port: 5672,
        env: &[],
        health_command: "rabbitmq-diagnostics --quiet ping",
        address: ("amqp://guest:guest@", "/"),
        host_variable: None,
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
pub fn value_for(variable: &str, services: &[&ServiceRecipe], reach: Reach) -> String {
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
            return server.url(reach);
        } else if upper.ends_with("HOST") || upper.ends_with("SERVER") {
            return match reach {
                Reach::Machine => "127.0.0.1".to_owned(),
                Reach::Container => server.host(reach).to_owned(),
            };
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
        let value = |name| value_for(name, &services, Reach::Machine);
        assert_eq!(
            value("DATABASE_URL"),
            "postgresql://postgres:postgres@localhost:5432/test"
        );
        assert!(value("CELERY_BROKER_URL").starts_with("redis://"));
        assert_eq!(value("POSTGRES_PASSWORD"), "postgres");
        assert_eq!(value("DB_HOST"), "127.0.0.1");
        assert_eq!(value("DB_PORT"), "5432");
        assert_eq!(value("POSTGRES_DB"), "test");
        assert!(value("NEXTAUTH_SECRET").len() >= 32);
        let without = |name| value_for(name, &[], Reach::Machine);
        assert_eq!(without("DATABASE_URL"), "sqlite:///test.db");
        assert_eq!(without("API_URL"), "http://localhost");
    }

    #[test]
    fn a_job_in_a_container_knows_a_server_by_its_name() {
        let postgres = recipe("postgres").expect("known");
        let value = |name| value_for(name, &[postgres], Reach::Container);
        assert_eq!(
            value("DATABASE_URL"),
            "postgresql://postgres:postgres@postgres:5432/test"
        );
        assert_eq!(value("POSTGRES_HOST"), "postgres");
        let mysql = recipe("mysql").expect("known");
        assert_eq!(
            mysql.url(Reach::Machine),
            "mysql://root:mysql@127.0.0.1:3306/test"
        );
        assert_eq!(
            mysql.url(Reach::Container),
            "mysql://root:mysql@mysql:3306/test"
        );
    }

    #[test]
    fn every_service_with_a_default_image_has_a_recipe() {
        for (name, _) in crate::project::defaults::SERVICE_IMAGES {
            assert!(recipe(name).is_some(), "{name}");
        }
    }
}
