//! Four services and the observatory on free ports, or fewer of them, or two of each.

mod plan;

use crate::Database;
use plan::{Plan, SECOND};
use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Weak},
};
use tempfile::TempDir;
use testkit::{PATIENCE, Postgres, Process, built, eventually};
use tokio::sync::Mutex;

/// The services by their names in telemetry, each with its command, in the order they are stopped in.
pub const SERVICES: [(&str, &str); 4] = [
    ("api-gateway", "gateway"),
    ("order-service", "order"),
    ("payment-service", "payment"),
    ("inventory-service", "inventory"),
];

/// The key of every stack's audit log.
pub const AUDIT_KEY: &str = "an audit key for the acceptance suite";

/// What a stack consists of. By default four services with a SQLite file each, and an observatory.
#[derive(Default)]
pub struct Settings {
    /// `OTEL_EXPORTER_OTLP_ENDPOINT` instead of the observatory.
    pub otlp: Option<String>,
    /// `LOG_SHIP` instead of the observatory.
    pub log_ship: Option<String>,
    /// Variables that every service gets.
    pub env: Vec<(&'static str, String)>,
    /// Where services keep what they know.
    pub databases: Databases,
    /// `EVENTS_URL` instead of the inventory service's.
    pub nats: Option<String>,
    /// What stands before each service.
    pub network: Network,
    /// A folder with databases that are there already: `order.db`, `payment.db`, `inventory.db`.
    pub folder: Option<TempDir>,
}

/// Where services keep what they know.
#[derive(Clone, Copy, Default)]
pub enum Databases {
    /// In a file each.
    #[default]
    Sqlite,
    /// In a database each of this server.
    Postgres(&'static Postgres),
}

/// What stands before each service.
#[derive(Clone, Copy, Default)]
pub enum Network {
    /// Nothing.
    #[default]
    Direct,
    /// A proxy that loses the first answer of each call of each trace, also before the gateway.
    LosesAnswers,
    /// A balancer before two instances: `order` and `order-2`, and so on. There is one gateway.
    TwoOfEach,
}

/// A running platform.
pub struct Stack {
    plan: Plan,
    parts: BTreeMap<&'static str, Part>,
    /// Databases. Deleted after the processes have ended.
    folder: TempDir,
}

struct Part {
    command: &'static str,
    env: Vec<(&'static str, String)>,
    /// None when it was ended.
    process: Option<Process>,
}

static SHARED: Mutex<Weak<Stack>> = Mutex::const_new(Weak::new());

impl Stack {
    /// The stack, with an observatory, of all tests that don't disturb each other. It ends with the last of them.
    pub async fn shared() -> Arc<Self> {
        let mut shared = SHARED.lock().await;
        if let Some(stack) = shared.upgrade() {
            return stack;
        }
        let stack = Arc::new(Self::start(Settings::default()).await);
        *shared = Arc::downgrade(&stack);
        stack
    }

    /// Starts all and waits until all are ready.
    pub async fn start(mut settings: Settings) -> Self {
        let folder = settings.folder.take().unwrap_or_else(|| TempDir::new().expect("a folder"));
        let plan = Plan::new(&folder, &settings).await;
        let own_otlp = plan.url("otlp_grpc");
        let otlp = settings.otlp.unwrap_or_else(|| own_otlp.clone());
        let log_ship = settings.log_ship.unwrap_or_else(|| format!("tcp://{}", plan.address("log")));
        let mut parts = BTreeMap::new();
        // An observatory that nothing is sent to need not be there.
        if otlp == own_otlp {
            parts.insert("observatory", Part::start("observatory", plan.observatory()));
        }
        let first = SERVICES.iter().map(|(_, command)| (*command, *command));
        let second = SECOND.iter().copied().filter(|_| matches!(settings.network, Network::TwoOfEach));
        for (part, command) in first.chain(second) {
            let mut env = plan.service(part, command);
            env.extend([
                ("OTEL_EXPORTER_OTLP_ENDPOINT", otlp.clone()),
                ("LOG_SHIP", log_ship.clone()),
                ("OTEL_BSP_SCHEDULE_DELAY", "100".to_owned()),
                ("CUSTOMER_REF_KEY", "a key for the acceptance suite".to_owned()),
                ("CARD_SEAL_KEY", "a seal for the acceptance suite".to_owned()),
                ("AUDIT_KEY", AUDIT_KEY.to_owned()),
                ("AUDIT_LOG", folder.path().join("audit.log").display().to_string()),
            ]);
            env.extend(settings.env.iter().cloned());
            parts.insert(part, Part::start(command, env));
        }
        let mut stack = Self { plan, parts, folder };
        stack.ready().await;
        stack
    }

