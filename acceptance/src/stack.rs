//! Four services and the observatory on free ports, or fewer of them.

use std::{
    collections::BTreeMap,
    sync::{Arc, Weak},
};
use tempfile::TempDir;
use testkit::{PATIENCE, Process, built, eventually, free_port};
use tokio::sync::Mutex;

/// The services by their names in telemetry, each with its command, in the order they are stopped in.
pub const SERVICES: [(&str, &str); 4] = [
    ("api-gateway", "gateway"),
    ("order-service", "order"),
    ("payment-service", "payment"),
    ("inventory-service", "inventory"),
];

/// What a stack's telemetry goes to. By default an observatory of its own.
#[derive(Default)]
pub struct Settings {
    /// `OTEL_EXPORTER_OTLP_ENDPOINT` instead of the observatory.
    pub otlp: Option<String>,
    /// `LOG_SHIP` instead of the observatory.
    pub log_ship: Option<String>,
    /// Variables that every service gets.
    pub env: Vec<(&'static str, String)>,
}

/// A running platform.
pub struct Stack {
    /// Base URL of each part by its command: `gateway`, `order`, `payment`, `inventory`, `observatory`.
    urls: BTreeMap<&'static str, String>,
    /// The same of the admin ports.
    admin: BTreeMap<&'static str, String>,
    processes: BTreeMap<&'static str, Process>,
    /// Databases. Deleted after the processes have ended.
    _folder: TempDir,
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
    pub async fn start(settings: Settings) -> Self {
        let folder = TempDir::new().expect("a folder");
        let plan = Plan::new(&folder);
        let otlp = settings.otlp.unwrap_or_else(|| plan.url("otlp_grpc"));
        let log_ship = settings.log_ship.unwrap_or_else(|| format!("tcp://{}", plan.address("log")));
        let mut processes = BTreeMap::new();
        // An observatory that nothing is sent to need not be there.
        if otlp == plan.url("otlp_grpc") {
            processes.insert("observatory", start("observatory", plan.observatory()));
        }
        for (_, command) in SERVICES {
            let mut env = plan.service(command);
            env.extend([
                ("OTEL_EXPORTER_OTLP_ENDPOINT", otlp.clone()),
                ("LOG_SHIP", log_ship.clone()),
                ("OTEL_BSP_SCHEDULE_DELAY", "100".to_owned()),
                ("CUSTOMER_REF_KEY", "a key for the acceptance suite".to_owned()),
            ]);
            env.extend(settings.env.iter().cloned());
            processes.insert(command, start(command, env));
        }
        let parts = || processes.keys().copied();
        let urls = parts().map(|part| (part, plan.url(part))).collect();
        let admin = parts().map(|part| (part, plan.admin(part))).collect();
        let mut stack = Self { urls, admin, processes, _folder: folder };
        stack.ready().await;
        stack
    }

    async fn ready(&mut self) {
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        for (part, process) in &mut self.processes {
            let url = format!("{}/readyz", self.admin[part]);
            eventually(&format!("{part} to be ready"), async || {
                assert!(process.is_running(), "{part} has ended: {:?}", process.stderr());
                client.get(&url).send().await.ok().filter(|answer| answer.status() == 200)
            })
            .await;
        }
    }

    /// A part's base URL.
    pub fn url(&self, part: &str) -> &str {
        self.urls.get(part).unwrap_or_else(|| panic!("this stack has no {part}"))
    }

    /// A part's admin port as a base URL.
    pub fn admin(&self, part: &str) -> &str {
        self.admin.get(part).unwrap_or_else(|| panic!("this stack has no {part}"))
    }

    /// Everything that all processes have printed.
    pub fn printed(&self) -> String {
        let outputs = self.processes.values().flat_map(|process| [process.stdout(), process.stderr()]);
        outputs.flatten().map(|line| line + "\n").collect()
    }

    /// Ends a part with SIGKILL.
    pub fn kill(&mut self, part: &str) {
        drop(self.processes.remove(part).expect("a running part"));
    }

    /// Asks a part to stop (SIGTERM).
    pub fn terminate(&self, part: &str) {
        self.processes[part].terminate();
    }

    /// Waits until a part that was asked to stop has ended, and checks that it ended in order. Returns what it
    /// says on standard error: nothing, if all of its telemetry has arrived.
    pub async fn ended(&mut self, part: &str) -> Vec<String> {
        let mut process = self.processes.remove(part).expect("a running part");
        let status = process.ended(PATIENCE).await;
        assert!(status.success(), "{part}: {status}: {:?}", process.stderr());
        process.stderr()
    }
}

/// Starts one part. It stops when this process ends, however that happens.
fn start(command: &str, mut env: Vec<(&'static str, String)>) -> Process {
    env.push(("STOP_WITH_STDIN", "1".to_owned()));
    Process::start(&built("waybill"), &[command], env)
}

/// Who listens where.
struct Plan {
    ports: BTreeMap<&'static str, (u16, u16)>,
    folder: String,
}

impl Plan {
    fn new(folder: &TempDir) -> Self {
        let parts =
            ["gateway", "order", "payment", "inventory", "observatory", "otlp_grpc", "otlp_http", "log"];
        Self {
            ports: parts.into_iter().map(|part| (part, (free_port(), free_port()))).collect(),
            folder: folder.path().display().to_string(),
        }
    }

    fn address(&self, part: &str) -> String {
        format!("127.0.0.1:{}", self.ports[part].0)
    }

    fn url(&self, part: &str) -> String {
        format!("http://{}", self.address(part))
    }

    fn admin_address(&self, part: &str) -> String {
        format!("127.0.0.1:{}", self.ports[part].1)
    }

    fn admin(&self, part: &str) -> String {
        format!("http://{}", self.admin_address(part))
    }

    fn service(&self, command: &str) -> Vec<(&'static str, String)> {
        vec![
            ("LISTEN_ADDR", self.address(command)),
            ("ADMIN_ADDR", self.admin_address(command)),
            ("DATABASE_URL", format!("sqlite:{}/{command}.db", self.folder)),
            ("ORDER_URL", self.url("order")),
            ("PAYMENT_URL", self.url("payment")),
            ("INVENTORY_URL", self.url("inventory")),
            ("EVENTS_URL", format!("{}/events", self.url("inventory"))),
        ]
    }

    fn observatory(&self) -> Vec<(&'static str, String)> {
        let targets: Vec<_> = SERVICES.iter().map(|(_, command)| self.admin_address(command)).collect();
        vec![
            ("LISTEN_ADDR", self.address("observatory")),
            ("ADMIN_ADDR", self.admin_address("observatory")),
            ("OTLP_GRPC_ADDR", self.address("otlp_grpc")),
            ("OTLP_HTTP_ADDR", self.address("otlp_http")),
            ("LOG_ADDR", self.address("log")),
            ("DATA_DIR", format!("{}/observatory", self.folder)),
            ("SCRAPE_TARGETS", targets.join(",")),
        ]
    }
}
