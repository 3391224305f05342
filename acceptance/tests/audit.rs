//! The audit log from outside: what is committed is delivered once, what is changed is found, and who is forgotten is
//! gone.

use acceptance::{AUDIT_KEY, Answered, CARD, CUSTOMER, EARL_GREY, Settings, Shop, Stack};
use serde_json::{Value, json};
use std::{fs, path::PathBuf};
use telemetry::{audit::Entry, redact::RefRing};
use tempfile::TempDir;
use testkit::{PATIENCE, Process, built, eventually};

/// A stack whose audit log and keys are in a folder of the test's.
struct Audited {
    stack: Stack,
    folder: TempDir,
}

impl Audited {
    async fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let file = |name: &str| folder.path().join(name);
        fs::write(file("audit.key"), format!("{AUDIT_KEY}\n")).unwrap();
        fs::write(file("ref.key"), RefRing::generate().render()).unwrap();
        let env = vec![
            ("AUDIT_LOG", file("audit.log").display().to_string()),
            // The file instead of the key.
            ("CUSTOMER_REF_KEY", String::new()),
            ("CUSTOMER_REF_KEY_FILE", file("ref.key").display().to_string()),
            // Whoever asks again for the order of a killed process waits no longer than this.
            ("ORDER_LEASE_MS", "4000".to_owned()),
            ("RESUME_INTERVAL_MS", "200".to_owned()),
        ];
        let stack = Stack::start(Settings { env, ..Settings::default() }).await;
        Self { stack, folder }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs `waybill` with these arguments: its exit code, and what it says.
    async fn waybill(&self, args: &[&str]) -> (Option<i32>, String) {
        let mut process = Process::start(&built("waybill"), args, [("USER", "ada")]);
        let status = process.ended(PATIENCE).await;
        (status.code(), [process.stdout(), process.stderr()].concat().join("\n"))
    }

    async fn verify(&self) -> (Option<i32>, String) {
        let (log, key) = (self.file("audit.log"), self.file("audit.key"));
        let (log, key) = (log.to_str().unwrap(), key.to_str().unwrap());
        let database = self.stack.database_url("order");
        self.waybill(&["audit", "verify", "--database", database, "--log", log, "--key-file", key]).await
    }

    async fn wait_until_delivered(&self) {
        let database = self.stack.database("order");
        eventually("all entries to be delivered", async || {
            let waiting = "audit_head h JOIN audit_delivered d ON h.number > d.number";
            (database.count(waiting).await == 0).then_some(())
        })
        .await;
    }

    fn entries(&self) -> Vec<Entry> {
        let text = fs::read_to_string(self.file("audit.log")).unwrap();
        text.lines().map(|line| Entry::parse(line).unwrap()).collect()
    }
}

#[tokio::test]
async fn killed_processes_lose_no_entry_and_double_none() {
    let mut audited = Audited::start().await;
    let shop = Shop::at(&audited.stack);
    let killing = async {
        for _ in 0..6 {
            let enough = shop.begun() + 6;
            eventually("orders to get on", async || (shop.begun() >= enough).then_some(())).await;
            audited.stack.kill("order");
            audited.stack.restart("order");
        }
        shop.close();
    };
    let (placed, ()) = tokio::join!(shop.serve(4, usize::MAX), killing);
    assert!(placed.len() > 20, "{} orders", placed.len());
    audited.stack.ready().await;
    let database = audited.stack.database("order");
    eventually("all orders to be at rest", async || {
        (database.count("orders WHERE step IS NOT NULL").await == 0).then_some(())
    })
    .await;
    audited.wait_until_delivered().await;

    let (code, said) = audited.verify().await;
    assert_eq!(code, Some(0), "{said}");
    let entries = audited.entries();
    for (action, orders) in [
        ("order.created", "orders"),
        ("order.paid", "orders WHERE transaction_id IS NOT NULL"),
        ("order.cancelled", "orders WHERE status = 'cancelled'"),
    ] {
        let written = entries.iter().filter(|entry| entry.action == action).count() as i64;
        assert_eq!(written, database.count(orders).await, "{action}");
    }
}

