//! What runs where: roles, ports, folders, environment.

use crate::cli::UpOptions;
use service_kit::access::settings::{AUTH_JWKS, AUTH_SECRET};
use service_kit::config::variables::STOP_WITH_STDIN;
use std::{
    error::Error,
    io::Write,
    net::TcpListener,
    path::{Path, PathBuf},
};
use telemetry::{Env, redact::RefRing};

/// The processes, in the order they are started.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub(crate) enum Role {
    Observatory,
    Inventory,
    Payment,
    Order,
    Gateway,
}

impl Role {
    pub(crate) const ALL: [Self; 5] =
        [Self::Observatory, Self::Inventory, Self::Payment, Self::Order, Self::Gateway];

    /// The subcommand that runs it.
    pub(crate) fn command(self) -> &'static str {
        match self {
            Self::Observatory => "observatory",
            Self::Inventory => "inventory",
            Self::Payment => "payment",
            Self::Order => "order",
            Self::Gateway => "gateway",
        }
    }

    /// Its `service.name`.
    pub(crate) fn service(self) -> &'static str {
        match self {
            Self::Observatory => "observatory",
            Self::Inventory => inventory::SERVICE,
            Self::Payment => payment::SERVICE,
            Self::Order => order::SERVICE,
            Self::Gateway => gateway::SERVICE,
        }
    }

    /// HTTP and admin port, before the offset.
    fn ports(self) -> (u16, u16) {
        match self {
            Self::Gateway => (8080, 9080),
            Self::Order => (8081, 9081),
            Self::Payment => (8082, 9082),
            Self::Inventory => (8083, 9083),
            Self::Observatory => (16686, 9086),
        }
    }
}

const OTLP_GRPC: u16 = 4317;
const OTLP_HTTP: u16 = 4318;
const LOG_INPUT: u16 = 5170;

/// What gives the key of a file, or one that is made.
type Keep = fn(&Path, fn() -> String) -> std::io::Result<String>;

/// Where everything goes.
pub(crate) struct Plan {
    data: PathBuf,
    ephemeral: bool,
    offset: u16,
    postgres: Option<String>,
    customer_ref_key: PathBuf,
    card_seal_key: String,
    audit_key: String,
    service_key: String,
}

impl Plan {
    /// Makes the folder, and the keys that are not there yet.
    pub(crate) fn new(options: &UpOptions) -> Result<Self, Box<dyn Error>> {
        let data = folder(options);
        let made = if options.ephemeral { new_folder(&data) } else { std::fs::create_dir_all(&data) };
        made.map_err(|error| cannot_use(&data, &error))?;
        Self::with_keys(options, data, kept)
    }

    /// The same, leaving everything as it is: for whoever only asks what would be.
    pub(crate) fn outline(options: &UpOptions) -> Result<Self, Box<dyn Error>> {
        Self::with_keys(options, folder(options), |path, make| Ok(held(path).unwrap_or_else(make)))
    }

    fn with_keys(options: &UpOptions, data: PathBuf, kept: Keep) -> Result<Self, Box<dyn Error>> {
        let wrong = |error| cannot_use(&data, &error);
        let customer_ref_key = data.join("customer-ref.key");
        // A single key, from before there were rings, is kept: with another one all references would change.
        kept(&customer_ref_key, || RefRing::generate().render()).map_err(wrong)?;
        let card_seal_key = kept(&data.join("card-seal.key"), random_key).map_err(wrong)?;
        let audit_key = kept(&data.join("audit.key"), random_key).map_err(wrong)?;
        // Not kept: all who know it are children of this process.
        let service_key = random_key();
        let (ephemeral, offset) = (options.ephemeral, options.port_offset);
        let postgres = options.postgres.as_deref().map(|url| url.trim_end_matches('/').to_owned());
        Ok(Self {
            data,
            ephemeral,
            offset,
            postgres,
            customer_ref_key,
            card_seal_key,
            audit_key,
            service_key,
        })
    }

    /// One line that names every port that is taken.
    pub(crate) fn check_ports(&self) -> Result<(), Box<dyn Error>> {
        let of_roles = Role::ALL.into_iter().flat_map(|role| {
            let (http, admin) = role.ports();
            [(http, role.service()), (admin, role.service())]
        });
        let inputs = [(OTLP_GRPC, "traces"), (OTLP_HTTP, "traces"), (LOG_INPUT, "logs")];
        let taken: Vec<String> = of_roles
            .chain(inputs)
            .filter(|(port, _)| TcpListener::bind(self.address(*port)).is_err())
            .map(|(port, what)| format!("{} ({what})", self.address(port)))
            .collect();
        if taken.is_empty() {
            return Ok(());
        }
        let taken = taken.join(", ");
        Err(format!("taken by another process: {taken}; stop it, or add --port-offset 1000").into())
    }

    /// The base URL of a role's HTTP API.
    pub(crate) fn url(&self, role: Role) -> String {
        format!("http://{}", self.address(role.ports().0))
    }

    /// The address of a role's admin port.
    pub(crate) fn admin(&self, role: Role) -> String {
        self.address(role.ports().1)
    }

