//! A real NATS server.

use testkit::Nats;
use tokio::net::TcpStream;

#[tokio::test]
async fn it_goes_away_and_comes_back_on_the_same_port() {
    let Some(mut nats) = Nats::start().await else { return };
    let address = nats.url().strip_prefix("nats://").unwrap().to_owned();
    TcpStream::connect(&address).await.unwrap();
    nats.stop();
    TcpStream::connect(&address).await.unwrap_err();
    nats.restart().await;
    TcpStream::connect(&address).await.unwrap();
}
