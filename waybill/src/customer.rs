//! `waybill customer`: forgetting one, and replacing the keys of the references to all of them.

use crate::{
    cli::{ForgetOptions, RotateOptions, TokenOption},
    remote::{bearer, observatory_token, token_of},
};
use api::{customer::CustomerId, problem::Problem};
use order::audit::operator::{HEADER, Operator};
use serde_json::{Value, json};
use std::{
    error::Error,
    io::{BufRead, IsTerminal, Write},
    path::Path,
    time::Duration,
};
use telemetry::{Env, redact::RefRing};

pub(crate) async fn forget(options: ForgetOptions) -> Result<(), Box<dyn Error>> {
    let ForgetOptions { customer_id, admin, observatory, key_file, token, yes } = options;
    let customer: CustomerId = customer_id.parse()?;
    // Before anything is done: half of it is no use to the customer.
    let held = read(&key_file)?;
    RefRing::parse(&held).map_err(|_| {
        format!(
            "{} holds one key for all customers: `waybill customer rotate-key` makes a ring of it",
            key_file.display()
        )
    })?;
    if !yes {
        confirm("This cannot be taken back.")?;
    }
    let answer = ask(&admin, token, "forget", &json!({ "customer_id": customer })).await?;
    let orders = match answer.get("orders").and_then(Value::as_u64).unwrap_or_default() {
        1 => "one order no longer says whose it was".to_owned(),
        count => format!("{count} orders no longer say whose they were"),
    };
    anstream::println!("{orders}; the audit log says that you asked for it");
    RefRing::change_file(&key_file, |ring| ring.forget(customer.as_str())).map_err(|error| {
        let path = key_file.display();
        format!("{path}: {error}; the references in telemetry can still be linked: run the command again")
    })?;
    anstream::println!(
        "the key of this customer's references is replaced, and with it that of 1 in 256 others:"
    );
    anstream::println!(
        "  nobody can find out any more to whom the references in older traces and logs belong"
    );
    anstream::println!("  traces and logs themselves go when their time is over (docs/adr/0016)");
    forget_user(&observatory, &customer).await
}

/// The observatory has references of its own, from the user ids in records that others have sent.
async fn forget_user(observatory: &str, customer: &CustomerId) -> Result<(), Box<dyn Error>> {
    let url = format!("{}/admin/users/forget", observatory.trim_end_matches('/'));
    let request = client()?.post(&url).json(&json!({ "user_id": customer }));
    let answer = match bearer(request, observatory_token()?.as_deref()).send().await {
        Err(error) if error.is_connect() => {
            anstream::println!(
                "no observatory answers at {observatory} (--observatory says where): if there is one,"
            );
            anstream::println!(
                "  it still finds records by this user id; run the command again when it is there"
            );
            return Ok(());
        }
        answer => answer.map_err(|_| format!("{url} did not answer: run the command again"))?,
    };
    let status = answer.status();
    if !status.is_success() {
        return Err(format!("{url} answered {status}: run the command again").into());
    }
    let answer: Value = answer.json().await?;
    let records = answer.get("records").and_then(Value::as_u64).unwrap_or_default();
    anstream::println!("records of the observatory that no longer say which user they were of: {records}");
    Ok(())
}

fn client() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(15)).build()
}

pub(crate) async fn rotate_key(options: RotateOptions) -> Result<(), Box<dyn Error>> {
    let RotateOptions { admin, key_file, token, yes } = options;
    read(&key_file)?;
    if !yes {
        confirm("References in older traces and logs will match no newer ones.")?;
    }
    // First what is to be done, then the deed: nothing is done that the audit log does not have.
    ask(&admin, token, "rotate-key", &json!({})).await?;
    RefRing::replace_file(&key_file).map_err(|error| format!("{}: {error}", key_file.display()))?;
    anstream::println!("all keys of references are replaced; the audit log says that you asked for it");
    anstream::println!("  from now on every customer has another reference in traces and logs");
    Ok(())
}

fn read(path: &Path) -> Result<String, Box<dyn Error>> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()).into())
}

fn confirm(what: &str) -> Result<(), Box<dyn Error>> {
    let input = std::io::stdin();
    if !input.is_terminal() {
        return Err(format!("{what} Say --yes where nobody can be asked").into());
    }
    anstream::print!("{what} Go on? (yes/no) ");
    std::io::stdout().flush()?;
    let mut answer = String::new();
    input.lock().read_line(&mut answer)?;
    if answer.trim() == "yes" { Ok(()) } else { Err("nothing was done".into()) }
}

/// Asks the order service's admin port.
async fn ask(admin: &str, token: TokenOption, what: &str, body: &Value) -> Result<Value, Box<dyn Error>> {
    let url = format!("{}/admin/customers/{what}", admin.trim_end_matches('/'));
    let env = Env::from_process();
    let operator = env.get("USER").filter(|name| Operator::named(name).is_some()).unwrap_or("unknown");
    let request = client()?.post(&url).header(HEADER, operator).json(body);
    let away = |_| format!("nothing answers at {admin}: is the order service running? (--admin says where)");
    let answer = bearer(request, token_of(token)?.as_deref()).send().await.map_err(away)?;
    if answer.status().is_success() {
        return Ok(answer.json().await?);
    }
    let problem: Problem = answer.json().await?;
    Err(problem.detail.unwrap_or(problem.title).into())
}
