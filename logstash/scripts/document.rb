# Makes the document of a log line: ECS fields where the line's field has one, everything else under `waybill`.
#
# Takes what was parsed from [line], or the text that is no JSON object from [message]. The event that comes out is a new
# one: nothing that a sender writes becomes a field, a tag or metadata of Logstash's own, and [@metadata][index] is the
# only thing that decides where the document goes.
require "json"
require "time"

# Which field of a line becomes which field of the document.
FIELDS = JSON.parse(File.read(File.join(File.dirname(__FILE__), "fields.json"))).freeze

SERVICE = /\A[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?\z/.freeze
# Streams that are no service's.
RESERVED = %w[audit alerts unknown].freeze
RFC3339 = /\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)\z/.freeze
# What a `date_nanos` can hold, and what is a duration at all: up to thirty years, in nanoseconds within a `long`.
YEARS = (1970..2261).freeze
MILLISECONDS = (0...1_000_000_000_000).freeze

def register(_params)
end

def filter(event)
  line = event.get("line")
  document, stream = line.is_a?(Hash) ? of_line(line) : of_text(event.get("message") || line.inspect)
  [made(document, stream)]
rescue StandardError => error
  [made({ "@timestamp" => now, "message" => "a line of which no document can be made", "service" => { "name" => "unknown" },
          "error" => { "message" => error.class.to_s }, "tags" => ["_document_failure"] }, "unknown")]
end

def made(document, stream)
  event = LogStash::Event.new(document.merge("@metadata" => { "index" => "logs-waybill.#{stream}-default" }))
  event.remove("@version")
  event
end

def of_line(line)
  document = {}
  tags = []
  rest = line.reject { |name, value| FIELDS.key?(name) && put(document, FIELDS[name], value) }

  tags << "_timestamp_invalid" unless document["@timestamp"]
  document["@timestamp"] ||= now
  service = document.dig("service", "name")
  unless service && SERVICE.match?(service) && !RESERVED.include?(service)
    tags << "_service_unknown"
    rest["service"] = service if service
    (document["service"] ||= {})["name"] = "unknown"
  end
  document["waybill"] = rest unless rest.empty?
  document["tags"] = tags unless tags.empty?
  [document, line["stream"] == "audit" ? "audit" : document["service"]["name"]]
end

# Text that should have been a JSON object: kept as it came, with the reason.
def of_text(text)
  document = { "@timestamp" => now, "message" => "a log line that is not a JSON object", "service" => { "name" => "unknown" },
               "event" => { "original" => text }, "error" => { "message" => why_not_json(text) },
               "tags" => ["_json_parse_failure"] }
  [document, "unknown"]
end

# Puts `value` at `path` (`trace.id`), and says whether it fits there.
def put(document, path, value)
  value = case path
          when "@timestamp" then timestamp(value)
          when "event.duration" then MILLISECONDS.cover?(value) ? (value * 1_000_000).round : nil
          else value.is_a?(String) ? value : nil
          end
  return false if value.nil?

  *parents, last = path.split(".")
  parents.reduce(document) { |inner, name| inner[name] ||= {} }[last] = value
  true
end

def timestamp(value)
  return unless value.is_a?(String) && RFC3339.match?(value)

  time = Time.iso8601(value).utc
  iso(time) if YEARS.cover?(time.year)
rescue ArgumentError
  nil
end

def now
  iso(Time.now.utc)
end

def iso(time)
  time.strftime("%Y-%m-%dT%H:%M:%S.%6NZ")
end

def why_not_json(text)
  JSON.parse(text)
  "JSON, but not an object"
rescue JSON::ParserError => error
  error.message[0, 200]
end

test "a line" do
  in_event do
    { "line" => { "timestamp" => "2026-11-22T11:11:12.131415+01:00", "severity" => "INFO", "message" => "order confirmed",
                  "service" => "order-service", "trace_id" => "0af7651916cd43dd8448eb211c80319c", "duration_ms" => 12.3,
                  "status" => "confirmed", "tags" => ["x"], "@metadata" => { "index" => "mine" } } }
  end
  expect("has its fields in ECS") do |events|
    event = events.first
    event.get("[log][level]") == "INFO" && event.get("[event][duration]") == 12_300_000 &&
      event.get("[trace][id]") == "0af7651916cd43dd8448eb211c80319c" &&
      event.get("@timestamp").to_s.start_with?("2026-11-22T10:11:12.131415")
  end
  expect("keeps the others apart from Logstash's own") do |events|
    event = events.first
    event.get("[waybill][status]") == "confirmed" && event.get("[waybill][tags]") == ["x"] && event.get("tags").nil?
  end
  expect("goes to its service's stream") do |events|
    events.first.get("[@metadata][index]") == "logs-waybill.order-service-default"
  end
end

test "services nobody knows" do
  in_events do
    ["audit", "alerts", "../x", "a-default,logs-*", "Order", "x" * 41, "", "-a", "dead_letter", 7.5, nil, ["a"]].map do |name|
      { "line" => { "service" => name, "timestamp" => "2026-11-22T10:11:12Z" } }
    end
  end
  expect("have one stream together") do |events|
    events.all? { |event| event.get("[@metadata][index]") == "logs-waybill.unknown-default" } && events.size == 12
  end
end

test "a line of the audit trail" do
  in_event { { "line" => { "service" => "order-service", "stream" => "audit", "timestamp" => "2026-11-22T10:11:12Z" } } }
  expect("goes to the audit stream") do |events|
    events.first.get("[@metadata][index]") == "logs-waybill.audit-default"
  end
end

test "values that do not fit" do
  in_event do
    { "line" => { "timestamp" => "yesterday", "service" => "a", "order_id" => { "x" => 1 }, "duration_ms" => "long" } }
  end
  expect("stay as they are, under waybill") do |events|
    events.first.get("waybill") == { "timestamp" => "yesterday", "order_id" => { "x" => 1 }, "duration_ms" => "long" }
  end
  expect("and are told of") { |events| events.first.get("tags") == ["_timestamp_invalid"] }
end

test "text that is no JSON object" do
  in_events { [{ "message" => "GET / HTTP/1.1" }, { "line" => 42 }, { "line" => "text" }, {}] }
  expect("is kept, with the reason") do |events|
    events.all? { |event| event.get("tags") == ["_json_parse_failure"] && event.get("[error][message]") } &&
      events.first.get("[event][original]") == "GET / HTTP/1.1"
  end
end
