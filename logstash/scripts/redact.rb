# The second line of redaction: takes secrets and card numbers out of a line, should a service ever have left one in.
#
# The first line is shared/telemetry/src/redact.rs, whose rules these are. Runs before everything else that looks at a
# line: on [line], which is what was parsed, and on [message], which is text that is not JSON.
require "json"

REDACTED = "[redacted]".freeze
TOO_DEEP = "[nested too deep]".freeze
DEEPEST = 8

SECRET_WORDS = %w[card_number cardnumber cvv cvc authorization password secret token cookie].freeze
SECRET_NAME = /#{SECRET_WORDS.join("|")}/i.freeze
# A secret within text that could not be parsed: its name, and all up to the end of its value.
SECRET_IN_TEXT = /("[^"]*(?:#{SECRET_WORDS.join("|")})[^"]*"\s*:\s*)("(?:[^"\\]|\\.)*"?|[^,}\s]+)/i.freeze

# Digits, with single spaces or dashes between them.
DIGITS = /\d(?:[ -]?\d){12,}/.freeze
CARD_LENGTHS = 13..19
# Ids of the platform look like cards by chance: UUIDv7, and trace and span ids in hex that are not all decimal.
IDS = /(?<![[:alnum:]-])(\h{8}-\h{4}-7\h{3}-[89ab]\h{3}-\h{12}|(?=\d*[a-f])(?:\h{32}|\h{16}))(?![[:alnum:]-])/i.freeze
ID_FIELDS = %w[trace_id span_id].freeze

def register(_params)
end

def filter(event)
  line = event.get("line")
  event.set("line", clean(line)) unless line.nil?
  text = event.get("message")
  event.set("message", clean_text(text).gsub(SECRET_IN_TEXT) { "#{$1}\"#{REDACTED}\"" }) if text.is_a?(String)
  [event]
rescue StandardError => error
  # Better no line than one with secrets in it.
  event.remove("line")
  event.set("message", "a line that could not be redacted: #{error.class}")
  [event]
end

def clean(value, depth = 0)
  case value
  when Hash then depth < DEEPEST ? clean_members(value, depth) : TOO_DEEP
  when Array then depth < DEEPEST ? value.map { |item| clean(item, depth + 1) } : TOO_DEEP
  when String then clean_text(value)
  when Numeric then clean_text(plain(value)) == plain(value) ? value : REDACTED
  else value
  end
end

def clean_members(hash, depth)
  hash.each_with_object({}) do |(name, value), cleaned|
    cleaned[clean_text(name)] =
      if SECRET_NAME.match?(name) then REDACTED
      elsif ID_FIELDS.include?(name) && value.is_a?(String) && value.match?(/\A(\h{16}|\h{32})\z/) then value
      else clean(value, depth + 1)
      end
  end
end

# A number without exponent or decimals: 4.242424242424242e+15 is a card number, too.
def plain(number)
  number.is_a?(Float) && number.finite? ? number.to_i.to_s : number.to_s
end

def clean_text(text)
  between_and_ids = text.scrub.split(IDS)
  between_and_ids.map.with_index { |part, place| place.odd? ? part : without_cards(part) }.join
end

def without_cards(text)
  text.gsub(DIGITS) { |run| without_card(run) }
end

# Replaces the first, longest card number among the groups of digits: as they were written, so that a card is found
# before its expiry date, but not by chance in the middle of a long number.
def without_card(run)
  groups = run.split(/([ -])/)
  (0...groups.size).step(2) do |first|
    (groups.size - 1).step(first, -2) do |last|
      digits = groups[first..last].join.delete(" -")
      next unless CARD_LENGTHS.cover?(digits.size) && luhn?(digits)

      return groups[0...first].join + REDACTED + without_cards(groups[(last + 1)..].join)
    end
  end
  run
end

# ISO/IEC 7812-1, annex B.
def luhn?(digits)
  sum = digits.reverse.each_char.with_index.sum do |digit, place|
    doubled = digit.to_i * (place.odd? ? 2 : 1)
    doubled > 9 ? doubled - 9 : doubled
  end
  (sum % 10).zero?
end

test "card numbers, however they are written and however deep" do
  in_event do
    { "line" => {
      "message" => "paid with 4242 4242 4242 4242 12/29 123, then 378282246310005 4000000000000002",
      "after an id" => "0193f5c2-0000-7242-8000-000000000007 4242424242424242",
      "note" => { "list" => ["4000-0000-0000-9995", 4_242_424_242_424_242, 4_242_424_242_424_242.0, 12.5, nil] },
      "4242424242424242" => 1
    } }
  end
  expect("are taken out") do |events|
    line = events.first.get("line")
    line["message"] == "paid with [redacted] 12/29 123, then [redacted] [redacted]" &&
      line["note"]["list"] == ["[redacted]", "[redacted]", "[redacted]", 12.5, nil] && line["[redacted]"] == 1 &&
        line["after an id"] == "0193f5c2-0000-7242-8000-000000000007 [redacted]"
  end
end

test "what only looks like a card number" do
  numbers = ["2026-11-22T10:11:12.131415Z", "order 12 of 4242424242424241", "0193f5c2-0000-7242-8000-000000000007",
             "order 0193f5c2-0000-7242-8242-424242424242.", "in 4242424242424242aaaaaaaaaaaaaaaa"]
  in_event { { "line" => { "numbers" => numbers, "span_id" => "4242424242424242", "amount_minor" => 2500 } } }
  expect("stays") do |events|
    events.first.get("line") == { "numbers" => numbers, "span_id" => "4242424242424242", "amount_minor" => 2500 }
  end
end

test "values of secret names" do
  in_event do
    { "line" => { "Authorization" => "Bearer x", "payment.card_number" => 4, "a" => [{ "cookies" => { "b" => 1 } }] },
      "message" => '{"card_number": "42424", "user":"u", "password":"half a l' }
  end
  expect("are taken out of what was parsed") do |events|
    events.first.get("line") == { "Authorization" => REDACTED, "payment.card_number" => REDACTED,
                                  "a" => [{ "cookies" => REDACTED }] }
  end
  expect("and of text") do |events|
    events.first.get("message") == '{"card_number": "[redacted]", "user":"u", "password":"[redacted]"'
  end
end

test "a line that is nested without end" do
  in_event { { "line" => { "a" => (1..30).reduce("4242424242424242") { |inner, _| [inner] } } } }
  expect("is cut off") { |events| events.first.get("line").to_s.include?(TOO_DEEP) }
end
