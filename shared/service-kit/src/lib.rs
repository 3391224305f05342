//! What every service's start and edge need, so that a service's own code is about its business.
//!
//! Start: [`process`] runs the whole life of a process, [`config`] and [`server`] its parts, [`health`] asks one that
//! runs, [`database`] with
//! [`sqlite`] and [`postgres`] what it keeps.
//! Edge: [`access`] asks for tokens, [`edge`] puts the layers around a router in the right order, [`extract`] and
//! [`error`] turn every mistake into a problem document, [`deadline`] and [`peer`] are the way to other services,
//! [`cloudevents`] and [`events`] that of events.

pub mod access;
pub mod address;
pub mod admin;
pub mod cloudevents;
pub mod config;
pub mod database;
pub mod deadline;
pub mod edge;
pub mod error;
pub mod events;
pub mod extract;
pub mod health;
pub mod peer;
pub mod postgres;
pub mod process;
pub mod server;
pub mod shutdown;
pub mod sqlite;
