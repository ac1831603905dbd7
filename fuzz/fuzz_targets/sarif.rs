//! Whatever is read is an answer or an error, the same whether results are read apart or as a
//! part of the whole, and what is written of it is read again.
#![no_main]

use ci_tool::sarif::{self, Limits, Options, Settings, Source};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let source = Source::new(bytes.to_vec());
    let options = Options { roots: vec!["/repo".to_owned()] };
    let reading = sarif::read(&source, "a.sarif", &options);
    // Logs in a list are read as a whole.
    let list = Source::new([b"[", source.text().as_bytes(), b"]"].concat());
    let whole = sarif::read(&list, "a.sarif", &options);
    let Ok(reading) = reading else {
        return;
    };
    if source.text().trim_start().starts_with('{') {
        assert_eq!(reading.observations, whole.expect("read").observations);
    }
    let report = reading.into_report();
    let settings = Settings {
        category: "fuzz".to_owned(),
        files: 2,
        limits: Limits::GITHUB,
    };
    for file in sarif::write(&report, &settings).files {
        let written = Source::new(file);
        assert!(sarif::read(&written, "b.sarif", &options).is_ok());
    }
});
