//! What holds on every stack: on the embedded one, or on the real one that the environment names (`GATEWAY_URL`,
//! `JAEGER_URL`, …: see `acceptance::Backends`). `scripts/real-backends` starts a real one and runs these tests.

mod alerts;
mod exemplars;
mod one_order;
mod panels;
mod sampling;
mod shutdown;
mod zipkin;
