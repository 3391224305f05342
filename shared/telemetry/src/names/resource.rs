//! What every signal says of the process it comes from. `OTEL_RESOURCE_ATTRIBUTES` may add others.

use super::attribute::Attribute;

listed! { Attribute:
    /// Which service.
    SERVICE_NAME = "service.name" { examples: &["order-service"] };
    /// Which system it belongs to.
    SERVICE_NAMESPACE = "service.namespace" { examples: &["waybill"] };
    /// Which release.
    SERVICE_VERSION = "service.version" { examples: &["0.1.0"] };
    /// Which process: another id at each start.
    SERVICE_INSTANCE_ID = "service.instance.id" { examples: &["0193f5c2-7c1e-7d3a-9a53-0d6f8a1b2c3d"] };
    /// What made the spans.
    TELEMETRY_SDK_NAME = "telemetry.sdk.name" { examples: &["opentelemetry"] };
    /// In which language.
    TELEMETRY_SDK_LANGUAGE = "telemetry.sdk.language" { examples: &["rust"] };
    /// Its release.
    TELEMETRY_SDK_VERSION = "telemetry.sdk.version" { examples: &["0.33.1"] };
}
