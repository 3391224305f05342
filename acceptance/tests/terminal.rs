//! `waybill order place`, `trace` and `logs`, as a person types them.

use acceptance::{DECLINED_CARD, Stack};
use testkit::{PATIENCE, Process, built};

/// Runs a command to its end; whether it went well, and what it printed.
async fn run(stack: &Stack, args: &[&str]) -> (bool, String, Vec<String>) {
    let env = [("GATEWAY_URL", stack.url("gateway")), ("OBSERVATORY_URL", stack.url("observatory"))];
    let mut process = Process::start(&built("waybill"), args, env);
    let status = process.ended(PATIENCE).await;
    (status.success(), process.stdout().join("\n"), process.stderr())
}

#[tokio::test]
async fn an_order_can_be_placed_and_followed() {
    let stack = Stack::shared().await;
    let (ok, printed, errors) = run(&stack, &["order", "place"]).await;
    assert!(ok, "{errors:?}");
    assert!(printed.starts_with("confirmed"), "{printed}");
    assert!(!printed.contains('\u{1b}'), "plain in a pipe: {printed}");
    let word_after =
        |label: &str| printed.split_whitespace().skip_while(|word| *word != label).nth(1).unwrap().to_owned();
    let (order_id, trace_id) = (word_after("order"), word_after("trace"));
    stack.spans(&trace_id, 15).await;
    stack.lines(&format!("trace_id={trace_id}"), 5).await;
    for id in [&order_id, &trace_id] {
        let (ok, tree, errors) = run(&stack, &["trace", id]).await;
        assert!(ok, "{errors:?}");
        let names = ["gateway.createOrder", "inventory.reserve", "payment.charge", "order-events process"];
        for name in names {
            assert!(tree.contains(name), "{name} in\n{tree}");
        }
        let (ok, lines, errors) = run(&stack, &["logs", id]).await;
        assert!(ok, "{errors:?}");
        for message in ["stock reserved", "payment processed", "order confirmed", "order placed"] {
            assert!(lines.contains(message), "{message} in\n{lines}");
        }
    }
}

#[tokio::test]
async fn a_declined_order_says_so() {
    let stack = Stack::shared().await;
    let (_, printed, _) = run(&stack, &["order", "place", "--card", DECLINED_CARD]).await;
    assert!(printed.contains("declined"), "{printed}");
}

#[tokio::test]
async fn an_order_nobody_knows_is_one_line() {
    let stack = Stack::shared().await;
    for command in ["trace", "logs"] {
        let (ok, printed, errors) = run(&stack, &[command, "0193f5c2-ffff-7000-8000-ffffffffffff"]).await;
        assert!(!ok && printed.is_empty(), "{command}: {printed}");
        assert_eq!(errors.len(), 1, "{command}: {errors:?}");
    }
}