#[tokio::test]
async fn what_is_changed_is_found() {
    let audited = Audited::start().await;
    let mut orders = Vec::new();
    for _ in 0..4 {
        orders.push(audited.stack.place(EARL_GREY, CARD).await.order_id().to_owned());
    }
    audited.wait_until_delivered().await;
    let (code, said) = audited.verify().await;
    assert_eq!((code, said.lines().count()), (Some(0), 2), "{said}");
    let database_url = audited.stack.database_url("order");
    let (code, shown) =
        audited.waybill(&["audit", "show", "--order", &orders[1], "--database", database_url]).await;
    assert_eq!((code, shown.lines().count()), (Some(0), 2), "{shown}");
    assert!(shown.contains("order.created") && shown.contains("2500 EUR"), "{shown}");

    let log = audited.file("audit.log");
    let whole = fs::read_to_string(&log).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    let end_of_five: usize = lines[..5].iter().map(|line| line.len() + 1).sum();
    for (changed, number) in [
        (whole.replacen("2500", "2600", 1), 1),
        (whole[..end_of_five].to_owned(), 6),
        (whole.replacen(&format!("{}\n", lines[2]), "", 1), 3),
    ] {
        fs::write(&log, changed).unwrap();
        let (code, said) = audited.verify().await;
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains(&format!("log: entry {number}: ")), "{said}");
    }
    // What a collector was given twice is no fault.
    fs::write(&log, format!("{whole}{}\n{}\n", lines[6], lines[7])).unwrap();
    let (code, said) = audited.verify().await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("log: 8 entries, whole; 2 lines are there again"), "{said}");
    fs::write(&log, &whole).unwrap();

    let database = audited.stack.database("order");
    database
        .execute(
            "PRAGMA ignore_check_constraints = ON;
             INSERT INTO audit_entries SELECT -1, line, created_at FROM audit_entries WHERE number = 8",
        )
        .await;
    let (code, said) = audited.verify().await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("database: entry 0: below number 1 there are rows"), "{said}");
    database.execute("DELETE FROM audit_entries WHERE number < 1").await;
    let swap = |from: i64, to: i64| {
        let (from, to) = (format!("\"amount_minor\":{from}"), format!("\"amount_minor\":{to}"));
        format!("UPDATE audit_entries SET line = replace(line, '{from}', '{to}') WHERE number = 4")
    };
    database.execute(&swap(2500, 2600)).await;
    let (code, said) = audited.verify().await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("database: entry 4: it was changed"), "{said}");
    database.execute(&swap(2600, 2500)).await;

    // The end cut off, and the head record made to fit: only the file knows.
    let hash = Entry::parse(lines[7]).unwrap().previous;
    let cut = format!(
        "DELETE FROM audit_entries WHERE number = 8; UPDATE audit_head SET number = 7, hash = '{hash}'"
    );
    database.execute(&cut).await;
    let (code, said) = audited.verify().await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("database: entry 8: it is missing"), "{said}");

    let (code, said) = audited.waybill(&["audit", "verify", "--key-file", "/nowhere"]).await;
    assert_eq!(code, Some(2), "{said}");
}

#[tokio::test]
async fn a_customer_is_forgotten() {
    let audited = Audited::start().await;
    let placed = audited.stack.place(EARL_GREY, CARD).await;
    let (admin, ring) = (audited.stack.admin("order"), audited.file("ref.key"));
    let ring_before = fs::read_to_string(&ring).unwrap();
    let (ring, id) = (ring.to_str().unwrap(), CUSTOMER);
    let observatory = audited.stack.admin("observatory");
    let to = ["--admin", &admin, "--observatory", &observatory];
    let forget = [&["customer", "forget", id, "--key-file", ring][..], &to].concat();

    let (code, said) = audited.waybill(&forget).await;
    assert_eq!(code, Some(1), "nobody said yes: {said}");
    let (code, said) = audited.waybill(&[&forget[..], &["--yes"]].concat()).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.starts_with("one order no longer says"), "{said}");
    assert!(said.contains("records of the observatory that no longer say"), "{said}");

    let found = audited.stack.get("gateway", &format!("/api/orders?customer_id={CUSTOMER}")).await;
    assert_eq!(found.body["orders"], json!([]));
    let kept = audited.stack.get("gateway", &format!("/api/orders/{}", placed.order_id())).await;
    assert_eq!((kept.status, &kept.body["total"]), (200, &placed.body["total"]), "{}", kept.body);
    assert!(!kept.body.to_string().contains(CUSTOMER) && kept.body["payment"].get("card_last4").is_none());
    let differing = |before: &str| {
        let now = fs::read_to_string(ring).unwrap();
        before.lines().zip(now.lines()).filter(|(one, other)| one != other).count()
    };
    assert_eq!(differing(&ring_before), 1, "one bucket");

    // The next order of the same person has another reference, once the services have read the ring again.
    let before = reference(&audited.stack, &placed).await;
    eventually("another reference", async || {
        let again = audited.stack.place(EARL_GREY, CARD).await;
        (reference(&audited.stack, &again).await != before).then_some(())
    })
    .await;
    let rotate = ["customer", "rotate-key", "--admin", &admin, "--key-file", ring, "--yes"];
    let (code, said) = audited.waybill(&rotate).await;
    assert_eq!((code, differing(&ring_before)), (Some(0), 256), "{said}");

    audited.wait_until_delivered().await;
    let acts: Vec<_> = audited.entries().into_iter().filter(|entry| entry.actor == "operator:ada").collect();
    let actions: Vec<_> = acts.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(actions, ["customer.forgotten", "customer_key.rotated"]);
    assert_eq!(acts[0].customer_ref.as_deref(), before.as_str());
    assert!(!fs::read_to_string(audited.file("audit.log")).unwrap().contains(CUSTOMER));

    // The same entries are log lines.
    let path = "/api/logs?q=forgotten&limit=1000";
    let line = eventually("the entry among the lines", async || {
        let lines = audited.stack.get("observatory", path).await.body["logs"].as_array().unwrap().clone();
        lines.into_iter().find(|line| line["stream"] == "audit")
    })
    .await;
    assert_eq!((&line["action"], &line["number"]), (&json!("customer.forgotten"), &json!(acts[0].number)));
}

/// The reference to the customer of an order, in its trace.
async fn reference(stack: &Stack, placed: &Answered) -> Value {
    let spans = stack.spans(placed.trace_id(), 15).await;
    spans.iter().find(|span| span.name == "order.create").unwrap().attributes["customer.ref"].clone()
}
