//! What every reader of a scanner's report must hold: an answer or an error, and an
//! answer can be written as SARIF that is read again.

use ci_tool::config::scan::ReportFormat;
use ci_tool::sarif::{self, Limits, Options, Settings, Source};
use ci_tool::scanners::formats::{self, About};

pub fn read(format: ReportFormat, bytes: &[u8]) {
    let source = Source::new(bytes.to_vec());
    let about = About { root: "/repo", target: None, folder: "" };
    let Ok(read) = formats::read(format, &source, about) else {
        return;
    };
    let settings = Settings {
        category: "fuzz".to_owned(),
        files: 2,
        limits: Limits::GITHUB,
    };
    for file in sarif::write(&read.reading.into_report(), &settings).files {
        let written = Source::new(file);
        assert!(sarif::read(&written, "b.sarif", &Options::default()).is_ok());
    }
}
