import { OLDER_ATTRIBUTES } from './semantic-conventions.ts'
import { attribute, sqlString } from './sql.ts'

/** Who caused a request. Analysis reads `users` only; the other kinds are counted and shown. */
export const TRAFFIC = ['users', 'health_check', 'bot', 'load_test'] as const
export type Traffic = (typeof TRAFFIC)[number]

/** A request whose span attribute matches the pattern belongs to this kind of traffic. */
export interface TrafficRule {
  readonly traffic: Exclude<Traffic, 'users'>
  /** Span attribute names, the first one present is matched. */
  readonly attributes: readonly [string, ...string[]]
  /** RE2 regular expression. */
  readonly pattern: string
}

const USER_AGENT = ['user_agent.original', ...OLDER_ATTRIBUTES['user_agent.original']] as const

export const TRAFFIC_RULES: readonly TrafficRule[] = [
  { traffic: 'load_test', attributes: ['user_agent.synthetic.type'], pattern: '^test$' },
  { traffic: 'bot', attributes: ['user_agent.synthetic.type'], pattern: '^bot$' },
  {
    traffic: 'health_check',
    attributes: ['http.route', 'url.path', ...OLDER_ATTRIBUTES['url.path']],
    pattern: '^/(_?health(z|check)?|livez?|readyz?|alive|ping|_?status|metrics)(/.*)?$',
  },
  {
    traffic: 'health_check',
    attributes: USER_AGENT,
    pattern: '^(kube-probe|ELB-HealthChecker|GoogleHC|Prometheus|Consul Health Check|Blackbox Exporter)',
  },
  {
    traffic: 'load_test',
    attributes: USER_AGENT,
    pattern: '(?i)^(k6|wrk|autocannon|vegeta|hey|gatling|locust|apachebench|artillery|apache-jmeter)\\b',
  },
  {
    traffic: 'bot',
    attributes: USER_AGENT,
    pattern: '(?i)(bot|crawler|spider|slurp|facebookexternalhit)\\b',
  },
]

/** String SQL over a map of attributes: the kind of traffic by the first rule that matches, else 'users'. */
export function trafficSql(rules: readonly TrafficRule[], map = 'SpanAttributes'): string {
  const arms = rules.flatMap((rule) => [
    `match(${attribute(map, ...rule.attributes)}, ${sqlString(rule.pattern)})`,
    sqlString(rule.traffic),
  ])
  return arms.length === 0 ? "'users'" : `multiIf(${arms.join(', ')}, 'users')`
}
