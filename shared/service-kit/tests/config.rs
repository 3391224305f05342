use service_kit::config::variables::ORDER_URL;
use service_kit::config::{ServerConfig, base_url};
use service_kit::database::DatabaseUrl;
use service_kit::events::EventsUrl;
use telemetry::Env;

#[test]
fn defaults_are_the_contracts() {
    let config = ServerConfig::from_env(&Env::default(), 8081, 9081).unwrap();
    assert_eq!(
        (config.listen.to_string(), config.admin.to_string()),
        ("127.0.0.1:8081".into(), "127.0.0.1:9081".into())
    );
    assert_eq!(Env::default().read(&ORDER_URL, base_url).unwrap(), "http://127.0.0.1:8081/");
    assert!(DatabaseUrl::from_env(&Env::default(), "sqlite:data/order.db").is_ok());
}

#[test]
fn what_is_wrong_is_named() {
    for (name, held) in [
        ("LISTEN_ADDR", "8081"),
        ("ADMIN_ADDR", "localhost"),
        ("REQUEST_TIMEOUT_MS", "0"),
        ("DRAIN_TIMEOUT_MS", "ten"),
        ("DRAIN_TIMEOUT_MS", "-5"),
    ] {
        let error = ServerConfig::from_env(&Env::from_pairs([(name, held)]), 1, 2).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{name}: `{held}` won't do; it takes ")), "{error}");
    }
    for held in
        ["order", "https://order", "http://user:hunter2@order", "http://order/base", "http://order?x=1"]
    {
        let error =
            Env::from_pairs([("ORDER_URL", held)]).read(&ORDER_URL, base_url).unwrap_err().to_string();
        assert!(error.starts_with("ORDER_URL: ") && !error.contains("hunter2"), "{error}");
    }
    for held in [
        "postgres://u:hunter2@db",
        "postgres://u:hunter2@db/",
        "postgres://u:hunter2@db/order?sslmode=perhaps",
        "postgres://u:hunter2@db/order?options=-c",
        "mysql://u:hunter2@db/order",
        "data/order.db",
        "sqlite:",
        "sqlite::memory:",
        "sqlite:x?mode=memory",
    ] {
        let error =
            DatabaseUrl::from_env(&Env::from_pairs([("DATABASE_URL", held)]), "sqlite:x").unwrap_err();
        assert!(error.to_string().starts_with("DATABASE_URL: "), "{error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}

#[test]
fn a_database_is_sqlite_or_postgresql_and_shows_no_password() {
    let read =
        |held: &str| DatabaseUrl::from_env(&Env::from_pairs([("DATABASE_URL", held)]), "sqlite:x").unwrap();
    assert!(matches!(read("sqlite:data/order.db"), DatabaseUrl::Sqlite(_)));
    for held in [
        "postgres://u:hunter2@db/order",
        "postgresql://u:hunter2@db:5432/order",
        "postgres://u:hunter2@db/order?sslmode=verify-full&sslrootcert=/ca.pem",
    ] {
        assert_eq!(format!("{:?}", read(held)), "Postgres(PostgresUrl(db:5432/order))");
    }
}

#[test]
fn a_stream_is_on_one_server_or_a_few() {
    let read = |replicas: &str| {
        let pairs = [("EVENTS_URL", "nats://127.0.0.1:4222"), ("EVENTS_REPLICAS", replicas)];
        EventsUrl::from_env(&Env::from_pairs(pairs))
    };
    assert!(matches!(read("3"), Ok(EventsUrl::Nats(_))));
    for replicas in ["0", "6", "three"] {
        let error = read(replicas).unwrap_err().to_string();
        assert_eq!(
            error,
            format!("EVENTS_REPLICAS: `{replicas}` won't do; it takes a whole number from 1 to 5")
        );
    }
}
