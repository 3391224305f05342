use super::*;
use std::{collections::BTreeSet, path::PathBuf};
use telemetry::env::Secret;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/CONFIGURATION.md");

fn report_of(role: Role, pairs: &[(&str, &str)]) -> Report {
    of(role, &Env::from_pairs(pairs.iter().copied()))
}

#[test]
fn the_page_has_the_tables_of_the_code() {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let with_tables = page::with_tables(&page).unwrap();
    assert!(page == with_tables, "`cargo run -- config --page docs/CONFIGURATION.md` brings it up to date");
}

#[test]
fn all_that_a_process_reads_is_declared_once() {
    for role in Role::ALL {
        let report = report_of(role, &[]).json();
        let read = report["variables"].as_array().unwrap().iter();
        let names: Vec<&str> = read.map(|variable| variable["name"].as_str().unwrap()).collect();
        let sections = sections();
        for name in &names {
            let declared = sections.iter().any(|(_, variables)| variables.iter().any(|v| v.name == *name));
            assert!(declared, "{name} of {role:?} is in no table");
        }
        assert!(names.len() > 10, "{names:?}");
    }
    for (section, variables) in sections() {
        let names: BTreeSet<&str> = variables.iter().map(|variable| variable.name).collect();
        assert_eq!(names.len(), variables.len(), "{section} has one twice");
        for Variable { name, brief, takes, .. } in variables {
            assert!(!brief.is_empty() && !takes.is_empty(), "{name} says too little");
            assert!(brief.ends_with('.') && !takes.ends_with('.'), "{name}: {brief} {takes}");
        }
    }
}

/// One that one process knows must not look like a slip to another one.
#[test]
fn no_name_is_a_slip_away_from_another() {
    let all: Vec<Variable> = sections().into_iter().flat_map(|(_, variables)| variables).collect();
    for variable in &all {
        let others: Vec<Variable> = all.iter().copied().filter(|other| other.name != variable.name).collect();
        let env = Env::from_pairs([(variable.name, "x")]);
        assert_eq!(env.misspelled(&others), [], "{}", variable.name);
    }
}

/// Whatever a secret is, no report, no error and no settings show it.
#[test]
fn no_secret_is_shown() {
    for role in Role::ALL {
        for (_, variables) in sections() {
            for variable in variables {
                for (value, secret) in values(&variable) {
                    let env = Env::from_pairs([(variable.name, value.as_str())]);
                    let settings = settings_in_debug(role, &env);
                    let report = of(role, &env);
                    // Settings that are no secrets may be shown as they are by those who ask for that.
                    let settings = if variable.secret == Secret::No { String::new() } else { settings };
                    for shown in
                        [report.to_string(), report.json().to_string(), format!("{report:?}"), settings]
                    {
                        assert!(!shown.contains(secret), "{} of {role:?} in {shown}", variable.name);
                    }
                }
            }
        }
    }
}

/// Right and wrong ones, with what must not be seen of them.
fn values(variable: &Variable) -> Vec<(String, &'static str)> {
    const SECRET: &str = "hunter2hunter2hunter2hunter2hunter2";
    let wholly = match variable.name {
        "ALERT_WEBHOOK" => vec![format!("http://x/{SECRET}")],
        name if name.ends_with("_HEADERS") => vec![format!("authorization={SECRET}")],
        _ => vec![SECRET.to_owned(), "hunter2".to_owned()],
    };
    let urls = ["http", "https", "nats", "postgres", "ftp"];
    let in_urls = urls.map(|scheme| format!("{scheme}://ada:{SECRET}@x/y"));
    let values: Vec<String> = match variable.secret {
        Secret::Whole => wholly.into_iter().chain(in_urls).collect(),
        Secret::Password => in_urls.to_vec(),
        // Nobody looks for a secret here; yet some will put one.
        Secret::No => vec![in_urls[0].clone(), format!("password={SECRET}")],
    };
    values.into_iter().map(|value| (value, "hunter2")).collect()
}

/// As a mistake in the code would show them, or the error.
fn settings_in_debug(role: Role, env: &Env) -> String {
    fn shown<T: std::fmt::Debug, E: std::fmt::Display + std::fmt::Debug>(read: Result<T, E>) -> String {
        match read {
            Ok(settings) => format!("{settings:?}"),
            Err(error) => format!("{error} {error:?}"),
        }
    }
    let own = match role {
        Role::Observatory => shown(observatory::Config::from_env(&|name| env.get(name).map(str::to_owned))),
        Role::Inventory => shown(inventory::config::Config::from_env(env)),
        Role::Payment => shown(payment::config::Config::from_env(env)),
        Role::Order => shown(order::config::Config::from_env(env)),
        Role::Gateway => shown(gateway::config::Config::from_env(env)),
    };
    own + &shown(telemetry::Config::from_env(role.service(), env))
}

