//! SARIF: a reader that takes what real tools write, and a writer of what GitHub
//! takes.

mod document;
mod flows;
mod json;
mod layout;
mod limits;
mod lines;
mod messages;
mod out;
mod own;
mod paths;
mod read;
mod redact;
mod repairs;
mod rules;
mod run;
mod split;
mod tools;
mod validate;
mod write;

pub use layout::{Settings, Written, write};
pub use limits::Limits;
pub use lines::{add_line_hashes, hash as line_hashes};
pub use read::{Options, Reading, Source, read};
pub use redact::{REDACTED, redact};
pub use repairs::{Repair, Repairs};
pub use validate::{Consequence, Problem, has_changing_part, validate};
pub use write::Detail;
