# Makes the document of a dead letter: what Elasticsearch refused, as text, and why. As text it always fits.
require "json"

def register(_params)
end

def filter(event)
  refused = event.to_hash
  service = refused.dig("service", "name") if refused["service"].is_a?(Hash)
  document = {
    "@timestamp" => event.get("[@metadata][dead_letter_queue][entry_time]").to_s,
    "message" => "a log line that Elasticsearch refused",
    "service" => { "name" => service.is_a?(String) ? service : "unknown" },
    "event" => { "original" => refused.to_json },
    "error" => { "message" => event.get("[@metadata][dead_letter_queue][reason]").to_s[0, 2000] },
    "tags" => ["_dead_letter"]
  }
  event = LogStash::Event.new(document)
  event.remove("@version")
  [event]
end

test "a refused document" do
  in_event do
    { "@timestamp" => "2026-11-22T10:11:12.131Z", "service" => { "name" => "order-service" }, "trace" => "no object",
      "@metadata" => { "dead_letter_queue" => { "entry_time" => "2026-11-22T10:11:13.000Z", "reason" => "status: 400" } } }
  end
  expect("is kept as text, with the reason") do |events|
    event = events.first
    event.get("[event][original]").include?('"trace":"no object"') && event.get("[error][message]") == "status: 400" &&
      event.get("[service][name]") == "order-service" && event.get("trace").nil?
  end
end
