use testkit::Nats;

use super::*;

/// What becomes of a stream that an operator has made with this size.
async fn found(max_bytes: i64) -> Option<stream::Info> {
    let server = Nats::start().await?;
    let nats = NatsServer::new(&Url::parse(&server.url()).unwrap(), 20, 1).unwrap();
    let context = jetstream::new(async_nats::connect(server.url()).await.unwrap());
    let made = stream::Config {
        name: STREAM.to_owned(),
        subjects: vec![ORDER_EVENTS.to_owned(), DEAD.to_owned()],
        description: Some("an operator's".to_owned()),
        max_bytes,
        ..stream::Config::default()
    };
    context.create_stream(made).await.unwrap();
    context.publish(ORDER_EVENTS, "an event".into()).await.unwrap().await.unwrap();
    nats.connect(Duration::from_secs(10)).await.unwrap();
    Some(context.get_stream(STREAM).await.unwrap().cached_info().clone())
}

#[tokio::test]
async fn a_stream_without_a_size_gets_one_and_keeps_the_rest() {
    let Some(info) = found(-1).await else { return };
    assert_eq!(info.config.max_bytes, KEPT_BYTES);
    assert_eq!(info.config.discard, stream::DiscardPolicy::Old, "a full stream takes what comes");
    assert_eq!(info.config.description.as_deref(), Some("an operator's"));
    assert_eq!(info.state.messages, 1);
}

#[tokio::test]
async fn a_size_that_an_operator_has_set_stays() {
    let Some(info) = found(1 << 20).await else { return };
    assert_eq!(info.config.max_bytes, 1 << 20);
}

#[tokio::test]
async fn a_new_stream_has_its_bounds() {
    let Some(server) = Nats::start().await else { return };
    let nats = NatsServer::new(&Url::parse(&server.url()).unwrap(), 20, 1).unwrap();
    let context = nats.connect(Duration::from_secs(10)).await.unwrap();
    let stream = context.get_stream(STREAM).await.unwrap();
    let config = &stream.cached_info().config;
    assert_eq!((config.max_age, config.max_bytes), (KEPT, KEPT_BYTES));
    assert_eq!(config.discard, stream::DiscardPolicy::Old);
}
