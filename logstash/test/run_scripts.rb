# Runs the scripts of logstash/scripts with plain Ruby: their own tests, and sample lines through both of them.
#
#   ruby run_scripts.rb <scripts folder> < lines.jsonl > documents.jsonl
#
# The classes below stand in for Logstash's: as much of its event as the scripts use, and its test blocks.
require "json"

module LogStash
  class Event
    def initialize(fields) = @fields = fields
    def get(reference) = path(reference).reduce(@fields) { |inner, name| inner.is_a?(Hash) ? inner[name] : nil }
    def set(name, value) = @fields[name] = value
    def remove(name) = @fields.delete(name)
    def to_hash = @fields.reject { |name, _| name == "@metadata" }
    def path(reference) = reference.start_with?("[") ? reference.scan(/\[([^\]]+)\]/).flatten : [reference]
  end
end

class Script
  attr_reader :tests, :failures

  def initialize(path)
    @path = path
    @tests = @failures = 0
    instance_eval(File.read(path), path)
    register({})
  end

  def test(name, &block)
    @name = name
    @expectations = []
    instance_eval(&block)
    @events = @events.flat_map { |fields| filter(LogStash::Event.new(fields)) }
    @expectations.each { |what, holds| report(what, holds.call(@events)) }
  end

  def in_event = @events = [yield].flatten
  alias in_events in_event

  def expect(what, &block) = @expectations << [what, block]

  def report(what, holds)
    @tests += 1
    return if holds

    @failures += 1
    warn "FAIL  #{File.basename(@path)}: #{@name} #{what}"
  end
end

folder = ARGV.fetch(0)
redact, document, dead_letter = %w[redact document dead_letter].map { |name| Script.new("#{folder}/#{name}.rb") }
$stdin.set_encoding(Encoding::UTF_8).each_line(chomp: true) do |text|
  parsed = begin
    JSON.parse(text)
  rescue JSON::ParserError
    nil
  end
  event = LogStash::Event.new(parsed.nil? ? { "message" => text } : { "line" => parsed })
  made = document.filter(redact.filter(event).first).first
  puts JSON.generate({ "_index" => made.get("[@metadata][index]") }.merge(made.to_hash))
end
scripts = [redact, document, dead_letter]
warn "#{scripts.sum(&:tests)} tests of the scripts, #{scripts.sum(&:failures)} failed"
exit(scripts.sum(&:failures).zero?)
