//! Labels of metrics. Those with the name of an attribute, underscores for dots, mean the same as the attribute.

use super::{Origin::Own, Privacy::Business, attribute::Attribute};

listed! { Attribute:
    /// The method, or `_OTHER`.
    HTTP_REQUEST_METHOD = "http_request_method" { examples: &["GET"], origin: Own };
    /// The route's template; empty where no route takes the request.
    HTTP_ROUTE = "http_route" { examples: &["/api/orders"], origin: Own };
    /// The answer's status; 499 for a client that went away, empty where no answer came.
    HTTP_RESPONSE_STATUS_CODE = "http_response_status_code" { examples: &["201"], origin: Own };
    /// The host that was asked.
    SERVER_ADDRESS = "server_address" { examples: &["order"], origin: Own };
    /// What kind of failure; few values. Of a metric, empty where nothing went wrong.
    ERROR_TYPE = "error_type" { examples: &["timeout"], origin: Own };
    /// `sqlite` or `postgresql`.
    DB_SYSTEM_NAME = "db_system_name" { examples: &["sqlite"], origin: Own };
    /// The transaction's main statement.
    DB_OPERATION_NAME = "db_operation_name" { examples: &["INSERT"], origin: Own };
    /// The table it is about.
    DB_COLLECTION_NAME = "db_collection_name" { examples: &["orders"], origin: Own };
    /// What an order is now.
    STATUS = "status" { examples: &["confirmed"], origin: Own, privacy: Business };
    /// What became of it.
    OUTCOME = "outcome" { examples: &["approved", "exported"], origin: Own, privacy: Business };
    /// Why somebody was turned away.
    REASON = "reason" { examples: &["rate_token"], origin: Own };
    /// Which product.
    SKU = "sku" { examples: &["TEA-EARL-GREY"], origin: Own, privacy: Business };
    /// Of pieces, whether somebody has them set aside; of an alert, how far it is.
    STATE = "state" { examples: &["available", "firing"], origin: Own };
    /// Where lines go.
    SINK = "sink" { examples: &["stdout"], origin: Own };
    /// Spans or lines.
    SIGNAL = "signal" { examples: &["traces"], origin: Own };
    /// Where something came in.
    INPUT = "input" { examples: &["otlp_grpc"], origin: Own };
    /// Which alert.
    RULE = "rule" { examples: &["orders-fail"], origin: Own };
    /// Which service.
    SERVICE_NAME = "service_name" { examples: &["order-service"], origin: Own };
    /// Which system it belongs to.
    SERVICE_NAMESPACE = "service_namespace" { examples: &["waybill"], origin: Own };
    /// Which release.
    SERVICE_VERSION = "service_version" { examples: &["0.1.0"], origin: Own };
    /// Which process.
    SERVICE_INSTANCE_ID = "service_instance_id" {
        examples: &["0193f5c2-7c1e-7d3a-9a53-0d6f8a1b2c3d"], origin: Own
    };
    /// Which version of the list of signals the process follows.
    SCHEMA_URL = "schema_url" { examples: &["https://waybill.example/schemas/telemetry/1.0.0"], origin: Own };
}
