# Evaluates a Homebrew formula without Homebrew, as far as ours go, and prints what it says as JSON:
#   ruby formula_stub.rb FORMULA
# A word that Homebrew does not have is a NoMethodError here, too.
require "json"
require "pathname"

# Homebrew lets paths be joined by a slash.
class Pathname
  alias / +
end

module Language
  module Python
    module Virtualenv
      def virtualenv_install_with_resources(link_manpages: false)
        self.class.told[:installs] << { virtualenv: true, manuals: link_manpages }
      end
    end
  end
end

# What stands between `service do` and `end`; Library/Homebrew/service.rb.
class Service
  WORDS = %i[run keep_alive throttle_interval stop_timeout process_type environment_variables
             log_path error_log_path].freeze

  def initialize
    @told = {}
  end

  attr_reader :told

  WORDS.each { |word| define_method(word) { |*values, **named| @told[word] = named.empty? ? values[0] : named } }

  def opt_bin = Pathname("/opt/homebrew/opt/hostnfsd/bin")
  def var = Pathname("/opt/homebrew/var")
  def std_service_path_env = "/opt/homebrew/bin:/opt/homebrew/sbin:/usr/bin:/bin:/usr/sbin:/sbin"
end

# One `resource`.
class Resource
  attr_reader :told

  def initialize = @told = {}
  def url(text) = @told[:url] = text
  def sha256(text) = @told[:sha256] = text
end

# The class that a formula is one of.
class Formula
  class << self
    def told = @told ||= { depends_on: [], resources: {}, installs: [] }

    %i[desc homepage url sha256 license].each { |word| define_method(word) { |text| told[word] = text } }

    def depends_on(what) = told[:depends_on] << (what.is_a?(Hash) ? what.keys[0] : what)

    def resource(name, &block)
      told[:resources][name] = Resource.new.tap { |made| made.instance_eval(&block) }.told
    end

    def service(&block) = told[:service] = Service.new.tap { |made| made.instance_eval(&block) }.told
    def test(&block) = told[:test] = !block.nil?
    attr_reader :last

    def inherited(formula)
      super
      @last = formula
    end
  end

  def bin = Pathname("/opt/homebrew/Cellar/hostnfsd/bin")

  def generate_completions_from_executable(*command)
    self.class.told[:installs] << { completions: command.map(&:to_s) }
  end
end

load ARGV[0]
made = Formula.last.new
made.install
puts JSON.generate(Formula.last.told.merge(caveats: made.caveats))