    /// How the gateway's door will be, in a few words: it is on a loopback address, and closed by keys alone.
    pub(crate) fn access() -> &'static str {
        let env = Env::from_process();
        if is_given(&env, AUTH_JWKS.name) || is_given(&env, AUTH_SECRET.name) {
            "for bearers of a token"
        } else {
            "open to everybody on this machine"
        }
    }

    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// A role's environment, on top of what this process was given.
    pub(crate) fn environment(&self, role: Role) -> Vec<(&'static str, String)> {
        let mut environment = vec![
            ("LISTEN_ADDR", self.address(role.ports().0)),
            ("ADMIN_ADDR", self.admin(role)),
            // The children's stop is the end of their standard input: see `Child`.
            (STOP_WITH_STDIN.name, "true".to_owned()),
        ];
        if role == Role::Observatory {
            environment.extend(self.of_observatory());
        } else {
            environment.extend(self.of_service(role));
        }
        environment
    }

    fn of_observatory(&self) -> Vec<(&'static str, String)> {
        let services = Role::ALL.into_iter().filter(|role| *role != Role::Observatory);
        let targets: Vec<String> = services.map(|role| self.admin(role)).collect();
        vec![
            ("DATA_DIR", self.data.join("telemetry").display().to_string()),
            ("OTLP_GRPC_ADDR", self.address(OTLP_GRPC)),
            ("OTLP_HTTP_ADDR", self.address(OTLP_HTTP)),
            ("LOG_ADDR", self.address(LOG_INPUT)),
            ("SCRAPE_TARGETS", targets.join(",")),
        ]
    }

    fn of_service(&self, role: Role) -> Vec<(&'static str, String)> {
        let mut environment = vec![
            ("DATABASE_URL", self.database(role)),
            ("ORDER_URL", self.url(Role::Order)),
            ("PAYMENT_URL", self.url(Role::Payment)),
            ("INVENTORY_URL", self.url(Role::Inventory)),
        ];
        // What a person may set to something else, such as another backend.
        let env = Env::from_process();
        let over_http = env.get("OTEL_EXPORTER_OTLP_PROTOCOL").is_some_and(|held| held.starts_with("http/"));
        let otlp = self.address(if over_http { OTLP_HTTP } else { OTLP_GRPC });
        let defaults = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{otlp}")),
            // The specification's five seconds are long for somebody who looks at the page.
            ("OTEL_BSP_SCHEDULE_DELAY", "200".to_owned()),
            ("LOG_SHIP", format!("tcp://{}", self.address(LOG_INPUT))),
            ("EVENTS_URL", format!("{}/events", self.url(Role::Inventory))),
            // The file, and not what it holds: services notice when it changes.
            ("CUSTOMER_REF_KEY_FILE", self.customer_ref_key.display().to_string()),
            ("CARD_SEAL_KEY", self.card_seal_key.clone()),
            ("AUDIT_KEY", self.audit_key.clone()),
            ("SERVICE_KEY", self.service_key.clone()),
            ("AUDIT_LOG", self.data.join("audit.log").display().to_string()),
        ];
        environment.extend(defaults.into_iter().filter(|(name, _)| !is_given(&env, name)));
        environment
    }

    fn database(&self, role: Role) -> String {
        match &self.postgres {
            Some(server) => format!("{server}/{}", role.command()),
            None => format!("sqlite:{}", self.data.join(role.command()).with_extension("db").display()),
        }
    }

    /// Deletes the data of an ephemeral run.
    pub(crate) fn clean_up(&self) {
        if self.ephemeral {
            let _ = std::fs::remove_dir_all(&self.data);
        }
    }

    fn address(&self, port: u16) -> String {
        format!("127.0.0.1:{}", port + self.offset)
    }
}

/// Whether a person has set it, or the file it may be in.
fn is_given(env: &Env, variable: &str) -> bool {
    let name = variable.strip_suffix("_FILE").unwrap_or(variable);
    env.get(name).or_else(|| env.get(&format!("{name}_FILE"))).is_some()
}

/// Made once and kept with the data, so that after a restart a customer has the same reference, an order under way can
/// still be charged, and the audit log goes on.
fn kept(path: &Path, make: fn() -> String) -> std::io::Result<String> {
    if let Some(key) = held(path) {
        return Ok(key);
    }
    let key = make();
    let mut file = std::fs::OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut file, 0o600);
    file.write(true).create_new(true).open(path)?.write_all(key.as_bytes())?;
    Ok(key)
}

fn held(path: &Path) -> Option<String> {
    std::fs::read_to_string(path).ok().map(|key| key.trim().to_owned())
}

fn folder(options: &UpOptions) -> PathBuf {
    if options.ephemeral {
        std::env::temp_dir().join(format!("waybill-{:016x}", rand::random::<u64>()))
    } else {
        options.data.clone()
    }
}

/// A folder for us alone: it will hold keys, and everybody may write where temporary folders are. One that is there
/// already is somebody else's.
fn new_folder(path: &Path) -> std::io::Result<()> {
    let mut folder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
    folder.create(path)
}

fn cannot_use(data: &Path, error: &std::io::Error) -> String {
    format!("cannot use {} for data: {error}", data.display())
}

fn random_key() -> String {
    format!("{:032x}{:032x}", rand::random::<u128>(), rand::random::<u128>())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_folder_for_a_while_is_new_and_closed_to_others() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("data");
        new_folder(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        assert!(new_folder(&path).is_err(), "it is there already");
    }
}