#[test]
fn an_option_of_up_is_the_source_of_what_it_decides() {
    let folder = std::env::temp_dir().join("waybill-config-test-that-is-not-made");
    let options = UpOptions { data: folder.clone(), port_offset: 1000, ..UpOptions::default() };
    let reports = under_up(&options).unwrap();
    let order = reports.iter().map(Report::json).find(|report| report["service"] == "order-service").unwrap();
    let of = |name: &str| {
        let variables = order["variables"].as_array().unwrap();
        let variable = variables.iter().find(|variable| variable["name"] == name).unwrap();
        (variable["value"].clone(), variable["source"].as_str().unwrap().to_owned())
    };
    assert_eq!(of("LISTEN_ADDR"), ("127.0.0.1:9081".into(), "--port-offset".into()));
    let database = format!("sqlite:{}/order.db", folder.display());
    assert_eq!(of("DATABASE_URL"), (database.into(), "--data".into()));
    assert_eq!(of("AUDIT_KEY"), ("(hidden)".into(), "waybill up".into()));
    assert_eq!(of("PENDING_LIMIT_MS"), (60_000.into(), "default".into()));
    assert!(!folder.exists(), "nothing is made");
}

/// Names in capitals that are no variables.
const OTHER_NAMES: [&str; 3] = ["CHILD_OF", "FOLLOWS_FROM", "ORDER_EVENTS"];

/// A variable that somebody reads by the way would be in no table, and in no `waybill config`.
#[test]
fn every_variable_that_the_code_names_is_declared() {
    let mut declared: BTreeSet<String> = OTHER_NAMES.map(str::to_owned).into();
    for variable in sections().into_iter().flat_map(|(_, variables)| variables) {
        declared.extend([variable.name.to_owned(), format!("{}_FILE", variable.name)]);
    }
    let (mut named, mut undeclared) = (0, Vec::new());
    for folder in
        ["services", "shared/service-kit", "shared/telemetry", "observatory", "waybill", "loadtest/src"]
    {
        for path in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder)) {
            let text = std::fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
            let code = code.lines().filter(|line| !line.trim_start().starts_with("//"));
            for name in code.flat_map(names) {
                named += 1;
                if !declared.contains(name) {
                    undeclared.push(format!("{}: {name}", path.display()));
                }
            }
        }
    }
    assert!(undeclared.is_empty(), "{undeclared:#?}");
    assert!(named > 50, "only {named} found");
}

/// What a line of code has in quotes and is written like a variable: capitals, with a `_` between.
fn names(line: &str) -> Vec<&str> {
    let is_letter = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    let quoted = line.split('"').skip(1).step_by(2).filter(|text| text.bytes().all(is_letter));
    let is_whole = |text: &str| !text.starts_with('_') && !text.ends_with('_') && text.contains('_');
    quoted.filter(|text| is_whole(text) && !text.starts_with("CARGO_")).collect()
}

/// What containers are given has names that somebody reads, as far as they are ours.
#[test]
fn no_container_is_given_a_slip() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = vec![root.join("docker-compose.yml"), root.join("docker-compose.scale.yml")];
    files.extend([".yaml", ".env"].iter().flat_map(|ending| files_of(&root.join("k8s"), ending, &[])));
    let all: Vec<Variable> = sections().into_iter().flat_map(|(_, variables)| variables).collect();
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        let is_of_name =
            |letter: char| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_';
        let names = text.split(|letter| !is_of_name(letter)).filter(|name| name.len() > 4);
        let env = Env::from_pairs(names.map(|name| (name, "x")));
        assert_eq!(env.misspelled(&all), [], "{}", path.display());
    }
}

/// The code that is shipped.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = files_of(folder, ".rs", &["tests", "benches", "examples", "migrations"]);
    found.retain(|path| !path.ends_with("tests.rs"));
    found
}

fn files_of(folder: &Path, ending: &str, not_in: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            if !not_in.contains(&&*name) {
                found.extend(files_of(&path, ending, not_in));
            }
        } else if name.ends_with(ending) {
            found.push(path);
        }
    }
    found
}
