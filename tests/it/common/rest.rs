//! A REST API on loopback that a test answers for; it keeps what was asked and said.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

/// What was asked.
#[derive(Debug)]
pub struct Question<'q> {
    pub method: &'q str,
    pub target: &'q str,
    /// The header `authorization`.
    pub token: &'q str,
    pub body: &'q [u8],
}

impl Question<'_> {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(self.body).expect("JSON")
    }
}

/// The status, more headers, and the body.
pub type Answer = (u16, Vec<(&'static str, String)>, Value);

/// A no in GitHub's form.
pub fn refuse(status: u16, message: &str) -> Answer {
    let body = json!({"message": message, "documentation_url": "https://docs.github.com/rest", "status": status.to_string()});
    (status, Vec::new(), body)
}

/// GitHub's published description, for its examples.
pub struct Description(Value);

impl Description {
    pub fn read() -> Self {
        let file = super::peers().join("github-api.json");
        let text = std::fs::read_to_string(file).expect("read");
        Self(serde_json::from_str(&text).expect("JSON"))
    }

    /// One of its examples.
    pub fn example(&self, name: &str) -> Value {
        let value = &self.0["components"]["examples"][name]["value"];
        assert!(!value.is_null(), "GitHub publishes no example {name}");
        value.clone()
    }
}

/// A state that answers.
pub trait Answers: Send + 'static {
    fn answer(&mut self, question: &Question<'_>) -> Answer;
}

/// The running server.
pub struct Rest<S> {
    pub url: String,
    pub state: Arc<Mutex<S>>,
    exchanges: Arc<Mutex<Vec<Value>>>,
}

impl<S: Answers> Rest<S> {
    pub fn start(state: S) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let state = Arc::new(Mutex::new(state));
        let exchanges: Arc<Mutex<Vec<Value>>> = Arc::default();
        let (shared, told) = (Arc::clone(&state), Arc::clone(&exchanges));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.expect("accepted");
                let mut reader = BufReader::new(stream.try_clone().expect("cloned"));
                let (mut first, mut length, mut line) = (String::new(), 0, String::new());
                reader.read_line(&mut first).expect("read");
                let mut token = String::new();
                while reader.read_line(&mut line).unwrap_or(0) > 2 {
                    let (name, value) = line.split_once(':').unwrap_or_default();
                    match name.to_ascii_lowercase().as_str() {
                        "content-length" => length = value.trim().parse().expect("a number"),
                        "authorization" => token = value.trim().to_owned(),
                        _ => {}
                    }
                    line.clear();
                }
                let mut body = vec![0; length];
                reader.read_exact(&mut body).expect("read");
                let mut words = first.split(' ');
                let question = Question {
                    method: words.next().unwrap_or_default(),
                    target: words.next().unwrap_or_default(),
                    token: &token,
                    body: &body,
                };
                let (status, headers, answer) = shared
                    .lock()
                    .expect("no test panics in it")
                    .answer(&question);
                let mut exchange = json!({"method": question.method, "target": question.target, "status": status, "body": answer.to_string()});
                if question.method != "GET" {
                    exchange["sent"] = String::from_utf8_lossy(&body).into();
                }
                told.lock().expect("locked").push(exchange);
                let text = answer.to_string();
                let mut head = format!(
                    "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n",
                    text.len()
                );
                for (name, value) in headers {
                    head += &format!("{name}: {value}\r\n");
                }
                let _ = stream.write_all(format!("{head}\r\n{text}").as_bytes());
            }
        });
        Self {
            url,
            state,
            exchanges,
        }
    }

    pub fn lock(&self) -> std::sync::MutexGuard<'_, S> {
        self.state.lock().expect("no test panics in it")
    }

    /// Everything that was asked and said.
    pub fn exchanges(&self) -> Vec<Value> {
        self.exchanges.lock().expect("locked").clone()
    }

    /// How many questions there were.
    pub fn asked(&self) -> usize {
        self.exchanges.lock().expect("locked").len()
    }

    /// Every exchange is one that GitHub's description has.
    pub fn follows_the_description(&self) {
        let exchanges = self.exchanges.lock().expect("locked");
        assert!(!exchanges.is_empty());
        let lines: String = exchanges.iter().map(|one| format!("{one}\n")).collect();
        super::follow_githubs_description(&lines);
    }
}
