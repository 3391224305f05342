//! Who listens where, who keeps what where, and who asks whom.

use super::{Databases, Network, SERVICES, Settings};
use std::collections::BTreeMap;
use tempfile::TempDir;
use testkit::{Balancer, LossyProxy, free_port};

/// The second instances, where there are two of each, each with its command.
pub(super) const SECOND: [(&str, &str); 3] =
    [("order-2", "order"), ("payment-2", "payment"), ("inventory-2", "inventory")];

/// The services that keep something.
const KEEPERS: [&str; 3] = ["order", "payment", "inventory"];

pub(super) struct Plan {
    ports: BTreeMap<&'static str, (u16, u16)>,
    /// What stands before a service.
    doors: BTreeMap<&'static str, Door>,
    pub(super) databases: BTreeMap<&'static str, String>,
    events: String,
    folder: String,
}

enum Door {
    Lossy(LossyProxy),
    Balanced(Balancer),
}

impl Plan {
    pub(super) async fn new(folder: &TempDir, settings: &Settings) -> Self {
        let others = ["observatory", "otlp_grpc", "otlp_http", "log"];
        let services = SERVICES.iter().map(|(_, command)| *command);
        let parts = services.clone().chain(SECOND.iter().map(|(part, _)| *part)).chain(others);
        let mut plan = Self {
            ports: parts.map(|part| (part, (free_port(), free_port()))).collect(),
            doors: BTreeMap::new(),
            databases: BTreeMap::new(),
            events: String::new(),
            folder: folder.path().display().to_string(),
        };
        for service in KEEPERS {
            let url = match settings.databases {
                Databases::Sqlite => format!("sqlite:{}/{service}.db", plan.folder),
                Databases::Postgres(postgres) => postgres.database().await,
            };
            plan.databases.insert(service, url);
        }
        plan.doors = services.filter_map(|it| Some((it, plan.door(it, settings.network)?))).collect();
        plan.events = settings.nats.clone().unwrap_or_else(|| format!("{}/events", plan.url("inventory")));
        plan
    }

    fn door(&self, service: &str, network: Network) -> Option<Door> {
        let address = self.address(service);
        match network {
            Network::Direct => None,
            Network::LosesAnswers => {
                Some(Door::Lossy(LossyProxy::start(&address, LossyProxy::first_of_each())))
            }
            Network::TwoOfEach => {
                let (second, _) = SECOND.iter().find(|(_, command)| *command == service)?;
                Some(Door::Balanced(Balancer::start(vec![address, self.address(second)])))
            }
        }
    }

    /// How many answers of a service were lost.
    pub(super) fn lost(&self, service: &str) -> usize {
        match &self.doors[service] {
            Door::Lossy(proxy) => proxy.lost(),
            Door::Balanced(_) => 0,
        }
    }

    pub(super) fn address(&self, part: &str) -> String {
        format!("127.0.0.1:{}", self.ports[part].0)
    }

    /// Where a part is asked.
    pub(super) fn url(&self, part: &str) -> String {
        match self.doors.get(part) {
            Some(Door::Lossy(proxy)) => proxy.url(),
            Some(Door::Balanced(balancer)) => balancer.url(),
            None => format!("http://{}", self.address(part)),
        }
    }

    fn admin_address(&self, part: &str) -> String {
        format!("127.0.0.1:{}", self.ports[part].1)
    }

    pub(super) fn admin(&self, part: &str) -> String {
        format!("http://{}", self.admin_address(part))
    }

    pub(super) fn service(&self, part: &str, command: &str) -> Vec<(&'static str, String)> {
        let mut env = vec![
            ("LISTEN_ADDR", self.address(part)),
            ("ADMIN_ADDR", self.admin_address(part)),
            ("ORDER_URL", self.url("order")),
            ("PAYMENT_URL", self.url("payment")),
            ("INVENTORY_URL", self.url("inventory")),
            ("EVENTS_URL", self.events.clone()),
        ];
        env.extend(self.databases.get(command).map(|url| ("DATABASE_URL", url.clone())));
        env
    }

    pub(super) fn observatory(&self) -> Vec<(&'static str, String)> {
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
