use super::parse::{value, within};
use super::*;

#[allow(unreachable_pub, reason = "what the macro makes is for users of a crate, and tests have none")]
mod declared {
    use crate::env::Secret;

    crate::variables! {
        /// A number.
        PORT { takes: "a port from 1 to 65535", default: "80" };
        /// A time.
        WAIT_MS { takes: "a number of milliseconds", default: "10000", unit: "ms" };
        /// A secret.
        KEY { takes: "16 bytes or more", without: "random", secret: Secret::Whole };
        /// A URL.
        PLACE { takes: "a URL", default: "http://127.0.0.1", secret: Secret::Password };
    }
}
use declared::{KEY, PLACE, PORT, VARIABLES, WAIT_MS};

#[test]
fn blank_is_unset_and_wrong_names_the_variable() {
    let env = Env::from_pairs([("KEY", "  "), ("PORT", "many")]);
    assert_eq!((env.get("KEY"), env.optional(&KEY, value::<String>)), (None, Ok(None)));
    assert_eq!(Env::default().read(&PORT, value), Ok(80));
    assert_eq!(Env::default().read_or(&PORT, "81", value), Ok(81));
    let error = env.read(&PORT, within(1..=65535)).unwrap_err();
    assert_eq!(error.to_string(), "PORT: `many` won't do; it takes a port from 1 to 65535");
    assert_eq!(error.variable(), "PORT");
    let short = Env::from_pairs([("KEY", "hunter2")]).optional(&KEY, |_| None::<u8>).unwrap_err();
    assert_eq!(short.to_string(), "KEY: its value (hidden) won't do; it takes 16 bytes or more");
}

#[test]
fn what_was_read_can_be_shown() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, b"hunter2");
    let env = Env::from_pairs([("KEY_FILE", path.as_str()), ("WAIT_MS", " 250 ")])
        .with([("PLACE", "http://ada:hunter2@x/y", Source::Given("--place"))])
        .with_files(VARIABLES)
        .unwrap();
    assert_eq!(env.readings(), []);
    let port: u16 = env.read(&PORT, value).unwrap();
    let wait: u64 = env.read(&WAIT_MS, value).unwrap();
    let key: Option<String> = env.optional(&KEY, value).unwrap();
    let place: String = env.read(&PLACE, value).unwrap();
    let again: u16 = env.read(&PORT, value).unwrap();
    assert_eq!((port, wait, key.as_deref(), again), (80, 250, Some("hunter2"), 80));
    assert_eq!(place, "http://ada:hunter2@x/y");
    let readings = env.readings();
    let told: Vec<_> = readings.iter().map(|r| (r.value(), r.source.to_string())).collect();
    let expected = [
        ("80", "default"),
        ("250 ms", "environment"),
        ("(hidden)", &*format!("file {path}")),
        ("http://(hidden)@x/y", "--place"),
    ];
    assert_eq!(told, expected.map(|(value, source)| (value.to_owned(), source.to_owned())));
    let unset = Env::default();
    assert_eq!(unset.optional(&KEY, value::<String>), Ok(None));
    let reading = Reading { variable: KEY, shown: None, source: Source::Default };
    assert_eq!((reading.value().as_str(), unset.readings()), ("random", vec![reading]));
}

#[test]
fn what_is_set_and_unknown_is_told() {
    let env = Env::from_pairs([
        ("WAIT_MSS", "1"),
        ("PLACE_FILE", "x"),
        ("PORT_FILE", "x"),
        ("WAITS", ""),
        ("OTEL_LOGS_EXPORTER", "otlp"),
        ("SHELL", "/bin/sh"),
    ]);
    assert_eq!(env.misspelled(VARIABLES), [("WAIT_MSS", "WAIT_MS")]);
    assert_eq!(env.unsupported(VARIABLES), [""; 0]);
    let known = [crate::config::variables::OTEL_TRACES_EXPORTER];
    assert_eq!(env.unsupported(&known), ["OTEL_LOGS_EXPORTER"]);
}

fn file(folder: &tempfile::TempDir, content: &[u8]) -> String {
    let path = folder.path().join("secret");
    std::fs::write(&path, content).unwrap();
    path.display().to_string()
}

#[test]
fn a_file_holds_the_value() {
    let folder = tempfile::tempdir().unwrap();
    for content in ["s3cret", "s3cret\n", "s3cret\r\n"] {
        let path = file(&folder, content.as_bytes());
        let env = Env::from_pairs([("KEY_FILE", path.as_str()), ("KEY", ""), ("PORT_FILE", &path)]);
        let env = env.with_files(VARIABLES).unwrap();
        assert_eq!((env.get("KEY"), env.get("PORT"), env.get("PLACE")), (Some("s3cret"), None, None));
        assert_eq!(env.get("PORT_FILE"), Some(path.as_str()), "a file's name, and not read");
    }
}

#[test]
fn a_file_that_will_not_do_is_named_and_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |pairs: &[(&str, &str)]| {
        let env = Env::from_pairs(pairs.iter().copied());
        env.with_files(VARIABLES).err().expect("a refusal").to_string()
    };
    let path = file(&folder, b"s3cret");
    let said = refused(&[("KEY", "also s3cret"), ("KEY_FILE", &path)]);
    let expected = format!(
        "KEY_FILE: `{path}` won't do; it takes the place of KEY, which is set as well: unset one of them"
    );
    assert_eq!(said, expected);
    for (content, why) in
        [(&b"\n"[..], "(it is empty)"), (b"\xffs3cret", "(stream did not contain valid UTF-8)")]
    {
        let said = refused(&[("KEY_FILE", &file(&folder, content))]);
        assert!(said.starts_with(&format!("KEY_FILE: `{path}` won't do; ")), "{said}");
        assert!(said.ends_with(why) && !said.contains("s3cret"), "{said}");
    }
    let said = refused(&[("KEY_FILE", "/nowhere/key")]);
    assert!(said.contains("KEY_FILE: `/nowhere/key` won't do; ") && said.contains("No such file"), "{said}");
}