    /// Waits until all parts that run are ready.
    pub async fn ready(&mut self) {
        let client = self.client();
        for (part, Part { process, .. }) in &mut self.parts {
            let Some(process) = process else { continue };
            let url = format!("{}/readyz", self.plan.admin(part));
            eventually(&format!("{part} to be ready"), async || {
                assert!(process.is_running(), "{part} has ended: {:?}", process.stderr());
                client.get(&url).send().await.ok().filter(|answer| answer.status() == 200)
            })
            .await;
        }
    }

    /// The names of its parts: `gateway`, `order`, `payment`, `inventory`, `observatory`, `order-2`, …
    pub fn parts(&self) -> Vec<&'static str> {
        self.parts.keys().copied().collect()
    }

    /// Base URL where a part is asked.
    pub fn url(&self, part: &str) -> String {
        assert!(self.parts.contains_key(part), "this stack has no {part}");
        self.plan.url(part)
    }

    /// A part's admin port as a base URL.
    pub fn admin(&self, part: &str) -> String {
        assert!(self.parts.contains_key(part), "this stack has no {part}");
        self.plan.admin(part)
    }

    /// Where its observatory takes spans (OTLP over gRPC).
    pub fn otlp(&self) -> String {
        self.plan.url("otlp_grpc")
    }

    /// Where its observatory takes log lines.
    pub fn log_ship(&self) -> String {
        format!("tcp://{}", self.plan.address("log"))
    }

    /// The database of a service: `order`, `payment` or `inventory`.
    pub fn database(&self, service: &str) -> Database {
        Database::at(&self.plan.databases[service])
    }

    /// Where all parts keep what they know: a database file each, and the observatory's folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The URL of a service's database.
    pub fn database_url(&self, service: &str) -> &str {
        &self.plan.databases[service]
    }

    /// How many answers of a service were lost, where the network loses them.
    pub fn answers_lost(&self, service: &str) -> usize {
        self.plan.lost(service)
    }

    /// Everything that all processes have printed.
    pub fn printed(&self) -> String {
        let processes = self.parts.values().filter_map(|part| part.process.as_ref());
        let outputs = processes.flat_map(|process| [process.stdout(), process.stderr()]);
        outputs.flatten().map(|line| line + "\n").collect()
    }

    /// Ends a part with SIGKILL.
    pub fn kill(&mut self, part: &str) {
        drop(self.process(part).take().expect("a running part"));
    }

    /// Starts a part again that was ended, as it was started before. It may not be ready yet.
    pub fn restart(&mut self, part: &str) {
        let part = self.parts.get_mut(part).expect("a part");
        assert!(part.process.is_none(), "{} runs", part.command);
        *part = Part::start(part.command, std::mem::take(&mut part.env));
    }

    /// The same with another value of a variable.
    pub fn restart_with(&mut self, part: &str, variable: &'static str, value: &str) {
        let env = &mut self.parts.get_mut(part).expect("a part").env;
        env.retain(|(name, _)| *name != variable);
        env.push((variable, value.to_owned()));
        self.restart(part);
    }

    /// Asks a part to stop (SIGTERM).
    pub fn terminate(&self, part: &str) {
        self.parts[part].process.as_ref().expect("a running part").terminate();
    }

    /// Waits until a part that was asked to stop has ended, and checks that it ended in order. Returns what it
    /// says on standard error: nothing, if all of its telemetry has arrived.
    pub async fn ended(&mut self, part: &str) -> Vec<String> {
        let mut process = self.process(part).take().expect("a running part");
        let status = process.ended(PATIENCE).await;
        assert!(status.success(), "{part}: {status}: {:?}", process.stderr());
        process.stderr()
    }

    fn process(&mut self, part: &str) -> &mut Option<Process> {
        &mut self.parts.get_mut(part).expect("a part").process
    }
}

impl Part {
    /// It stops when this process ends, however that happens.
    fn start(command: &'static str, env: Vec<(&'static str, String)>) -> Self {
        let environment = env.iter().cloned().chain([("STOP_WITH_STDIN", "1".to_owned())]);
        let process = Process::start(&built("waybill"), &[command], environment);
        Self { command, env, process: Some(process) }
    }
}
