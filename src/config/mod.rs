//! `.github/ci-tool.yml`: what people decide. Flags beat the environment, the
//! environment beats the file, the file beats what is detected.

pub mod deploy;
mod load;
pub mod model;
pub mod scan;
mod suggest;
pub mod sync;

pub use deploy::Deploy;
pub use load::{ConfigError, Loaded, USUAL_PLACE, load, parse};
pub use model::Config;
pub use scan::{Preset, Scan};
