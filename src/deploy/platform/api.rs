//! What the APIs of platforms have in common: JSON, one token, and answers that say whether
//! asking again makes sense.

use std::time::Duration;

use secrecy::SecretString;
use serde_json::Value;

use super::{Kind, Trouble};
use crate::forge::web::{Request, Response, Web, WebError, outside};

/// An API with the token for it.
#[derive(Debug)]
pub struct Api {
    web: Web,
    /// Where it is, without a slash at its end.
    base: String,
    header: (&'static str, &'static str),
    token: SecretString,
    name: &'static str,
}

impl Api {
    /// The API of `name` at `base`; its token goes into the header `header.0`, behind
    /// `header.1`.
    ///
    /// # Errors
    /// Where the system refuses what the network needs.
    pub fn new(
        name: &'static str,
        base: &str,
        header: (&'static str, &'static str),
        token: SecretString,
    ) -> Result<Self, WebError> {
        Ok(Self {
            web: Web::new()?,
            base: base.trim_end_matches('/').to_owned(),
            header,
            token,
            name,
        })
    }

    /// Sends JSON, or nothing, and reads JSON.
    ///
    /// # Errors
    /// Where the answer is a no, or there is none.
    pub fn json(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, Trouble> {
        let body = body.map(|body| body.to_string().into_bytes());
        self.send(
            method,
            path,
            "application/json",
            body,
            Duration::from_secs(30),
        )
    }

    /// Sends bytes and reads JSON.
    ///
    /// # Errors
    /// As [`Api::json`].
    pub fn send(
        &self,
        method: &str,
        path: &str,
        content_type: &str,
        body: Option<Vec<u8>>,
        time_limit: Duration,
    ) -> Result<Value, Trouble> {
        let headers = [("content-type", content_type)];
        let headers = if body.is_some() { &headers[..] } else { &[] };
        self.read(&self.exchange(method, path, headers, body, time_limit)?)
    }

    /// Sends bytes with these headers; the answer, whatever it is.
    ///
    /// # Errors
    /// Where there is none.
    pub fn exchange(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Vec<u8>>,
        time_limit: Duration,
    ) -> Result<Response, Trouble> {
        let url = format!("{}{path}", self.base);
        let secret = (self.header.0, self.header.1, &self.token);
        let mut request = Request::new(method, &url);
        request.secret = Some(secret);
        request.headers.push(("accept", "application/json"));
        request.headers.extend(headers);
        request.body = body;
        request.time_limit = time_limit;
        self.web.send(&request).map_err(|error| {
            let message = format!(
                "{}: {}",
                self.name,
                outside(&error.to_string(), Some(secret))
            );
            match error {
                WebError::Unusable { .. } => Trouble::lasting(message),
                WebError::NotSent { .. } | WebError::NoAnswer { .. } => Trouble::passing(message),
            }
        })
    }

    /// The JSON of an answer that is a yes.
    ///
    /// # Errors
    /// Where it is a no.
    pub fn read(&self, answer: &Response) -> Result<Value, Trouble> {
        if !(200..300).contains(&answer.status) {
            return Err(self.refusal(answer));
        }
        if answer.body.iter().all(u8::is_ascii_whitespace) {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&answer.body).map_err(|error| {
            Trouble::passing(format!("{}: the answer is no JSON: {error}", self.name))
        })
    }

    /// What an answer means that is a no.
    fn refusal(&self, answer: &Response) -> Trouble {
        let body: Option<Value> = serde_json::from_slice(&answer.body).ok();
        let said = body.as_ref().and_then(message).unwrap_or("no reason given");
        let said = self.outside(said);
        let message = format!("{} answers {}: {said}", self.name, answer.status);
        let kind = match answer.status {
            401 | 403 => Kind::Refused,
            408 | 425 | 429 | 500.. => Kind::Passing,
            _ => Kind::Lasting,
        };
        let seconds = answer
            .header("retry-after")
            .and_then(|text| text.trim().parse().ok());
        Trouble {
            kind,
            message,
            wait: seconds.map(Duration::from_secs),
        }
    }

    /// A text of the API, fit for printing, cut, and without our token.
    pub fn outside(&self, text: &str) -> String {
        let text: String = text.chars().take(300).collect();
        outside(&text, Some((self.header.0, self.header.1, &self.token)))
    }
}

/// Where APIs say why: Vercel, Railway's upload, GraphQL.
fn message(body: &Value) -> Option<&str> {
    ["/error/message", "/message", "/errors/0/message"]
        .iter()
        .find_map(|at| body.pointer(at)?.as_str())
}
