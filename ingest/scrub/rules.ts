import type { ScrubRule } from '../../schemas/scrub.ts'
import { replaceCards } from './card.ts'
import type { SecretKeys } from './secret-keys.ts'

/** Replaces in `text` what a rule finds by what `replace` makes of it; it is called once for each. */
export type Rule = (text: string, replace: Replace) => string
export type Replace = (found: string) => string

// Every pattern is bounded or starts only where a run of its characters does, so that none is slower than linear in the text.

const PRIVATE_KEY =
  /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----[\s\S]*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|$)/g

/** The header with any scheme, and the schemes alone. */
const HEADER =
  /(?<![A-Za-z])((?:proxy-)?authorization\\?["']?\s{0,8}[:=](?!\s{0,8}\\?["']?\[scrubbed:)\s{0,8}\\?["']?)((?:[A-Za-z][\w-]{0,30} {1,4})?[^\s"'\\,;]{1,8192})/gi
const COOKIE =
  /(?<![A-Za-z-])((?:set-)?cookie\\?["']?\s{0,8}:(?!\s{0,8}\\?["']?\[scrubbed:)\s{0,8}\\?["']?)([^\r\n"'\\]{1,8192})/gi
const BEARER = /(?<![A-Za-z])(bearer[ :]{1,4})([\w.~+/-]{6,8192}={0,2})/gi
const BASIC = /(?<![A-Za-z])(basic {1,4})([A-Za-z0-9+/]{4,4096}={0,2})/gi

/** Three parts (JWS) or five (JWE), the first the base64url of `{"`. */
const JWT = /(?<![\w-])eyJ[\w-]{8,}\.[\w-]{4,}(?:\.[\w-]*){1,3}/g

/** Keys that tell by their first letters what they are. */
const API_KEYS = new RegExp(
  `(?<![A-Za-z0-9])(?:${[
    '(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])', // AWS
    'gh[opusr]_[A-Za-z0-9]{30,255}', // GitHub
    'github_pat_\\w{22,255}',
    'glpat-[\\w-]{20,255}', // GitLab
    'xox[abeoprs]-[\\w-]{10,255}', // Slack
    'xapp-[\\w-]{20,255}',
    '(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{10,255}', // Stripe
    'whsec_[A-Za-z0-9+/]{20,255}',
    'AIza[\\w-]{35}', // Google
    'ya29\\.[\\w-]{20,1024}',
    'GOCSPX-[\\w-]{20,64}',
    'SG\\.[\\w-]{16,64}\\.[\\w-]{16,64}', // SendGrid
    'npm_[A-Za-z0-9]{36}',
    'pypi-[\\w-]{50,255}',
    'dckr_pat_[\\w-]{20,64}', // Docker
    'dop_v1_[a-f0-9]{64}', // DigitalOcean
    'shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}', // Shopify
    'sk-(?:[a-z]{2,10}-)?[\\w-]{20,255}', // OpenAI, Anthropic
    'hf_[A-Za-z0-9]{30,64}', // Hugging Face
    'hvs\\.[\\w-]{20,255}', // Vault
    'pf_[a-z0-9]{12}_[\\w-]{43}', // Postflight
  ].join('|')})`,
  'g',
)

const URL_PASSWORD = /(:\/\/[^\s/:@?#"'<>]{0,256}:)(?!\[scrubbed:)([^\s/@"'<>]{1,256})@/g

/** A name and its sign: `name=`, `"name":`, also with escaped quotes. */
const NAME = /(?<![\w.-])([A-Za-z][\w.-]{0,63})(\\?["'])?\s{0,4}([=:])\s{0,4}/g
/** What a name is given: in quotes, in escaped ones, or as far as a list, a query or a line has it. */
const VALUE =
  /\\"(?:[^"\\]|\\(?!")){0,8192}\\"|"(?:[^"\\]|\\.){0,8192}"|'[^'\n]{0,8192}'|[^\s&;,"'<>(){}\]\\]{1,8192}/y
/** Not a secret: nothing, a placeholder, a word about it, or removed already. */
const NO_SECRET =
  /^(?:|null|nil|none|undefined|true|false|\*+|<.*|\[.*|\?|\$\d+|:\w+|@\w+|%\w|redacted|required|missing|invalid|empty)$/i

/** The built-in rules on texts, in the order in which they are applied. */
export function builtInRules(secretKeys: SecretKeys): readonly (readonly [ScrubRule, Rule])[] {
  return [
    ['private_key', (text, replace) => text.replace(PRIVATE_KEY, (found) => replace(found))],
    ['jwt', (text, replace) => text.replace(JWT, (found) => replace(found))],
    ['api_key', (text, replace) => text.replace(API_KEYS, (found) => replace(found))],
    ['authorization', replaceAuthorization],
    ['url_password', replaceUrlPasswords],
    ['card', replaceCards],
    ['password', (text, replace) => replaceAssigned(text, replace, secretKeys)],
  ]
}

function replaceUrlPasswords(text: string, replace: Replace): string {
  return text.replace(URL_PASSWORD, (_, before: string, password: string) => `${before}${replace(password)}@`)
}

function replaceAuthorization(text: string, replace: Replace): string {
  return text
    .replace(HEADER, (all, before: string, value: string) =>
      value.includes('[scrubbed:') ? all : `${before}${replace(value)}`,
    )
    .replace(COOKIE, (_, before: string, value: string) => `${before}${replace(value)}`)
    .replace(BEARER, (all, before: string, token: string) =>
      isToken(token) ? `${before}${replace(token)}` : all,
    )
    .replace(BASIC, (all, before: string, token: string) =>
      Buffer.from(token, 'base64').toString('latin1').includes(':') && isToken(token)
        ? `${before}${replace(token)}`
        : all,
    )
}

/** Words follow `bearer` and `basic` too: a token has digits, or signs, or is longer than words are. */
function isToken(text: string): boolean {
  return /\d|[a-z][A-Z]|[+/=_~]/.test(text) || text.length >= 24
}

function replaceAssigned(text: string, replace: Replace, secretKeys: SecretKeys): string {
  let replaced = ''
  let from = 0
  NAME.lastIndex = 0
  for (let found = NAME.exec(text); found !== null; found = NAME.exec(text)) {
    const [, name, quote, sign] = found as unknown as [string, string, string | undefined, string]
    if (!secretKeys.has(name)) continue
    VALUE.lastIndex = NAME.lastIndex
    const value = VALUE.exec(text)?.[0]
    if (value === undefined) continue
    const marks = /^\\?["']/.exec(value)?.[0].length ?? 0
    const secret = value.slice(marks, value.length - marks)
    // `password: too short` tells something, `password: hunter2` is one.
    const prose = sign === ':' && quote === undefined && marks === 0 && !/\d/.test(secret)
    if (prose || NO_SECRET.test(secret)) continue
    const start = NAME.lastIndex + marks
    replaced += text.slice(from, start) + replace(secret)
    from = start + secret.length
    NAME.lastIndex = from
  }
  return from === 0 ? text : replaced + text.slice(from)
}
